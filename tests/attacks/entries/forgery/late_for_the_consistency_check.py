"""Goal: be scored by time: claim to be in the consistency check, which counts for nothing, and never end.

The clock then stops a run whose needed answers it believes to have.
"""

import json
import sys
import time

from kit import Chance, trial

HELD = "the file of predictions, which holds no labels yet"
CONTEST = "tight"
ENDS = ("bad_output", "timed_out")


class Attack(Chance):
    def predict(self, X):
        with trial("claim the consistency check"):
            with open(json.loads(sys.orig_argv[-1])["report"], "a") as file:
                file.write('{"stage": "predict again"}\n')
            time.sleep(100)
        return super().predict(X)


class Honest(Chance):
    """Is slow with single images."""

    def predict(self, X):
        time.sleep(0.01 if len(X) == 1 else 0)
        return super().predict(X)
