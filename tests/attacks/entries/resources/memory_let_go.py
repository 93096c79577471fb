"""Goal: hold shared memory that no process seems to use: written, then let go of page by page.

The pages stay as long as the mapping does, but count for nobody.
"""

import mmap

from kit import Chance, attempt

SPARED = "two gigabytes may be more than the machine has left"
GROUPED = True
SIZE = 50_000_000


class Attack(Chance):
    def __init__(self):
        with attempt("hold 2,400 MB in shared mappings"):
            self.held = []
            for _ in range(48):
                shared = mmap.mmap(-1, SIZE)
                shared.write(b"x" * SIZE)
                shared.madvise(mmap.MADV_DONTNEED)
                self.held.append(shared)
            assert {shared[SIZE - 1] for shared in self.held} == {120}, "it is gone"


class Honest(Chance):
    """Shares an array between processes."""

    def __init__(self):
        import ctypes
        import multiprocessing

        shared = multiprocessing.RawArray(ctypes.c_uint8, 10_000_000)
        shared[0] = 1
