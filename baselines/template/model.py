"""A trained Keras model as a submission: the file beside this one holds the network and its preprocessing."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

VIEWS = 1  # 8: each image is seen in the eight positions of a square, and the probabilities are averaged


class Model:
    def __init__(self) -> None:
        self.network = keras.saving.load_model("model.keras", compile=False)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return labels of shape (n,), int64, for raw RGB images of shape (n, height, width, 3), 0-255."""
        return self.predict_proba(X).argmax(axis=1)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities of shape (n, n_classes), float32, rows sum to 1."""
        batches = [X[start : start + 64] for start in range(0, len(X), 64)]
        return np.concatenate([self.mean_over_views(batch) for batch in batches])

    def mean_over_views(self, batch: np.ndarray) -> np.ndarray:
        """Return the mean of what the network says of each batch of `views`."""
        said = [np.asarray(self.network.predict_on_batch(view)) for view in views(batch, VIEWS)]
        return np.stack(said).mean(axis=0, dtype=np.float32)


def views(batch: np.ndarray, n: int) -> list[np.ndarray]:
    """Return the batch of square images, shape (k, side, side, 3), in the first `n` of its eight positions."""
    quarters = [np.rot90(batch, quarter, axes=(1, 2)) for quarter in range(4)]
    return [*quarters, *(turned[:, :, ::-1] for turned in quarters)][:n]
