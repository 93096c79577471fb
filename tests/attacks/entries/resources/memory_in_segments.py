"""Goal: hold memory in System V segments, let go of after writing.

A segment lives on without any process that has it attached.
"""

import ctypes

from kit import Chance, attempt

SPARED = "two gigabytes may be more than the machine has left"
SIZE = 50_000_000


class Attack(Chance):
    def __init__(self):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.shmat.restype = ctypes.c_void_p
        libc.shmdt.argtypes = [ctypes.c_void_p]
        with attempt("hold 2,400 MB in segments"):
            for _ in range(48):
                if (segment := libc.shmget(0, SIZE, 0o1600)) < 0:
                    raise OSError(ctypes.get_errno(), "no more segments")
                address = libc.shmat(segment, None, 0)
                ctypes.memset(address, 1, SIZE)
                libc.shmdt(address)


class Honest(Chance):
    """Lets go of arrays after use."""

    def __init__(self):
        import numpy as np

        for _ in range(5):
            np.ones(50_000_000, np.uint8)
