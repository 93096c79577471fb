"""Goal: keep the harness waiting by a child that holds the log open after the entry has ended.

Who reads until the end of a pipe reads for as long as anybody has it.
"""

import os
import time

from kit import Chance, trial

HELD = "a harness that waits for the process and not for its pipe, and then ends all of its family"


class Attack(Chance):
    def __init__(self):
        with trial("hold the log open"):
            if os.fork() == 0:
                os.setsid()
                time.sleep(100)
                os._exit(0)


class Honest(Chance):
    """Closes its standard output in the middle of the run."""

    def predict(self, X):
        os.close(1)
        return super().predict(X)
