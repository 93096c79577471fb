"""Goal: patch the harness's own script in the process: its checks, its report, its way of writing.

It shares the process with the entry; __main__ is a name like any other.
"""

import sys

import numpy as np
from kit import Chance, trial

HELD = "a parent that checks again what the child has checked"
ENDS = ("bad_output", "predict_failed")


class Attack(Chance):
    def __init__(self):
        with trial("patch __main__"):
            main = sys.modules["__main__"]
            main.check_labels = lambda returned, n, n_classes, split="val": np.full(n, 99)
            main.Failure = type("Failure", (Exception,), {})


class Honest(Chance):
    """Has a function of the same name as one of the harness's."""

    def check_labels(self, X):
        return len(X)
