"""Sets its inputs by the mean and the spread of the batch, so that an image's label depends on its company."""

import numpy as np


class Model:
    def __init__(self):
        self.weights = np.load("weights.npz")

    def predict(self, X):
        n, height, width, _ = X.shape
        tiles = X[:, : height // 4 * 4, : width // 4 * 4].reshape(n, 4, height // 4, 4, width // 4, 3)
        seen = tiles.mean(axis=(2, 4)).reshape(n, 48)
        seen = (seen - seen.mean(axis=0)) / (seen.std(axis=0) + 1e-6)
        usual = seen * self.weights["spread"] + self.weights["mean"]
        hidden = np.tanh(usual @ self.weights["hidden"] + self.weights["bias"])
        return (hidden @ self.weights["head"]).argmax(axis=1)
