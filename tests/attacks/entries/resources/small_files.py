"""Goal: take memory or the disk's table of files by millions of empty ones.

They have no size, so no limit of size holds them; each costs the kernel a kilobyte.
"""

import os

from kit import Chance, attempt

SPARED = "millions of files are a trouble to get rid of"
GROUPED = True
SLOW = True


class Attack(Chance):
    def __init__(self):
        with attempt("make 2,500,000 files"):
            os.chdir(os.environ["TMPDIR"])
            for number in range(2_500_000):
                os.close(os.open(f"{number}", os.O_CREAT | os.O_WRONLY))


class Honest(Chance):
    """Makes two hundred."""

    def __init__(self):
        for number in range(200):
            open(f"{number}", "w").close()
