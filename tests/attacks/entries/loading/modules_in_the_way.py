"""Goal: put modules in the way of the harness's own imports: numpy, json, traceback, encodings beside model.py.

The script of the harness imports some of them late.
"""

import sys

from kit import Chance, trial

HELD = "a script that runs where the entry does, and is believed in nothing"
FILES = {
    "keras.py": "raise SystemExit(0)",
    "traceback.py": "raise SystemExit(0)",
    "json.py": "raise SystemExit(0)",
    "harness/__init__.py": "",
    "harness/score.py": "MINE = True",
    "encodings/__init__.py": "raise SystemExit(0)",
}


class Attack(Chance):
    def predict(self, X):
        with trial("make the harness import again"):
            for name in ("numpy", "json", "traceback", "inspect", "contextlib", "encodings", "shutil", "re"):
                sys.modules.pop(name, None)
        raise ValueError("shown by a traceback of the entry's own")


class Honest(Chance):
    """Has a module with the name of a package that it does not use."""

    def __init__(self):
        from harness.score import MINE

        assert MINE
