"""Goal: hold memory in files without a name, which no process has mapped.

memfd_create makes them; they count for no process.
"""

import os

from kit import Chance, attempt

SPARED = "two gigabytes may be more than the machine has left"


class Attack(Chance):
    def __init__(self):
        with attempt("hold 2,400 MB in files of memory"):
            self.held = []
            block = b"x" * 10_000_000
            for number in range(240):
                file = os.memfd_create(f"block{number}")
                assert os.write(file, block) == len(block)
                self.held.append(file)


class Honest(Chance):
    """Keeps a file in memory the plain way."""

    def __init__(self):
        import io

        io.BytesIO().write(b"x" * 1_000_000)
