"""Goal: sleep for ever.

It costs nothing but the place of the next.
"""

import time

from kit import Chance, trial

HELD = "the clock of the harness"
CONTEST = "tight"
ENDS = ("timed_out",)


class Attack(Chance):
    def predict(self, X):
        with trial("sleep"):
            time.sleep(10**6)


class Honest(Chance):
    """Sleeps a tenth of a second."""

    def predict(self, X):
        time.sleep(0.1)
        return super().predict(X)
