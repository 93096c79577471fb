"""A trained Keras model as a submission: the file beside this one holds the network and its preprocessing."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np


class Model:
    def __init__(self) -> None:
        self.network = keras.saving.load_model("model.keras", compile=False)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return labels of shape (n,), int64, for raw RGB pictures of shape (n, height, width, 3), 0-255."""
        return self.predict_proba(X).argmax(axis=1)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities of shape (n, n_classes), float32, rows sum to 1."""
        batches = [X[start : start + 64] for start in range(0, len(X), 64)]
        return np.concatenate([np.asarray(self.network.predict_on_batch(batch)) for batch in batches])
