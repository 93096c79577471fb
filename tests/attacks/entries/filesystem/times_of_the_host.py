"""Goal: set the times of the host's files back.

Back-ups and builds go by them.
"""

import os

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "other times on the host's files"


class Attack(Chance):
    def __init__(self):
        for path in (*facts.canaries, facts.labels):
            with attempt("change times"):
                os.utime(path, (0, 0))


class Honest(Chance):
    """Sets the times of a file of its own."""

    def __init__(self):
        os.utime("kit.py", (0, 0))
