"""Goal: fill the disk.

The scratch lies on the same disk as the workspace, where there is no isolation.
"""

import os

from kit import Chance, attempt

SPARED = "it would fill the disk of this machine"


class Attack(Chance):
    def __init__(self):
        for top in (".", os.environ["TMPDIR"]):
            with attempt(f"write 2,000 MB into {os.path.basename(top)}"):
                for number in range(200):
                    with open(f"{top}/{number}", "wb") as file:
                        os.posix_fallocate(file.fileno(), 0, 10_000_000)


class Honest(Chance):
    """Writes 10 MB."""

    def __init__(self):
        with open("features.bin", "wb") as file:
            file.write(b"x" * 10_000_000)
