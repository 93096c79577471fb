"""Goal: let the harness's clearing away follow links out of the scratch, into folders of the host.

It runs with the user's rights, after the entry is dead.
"""

import os

from kit import Chance, facts, trial

HELD = "clearing away that removes links and never follows them"


class Attack(Chance):
    def __init__(self):
        with trial("leave links to the host"):
            os.makedirs("deep/er")
            for number, path in enumerate((facts.home, facts.workspace, facts.labels, "/")):
                os.symlink(path, f"deep/link{number}")
                os.symlink(path, os.path.join(os.environ["TMPDIR"], f"link{number}"))


class Honest(Chance):
    """Links one file of its own to another."""

    def __init__(self):
        os.symlink("kit.py", "link.py")
        assert open("link.py").read()
