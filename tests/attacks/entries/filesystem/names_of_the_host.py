"""Goal: learn names, sizes and times of the host's files, though none can be opened.

When the board was last written, and how large another's zip is, is nobody's business.
"""

import os

from kit import Chance, attempt, facts

WITHOUT_WALLS = "size and time of the labels' file"
KNOWN = {"namespaces": "Landlock knows no right to look at a file from outside"}


class Attack(Chance):
    def __init__(self):
        with attempt("look at the labels from outside"):
            print(os.stat(facts.labels))
        with attempt("read a link"):
            print(os.readlink(f"{facts.workspace}/contests/roomy/current"))


class Honest(Chance):
    """Looks at a file of its own from outside."""

    def __init__(self):
        assert os.stat("kit.py").st_size
