"""Goal: take more than the limits allow, unpunished: claim to be asked for probabilities, for which no entry fails.

A run stopped there keeps its score; so does one that only says that it is there.
"""

import json
import sys

import numpy as np
from kit import Chance, trial

HELD = "the file of predictions, which holds no labels yet, and limits that stop a run whatever it claims"
VERB = "submit"
ENDS = ("bad_output",)


class Attack(Chance):
    def __init__(self):
        with trial("claim to be asked, and take all memory"):
            with open(json.loads(sys.orig_argv[-1])["report"], "a") as file:
                file.write('{"stage": "predict_proba hidden"}\n')
            kept = []
            while True:
                kept.append(np.ones(4_000_000))


class Honest(Chance):
    """Offers probabilities and takes too much for them: its labels are scored."""

    def predict_proba(self, X):
        return np.ones((len(X), 2**40)) / 2**40
