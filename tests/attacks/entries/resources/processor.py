"""Goal: compute without end, in native code that never looks up.

No signal handler of the interpreter is ever reached.
"""

from kit import Chance, trial

HELD = "the clock of the harness and a signal that cannot be caught"
CONTEST = "tight"
ENDS = ("timed_out",)


class Attack(Chance):
    def __init__(self):
        with trial("raise a number to a power that takes years"):
            pow(3, 10**9)


class Honest(Chance):
    """Computes for a moment."""

    def __init__(self):
        assert pow(3, 10**4) % 10 == 1
