"""Goal: run code before any restriction holds: sitecustomize, usercustomize and a .pth file at the root of the zip.

Interpreters run them at their start, where they find them.
"""

from kit import Chance, trial

HELD = "an interpreter that is started in another folder, and restrictions that are in force before it starts"
FILES = {
    "sitecustomize.py": "import os; os.environ['EARLY'] = 'sitecustomize'",
    "usercustomize.py": "import os; os.environ['EARLY'] = 'usercustomize'",
    "evil.pth": "import os; os.environ['EARLY'] = 'pth'",
    "pyvenv.cfg": "home = /sandbox/entry\n",
}


class Attack(Chance):
    def __init__(self):
        import os

        with trial("look whether they ran"):
            print(f"REACHED: {os.environ['EARLY']} ran before the entry")


class Honest(Chance):
    """Has a module of its own that is imported first."""

    def __init__(self):
        import sitecustomize

        assert sitecustomize
