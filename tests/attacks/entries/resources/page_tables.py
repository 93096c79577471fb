"""Goal: hold memory that is not even pages: the tables that the kernel keeps for a huge, empty mapping.

Reading one byte in each 2 MB costs a table of 4 KB each time, and no page.
"""

import mmap

from kit import Chance, attempt

SPARED = "two gigabytes may be more than the machine has left"
GROUPED = True
SLOW = True
STEP = 1 << 21


class Attack(Chance):
    def __init__(self):
        with attempt("hold 2,400 MB in page tables"):
            self.held = []
            for _ in range(60):
                mapping = mmap.mmap(-1, 20_000 * STEP // 2, flags=mmap.MAP_PRIVATE | 0x4000, prot=mmap.PROT_READ)
                mapping.madvise(15)  # no huge pages
                self.held.append(mapping)
                for at in range(0, len(mapping), STEP):
                    mapping[at]
            with open("/proc/self/status") as file:
                tables = next(int(line.split()[1]) for line in file if line.startswith("VmPTE"))
            assert tables > 2_300_000, f"{tables} KB of tables"


class Honest(Chance):
    """Maps a large file of its own and reads a little of it."""

    def __init__(self):
        with open("large", "wb") as file:
            file.truncate(10_000_000)
        with open("large", "rb") as file:
            assert mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)[5_000_000] == 0
