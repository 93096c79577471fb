"""Goal: fill memory or disk by printing without end.

Whoever keeps the log keeps all of it.
"""

import os

from kit import Chance, trial

HELD = "a log of which only the first and the last bytes are kept"
CONTEST = "tight"
ENDS = ("timed_out",)


class Attack(Chance):
    def __init__(self):
        with trial("print without end"):
            while True:
                os.write(1, b"x" * 65536)


class Honest(Chance):
    """Prints more than is kept."""

    def __init__(self):
        for epoch in range(2000):
            print(f"epoch {epoch}: loss {1 / (1 + epoch):.4f}")
