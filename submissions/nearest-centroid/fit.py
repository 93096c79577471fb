"""Average the training pictures of each class, as an 8 × 8 thumbnail."""

import sys
from pathlib import Path

import numpy as np
from model import thumbnails

train = np.load(Path(sys.argv[1]) / "train.npz")
features, labels = thumbnails(train["images"]), train["labels"]
np.save("centroids.npy", np.stack([features[labels == label].mean(axis=0) for label in range(labels.max() + 1)]))
