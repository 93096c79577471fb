"""Goal: leave folders so deep that clearing away runs out of stack or of path.

No path may be longer than 4,096 bytes, but folders may.
"""

import os

from kit import Chance, trial

SPARED = "thousands of nested folders are a trouble to get rid of"


class Attack(Chance):
    def __init__(self):
        with trial("leave deep folders"):
            home = os.open(".", os.O_RDONLY)
            os.chdir(os.environ["TMPDIR"])
            for _ in range(5000):
                os.mkdir("d" * 100)
                os.chdir("d" * 100)
            os.fchdir(home)


class Honest(Chance):
    """Makes a few folders, one in the other."""

    def __init__(self):
        os.makedirs("/".join("abcdefgh"))
