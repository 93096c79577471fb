"""Goal: take memory or the disk's table of files by hundreds of thousands of empty files, folders and links.

They have no size, so no limit of size holds them; each costs the kernel a kilobyte.
"""

import os

from kit import Chance, attempt

SPARED = "so many files are a trouble to get rid of"
ENDS = ("killed",)


class Attack(Chance):
    def __init__(self):
        with attempt("make 600,000 files, folders and links"):
            for number in range(200_000):
                os.close(os.open(f"{number}", os.O_CREAT | os.O_WRONLY))
                os.mkdir(f"/tmp/{number}")
                os.symlink("anywhere", f"/dev/shm/{number}")


class Honest(Chance):
    """Makes two thousand."""

    def __init__(self):
        for number in range(2000):
            open(f"{number}", "w").close()
