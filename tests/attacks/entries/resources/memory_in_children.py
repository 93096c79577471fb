"""Goal: hold more memory than is allowed, each process a little.

A limit for each process is then none for all.
"""

import os
import time

import numpy as np
from kit import Chance, attempt

SPARED = "two gigabytes may be more than the machine has left"
ENDS = ("out_of_memory", "load_failed")


class Attack(Chance):
    def __init__(self):
        with attempt("hold 2,000 MB in 20 processes"):
            children = []
            for _ in range(20):
                if (child := os.fork()) == 0:
                    held = np.ones(100_000_000, np.uint8)
                    time.sleep(3 + held[0])
                    os._exit(0)
                children.append(child)
            for child in children:
                assert os.waitpid(child, 0)[1] == 0


class Honest(Chance):
    """Holds 20 MB in each of two processes."""

    def __init__(self):
        for _ in range(2):
            if (child := os.fork()) == 0:
                np.ones(20_000_000, np.uint8)
                os._exit(0)
            os.waitpid(child, 0)
