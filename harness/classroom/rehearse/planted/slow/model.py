"""Would be done tomorrow."""

import time

import numpy as np


class Model:
    def predict(self, X):
        time.sleep(24 * 3600)
        return np.zeros(len(X), int)
