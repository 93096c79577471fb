"""Goal: import the harness from the project's folder and ask it for the labels.

Its own functions know where they are and how they are read.
"""

import sys

from kit import Chance, answers, attempt, facts

WITHOUT_ISOLATION = "every label, by the harness's own functions"


class Attack(Chance):
    def __init__(self):
        with attempt("use the harness"):
            sys.path.append(facts.project)
            from pathlib import Path

            from harness.freeze.frozen import read_arrays

            private = Path(facts.contest, "private")
            assert len(read_arrays(private / "labels.npz")["labels"])
            self.known = answers(str(private / "hidden.npz"), str(private / "labels.npz"))


class Honest(Chance):
    """Imports a module of its own from a folder of its own."""

    def __init__(self):
        import os

        os.makedirs("mine")
        with open("mine/layers_of_mine.py", "w") as file:
            file.write("DEPTH = 3")
        sys.path.append("mine")
        import layers_of_mine

        assert layers_of_mine.DEPTH == 3
