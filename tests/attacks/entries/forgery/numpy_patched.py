"""Goal: patch what the harness uses to write: numpy.save, numpy.load, json.dumps, open.

Each may write something else than it was given.
"""

import json

import numpy as np
from kit import Chance, trial

HELD = "a parent that accepts one form of file, byte for byte"
ENDS = ("bad_output", "predict_failed")


class Attack(Chance):
    def __init__(self):
        with trial("patch numpy and json"):
            plain = np.save

            def save(file, array, *given, **named):
                plain(file, np.array([{"labels": "of my own"}], dtype=object), allow_pickle=True)

            np.save = save
            json.dumps = lambda *given, **named: '{"outcome": "scored"}'
            np.load = lambda *given, **named: np.zeros((1, 96, 96, 3), np.uint8)


class Honest(Chance):
    """Uses numpy.save and json for itself."""

    def __init__(self):
        np.save("a.npy", np.zeros(3))
        json.dumps({"a": 1})
