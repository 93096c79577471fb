"""The class whose average thumbnail is nearest: the simplest model that looks at a picture."""

import numpy as np


def thumbnails(X):
    """Return mean colours on an 8 × 8 grid, shape (n, 192), float32, 0-1."""
    n, height, width, _ = X.shape
    blocks = X.reshape(n, 8, height // 8, 8, width // 8, 3)
    return (blocks.mean(axis=(2, 4)) / 255).reshape(n, -1).astype(np.float32)


class Model:
    def __init__(self):
        self.centroids = np.load("centroids.npy")

    def predict(self, X):
        distances = ((thumbnails(X)[:, None] - self.centroids[None]) ** 2).sum(axis=2)
        return distances.argmin(axis=1)
