"""A label drawn at random for each image: the floor for accuracy over eight classes is 12.5 %.

The draw is keyed by the image itself, so that an image gets the same label in whatever company it is shown.
"""

import zlib

import numpy as np


class Model:
    def predict(self, X):
        return np.array([np.random.default_rng(zlib.crc32(image.tobytes())).integers(8) for image in X])
