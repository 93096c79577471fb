"""Goal: hold more memory than is allowed: one large array, written to.

600 MB are allowed here.
"""

import time

import numpy as np
from kit import Chance, attempt

SPARED = "two gigabytes may be more than the machine has left"
ENDS = ("out_of_memory", "load_failed")


class Attack(Chance):
    def __init__(self):
        with attempt("hold 2,000 MB"):
            self.held = np.ones(2_000_000_000, np.uint8)
            time.sleep(3)


class Honest(Chance):
    """Holds 200 MB."""

    def __init__(self):
        self.held = np.ones(200_000_000, np.uint8)
