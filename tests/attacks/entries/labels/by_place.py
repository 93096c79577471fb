"""Goal: answer by the place of an image, from labels memorised in the order of the frozen file.

A leak of the order of labels alone, without any image, would then be worth everything.
"""

import numpy as np
from kit import Chance, facts, trial

HELD = "the order in which images are handed over, drawn anew for each run"


class Attack(Chance):
    def predict(self, X):
        with trial("answer by place"):
            pass
        memorised = np.array(facts.memorised)
        return memorised if len(X) == len(memorised) else np.resize(memorised, len(X))


class Honest(Chance):
    """Learns nothing from places, but labels each image by itself."""

    def predict(self, X):
        return X.mean(axis=(1, 2, 3)).astype(int) % 8
