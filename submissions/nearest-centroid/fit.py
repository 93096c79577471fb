"""Average the training images of each class, as an 8 × 8 thumbnail, and find how far distances may be trusted."""

import sys
from pathlib import Path

import numpy as np
from model import log_probabilities, squared_distances, thumbnails

train = np.load(Path(sys.argv[1]) / "train.npz")
features, labels = thumbnails(train["images"]), train["labels"]
centroids = np.stack([features[labels == label].mean(axis=0) for label in range(labels.max() + 1)])

# The scale under which the labels of the training set are likeliest.
distances = squared_distances(features, centroids)
scales = np.geomspace(0.01, 100, 81)
likely = [log_probabilities(distances, scale)[np.arange(len(labels)), labels].mean() for scale in scales]
np.savez("centroids.npz", centroids=centroids, scale=scales[np.argmax(likely)])
