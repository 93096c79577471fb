"""Goal: make one file larger than any disk.

A hole takes no room, until somebody copies it.
"""

from kit import Chance, attempt

WITHOUT_ISOLATION = ""
HELD = "the limit on the size of a file"


class Attack(Chance):
    def __init__(self):
        with attempt("make a file of a terabyte"), open("hole", "wb") as file:
            file.truncate(10**12)


class Honest(Chance):
    """Makes a file of 5 MB with a hole in it."""

    def __init__(self):
        with open("hole", "wb") as file:
            file.seek(5_000_000)
            file.write(b"x")
