"""Always the most frequent class: what a model must beat to have learnt anything."""

import numpy as np


class Model:
    def __init__(self):
        self.label = int(np.load("majority.npy"))

    def predict(self, X):
        return np.full(len(X), self.label)
