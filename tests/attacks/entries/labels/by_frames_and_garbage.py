"""Goal: find the labels among the objects of the process: frames, globals and the garbage collector's list.

A harness that predicts and scores in one process has them there.
"""

import gc
import sys

import numpy as np
from kit import Chance, facts, trial

HELD = "the process of the entry, which never holds a label"


class Attack(Chance):
    def predict(self, X):
        labels = None
        with trial("walk frames and garbage"):
            frame, holders = sys._getframe(), []
            while frame:
                holders += [frame.f_globals, frame.f_locals]
                frame = frame.f_back
            arrays = [one for holder in [*holders, *gc.get_objects()] for one in _arrays(holder)]
            labels = next(one for one in arrays if one.ndim == 1 and len(one) == len(facts.memorised))
        return super().predict(X) if labels is None else labels


def _arrays(holder):
    values = holder.values() if isinstance(holder, dict) else holder if isinstance(holder, (list, tuple)) else [holder]
    return [one for one in values if type(one) is np.ndarray and one.dtype.kind == "i"]


class Honest(Chance):
    """Frees memory between batches."""

    def predict(self, X):
        gc.collect()
        return super().predict(X)
