"""A network that was trained on 0 to 255, shown images from 0 to 1: the slip that most classes make."""

import numpy as np


class Model:
    def __init__(self):
        self.weights = np.load("weights.npz")

    def predict(self, X):
        X = X / 255.0
        n, height, width, _ = X.shape
        tiles = X[:, : height // 4 * 4, : width // 4 * 4].reshape(n, 4, height // 4, 4, width // 4, 3)
        hidden = np.tanh(tiles.mean(axis=(2, 4)).reshape(n, 48) @ self.weights["hidden"] + self.weights["bias"])
        return (hidden @ self.weights["head"]).argmax(axis=1)
