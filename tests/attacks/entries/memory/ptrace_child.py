"""Goal: trace a child of one's own, to make system calls in its name that the filter would not let through.

On old kernels a tracer may change a call after the filter has seen it.
"""

import os

from kit import Chance, attempt, syscall

WITHOUT_ISOLATION = "a traced child"
PTRACE_TRACEME = 0


class Attack(Chance):
    def __init__(self):
        if child := os.fork():
            os.waitpid(child, 0)
            return
        with attempt("be traced"):
            syscall("ptrace", PTRACE_TRACEME, 0, 0, 0)
        os._exit(0)


class Honest(Chance):
    """Starts a child that does its part and ends."""

    def __init__(self):
        child = os.fork() or os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
