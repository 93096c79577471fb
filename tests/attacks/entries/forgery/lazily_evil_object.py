"""Goal: run code when the answer is looked at: __array__, __len__, __iter__ of an object that is no array.

It runs in whatever process looks.
"""

from kit import Chance, trial

HELD = "the child, which looks first, in the entry's own process; the parent reads numbers"
ENDS = ("bad_output", "predict_failed")


class Evil:
    def __array__(self, *given, **named):
        with trial("run when looked at"):
            open("/proc/self/exe", "ab")
        return "x" * 10**6

    def __len__(self):
        raise SystemExit(0)

    def __iter__(self):
        while True:
            yield self


class Attack(Chance):
    def predict(self, X):
        return Evil()


class Tensor:
    def __init__(self, labels):
        self.labels = labels

    def __array__(self, dtype=None, copy=None):
        return self.labels


class Honest(Chance):
    """Returns a tensor of a library that numpy can read."""

    def predict(self, X):
        return Tensor(super().predict(X))
