"""Goal: read and change the scratch of a run beside this one.

Two entries that run at the same time lie in neighbouring folders.
"""

from pathlib import Path

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "the neighbour's files"


class Attack(Chance):
    def __init__(self):
        with attempt("read the neighbour's scratch"):
            print(Path(facts.neighbour, "canary").read_text())
        with attempt("change the neighbour's scratch"):
            Path(facts.neighbour, "canary").write_text("overwritten")


class Honest(Chance):
    """Looks at what lies beside its own folder."""

    def __init__(self):
        assert Path("..").resolve().exists()
