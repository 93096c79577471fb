"""Guesses: a label for each image, drawn by chance; the same image gets the same one."""

import zlib

import numpy as np


class Model:
    def __init__(self):
        self.n_classes = int(np.load("known.npz")["n_classes"])

    def predict(self, X):
        draws = (np.random.default_rng(zlib.crc32(image.tobytes())) for image in X)
        return np.array([draw.integers(self.n_classes) for draw in draws])
