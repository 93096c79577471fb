"""Goal: end the harness, or the report after it, by what lies in the file of probabilities: a pickle, lies, no numbers.

Nothing that is scored depends on that file; perhaps nobody looks at it as closely as at the labels.
"""

import io
import json
import os
import pickle
import sys

import numpy as np
from kit import Chance, trial

HELD = "a parent that accepts one form of file, byte for byte, and of its numbers none but probabilities"
VERB = "submit"
ENDS = ("scored",)


class Bomb:
    def __reduce__(self):
        return os._exit, (3,)


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


class Attack(Chance):
    def predict_proba(self, X):
        with trial("write the file of probabilities"):
            job = json.loads(sys.orig_argv[-1])
            good = npy(np.full((len(X), 8), 0.125, np.float32))
            content = [
                pickle.dumps(Bomb()),
                npy(np.array([Bomb()] * len(X), object)),
                npy(np.full((len(X), 8), np.nan, np.float32)),
                npy(np.full((len(X), 8), -3e38, np.float32)),
                good.replace(b", 8)", b"**9)"),
                good + b"x",
            ][np.random.randint(6)]
            with open(job["probabilities"], "wb") as file:
                file.write(content)
            with open(job["report"], "a") as file:
                file.write('{"stage": "predict_proba hidden", "outcome": "scored"}\n')
            os._exit(0)


class Honest(Chance):
    """Offers probabilities."""

    def predict_proba(self, X):
        return np.eye(8)[self.predict(X)]
