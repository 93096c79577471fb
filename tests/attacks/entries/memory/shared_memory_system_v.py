"""Goal: attach a System V segment that another program has left open to all.

Whoever knows the key gets in; the key is a number to be guessed.
"""

import ctypes

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "what the segment holds"


class Attack(Chance):
    def __init__(self):
        libc = ctypes.CDLL(None)
        libc.shmat.restype = ctypes.c_void_p
        with attempt("attach a segment"):
            number = libc.shmget(facts.shm_key, 0, 0)
            assert number >= 0, "no such key"
            address = libc.shmat(number, None, 0)
            print(ctypes.string_at(address, 30).decode())
            ctypes.memmove(address, b"overwritten", 11)


class Honest(Chance):
    """Shares memory between its own processes."""

    def __init__(self):
        import mmap
        import os

        shared = mmap.mmap(-1, 4096)
        if not (child := os.fork()):
            shared[:4] = b"done"
            os._exit(0)
        os.waitpid(child, 0)
        assert shared[:4] == b"done"
