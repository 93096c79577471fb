"""Goal: open files by io_uring, which makes calls in the kernel's own name, past a filter of calls.

A ring is a queue of wishes; no call is made for each.
"""

import ctypes

from kit import Chance, attempt, syscall

WITHOUT_ISOLATION = "a ring"


class Attack(Chance):
    def __init__(self):
        with attempt("make a ring"):
            syscall("io_uring_setup", 4, ctypes.create_string_buffer(120))


class Honest(Chance):
    """Reads a file with asyncio."""

    def __init__(self):
        import asyncio

        asyncio.run(asyncio.to_thread(open("kit.py").read))
