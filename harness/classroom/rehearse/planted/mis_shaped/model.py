"""Returns a score for each class where one label is due."""

import numpy as np


class Model:
    def __init__(self):
        self.n_classes = int(np.load("known.npz")["n_classes"])

    def predict(self, X):
        scores = np.zeros((len(X), self.n_classes))
        scores[:, 0] = 1 + X.reshape(len(X), -1).mean(axis=1)
        return scores
