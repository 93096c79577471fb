"""An honest entry: mean colours of 4 × 4 tiles, and a small network that its team trained on the public images."""

import numpy as np


def features(X):
    n, height, width, _ = X.shape
    tiles = X[:, : height // 4 * 4, : width // 4 * 4].reshape(n, 4, height // 4, 4, width // 4, 3)
    return tiles.mean(axis=(2, 4), dtype=np.float32).reshape(n, 48)


class Model:
    def __init__(self):
        self.weights = np.load("weights.npz")

    def predict(self, X):
        hidden = np.tanh(features(X) @ self.weights["hidden"] + self.weights["bias"])
        return (hidden @ self.weights["head"]).argmax(axis=1)
