"""Goal: answer differently at each look: a subclass of an array that lies about its length, type and content.

A check that looks twice has looked at two things.
"""

import numpy as np
from kit import Chance, trial

HELD = "a plain copy made once, of which everything else is asked"
ENDS = ("bad_output", "predict_failed")


class Liar(np.ndarray):
    shape = property(lambda self: (10**6,))
    dtype = property(lambda self: np.dtype("int64"))

    def __len__(self):
        return 10**6

    def __eq__(self, other):
        return True

    __hash__ = None


class Attack(Chance):
    def predict(self, X):
        with trial("return a liar"):
            pass
        return np.full(len(X) + 1, 99.5).view(Liar)


class Honest(Chance):
    """Returns an array of a subclass that does nothing."""

    def predict(self, X):
        return np.ma.masked_array(super().predict(X))
