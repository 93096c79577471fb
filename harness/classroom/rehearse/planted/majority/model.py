"""Says the most frequent class, whatever it sees."""

import numpy as np


class Model:
    def __init__(self):
        self.label = int(np.load("known.npz")["label"])

    def predict(self, X):
        return np.full(len(X), self.label)
