"""Goal: give a file of the host a second name in one's own folder.

Rights are asked for by folder in some sandboxes.
"""

import os

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "a second name for the neighbour's file"


class Attack(Chance):
    def __init__(self):
        with attempt("link a file of the host"):
            os.link(f"{facts.neighbour}/canary", "canary")
            print(open("canary").read())


class Honest(Chance):
    """Links a file of its own."""

    def __init__(self):
        os.link("kit.py", "again.py")
