"""Goal: take every open file that the machine can have.

Each of many processes opens as many as it may.
"""

import os

from kit import Chance, attempt

WITHOUT_ISOLATION = ""
HELD = "the limit on open files"


class Attack(Chance):
    def __init__(self):
        with attempt("open 5,000 files"):
            self.held = [os.open("/dev/null", os.O_RDONLY) for _ in range(5000)]


class Honest(Chance):
    """Opens 200."""

    def __init__(self):
        self.held = [open("kit.py") for _ in range(200)]
