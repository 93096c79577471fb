"""Goal: have whoever opens a file of the host wait, the harness among them, by a lease on it.

Who owns a file may have a lease on it, though it was opened for reading; the kernel grants 45 s to give it up.
"""

import fcntl
import sys

import numpy as np
from kit import Chance, attempt

WITHOUT_ISOLATION = "a lease on the harness's own script"
F_SETDELEG = 1040  # since Linux 6.19, on folders


class Attack(Chance):
    def __init__(self):
        self.held = []
        for path in (sys.modules["__main__"].__file__, np.__file__):
            for command in (fcntl.F_SETLEASE, F_SETDELEG):
                file = open(path)
                self.held.append(file)
                with attempt(f"have a lease on {path}"):
                    fcntl.fcntl(file, command, fcntl.F_WRLCK)


class Honest(Chance):
    """Locks a file of its own."""

    def __init__(self):
        with open("mine", "w") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            fcntl.flock(file, fcntl.LOCK_EX)
            assert fcntl.fcntl(file, fcntl.F_GETFL)
