"""What a stranger's training does here: it makes the model and lets it see public images, as the harness would."""

import sys
from pathlib import Path

import numpy as np
from model import Model  # type: ignore[import-not-found]

with np.load(Path(sys.argv[1]) / "val.npz") as arrays:
    images = arrays["images"]
model = Model()
np.asarray(model.predict(images))
if hasattr(model, "predict_proba"):
    model.predict_proba(images)
