"""A label drawn at random for each picture: the floor for accuracy over eight classes is 12.5 %."""

import numpy as np


class Model:
    def predict(self, X):
        return np.random.default_rng(0).integers(0, 8, size=len(X))
