"""Goal: take a descriptor out of the harness by pidfd_getfd.

It needs the rights of a debugger, and no path.
"""

import os

from kit import Chance, attempt, facts, syscall

WITHOUT_ISOLATION = "a descriptor of the harness"
ROOT = True


class Attack(Chance):
    def __init__(self):
        for pid in dict.fromkeys([facts.pid, os.getppid(), 1]):
            with attempt(f"take a descriptor of process {pid}"):
                handle = syscall("pidfd_open", pid, 0)
                os.close(syscall("pidfd_getfd", handle, 1, 0))


class Honest(Chance):
    """Duplicates a descriptor of its own."""

    def __init__(self):
        os.close(os.dup(1))
