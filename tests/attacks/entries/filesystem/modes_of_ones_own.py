"""Goal: leave folders that cannot be entered, so that clearing away fails.

The next run would find the disk full of the last.
"""

import os

from kit import Chance, trial

HELD = "clearing away that gives itself the right to enter each folder first"


class Attack(Chance):
    def __init__(self):
        with trial("leave closed folders"):
            for top in (".", os.environ["TMPDIR"]):
                inner = os.path.join(top, "closed", "closed")
                os.makedirs(inner)
                open(os.path.join(inner, "file"), "w").close()
                for path in (inner, os.path.dirname(inner), top):
                    os.chmod(path, 0)


class Honest(Chance):
    """Protects a file of its own."""

    def __init__(self):
        os.chmod("kit.py", 0o400)
