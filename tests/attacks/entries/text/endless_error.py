"""Goal: keep the harness busy with an error: one whose text never ends, or that fails when it is printed.

Whoever tells of it prints it.
"""

from kit import Chance, trial

HELD = "the clock of the harness, which goes on while an error is printed in the entry's process"
CONTEST = "tight"
ENDS = ("timed_out", "predict_failed")


class Endless(Exception):
    def __str__(self):
        while True:
            pass

    __repr__ = __str__


class Attack(Chance):
    def predict(self, X):
        with trial("raise an endless error"):
            pass
        raise Endless


class Honest(Chance):
    """Catches an error with a long text."""

    def predict(self, X):
        try:
            raise ValueError("x" * 100_000)
        except ValueError as error:
            assert len(str(error)) == 100_000
        return super().predict(X)
