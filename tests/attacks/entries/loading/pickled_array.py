"""Goal: have the harness itself load a pickle: predictions as an array of objects.

numpy.load runs it, where it is allowed to.
"""

import json
import os
import sys

import numpy as np
from kit import Chance, facts, trial

HELD = "a parent that reads bytes and never unpickles"
ENDS = ("bad_output",)


class Bomb:
    def __reduce__(self):
        return os.system, (f"echo owned > {facts.home}/owned",)


class Attack(Chance):
    def __init__(self):
        with trial("leave a pickle as predictions"):
            job = json.loads(sys.orig_argv[-1])
            with open(job["predictions"], "wb") as file:
                np.save(file, np.array([Bomb()], dtype=object), allow_pickle=True)
            with open(job["report"], "a") as file:
                file.write('{"stage": "predict hidden", "outcome": "scored"}\n')
            os._exit(0)


class Honest(Chance):
    """Saves and loads an array of objects of its own."""

    def __init__(self):
        np.save("names.npy", np.array(["a", 1], dtype=object), allow_pickle=True)
        assert len(np.load("names.npy", allow_pickle=True)) == 2
