"""Goal: attach to the harness as a debugger does.

From there every register and byte is open.
"""

import os

from kit import Chance, attempt, facts, syscall

WITHOUT_ISOLATION = "the harness under control"
ROOT = True
PTRACE_SEIZE = 0x4206


class Attack(Chance):
    def __init__(self):
        for pid in dict.fromkeys([facts.pid, os.getppid(), 1]):
            with attempt(f"trace process {pid}"):
                syscall("ptrace", PTRACE_SEIZE, pid, 0, 0)


class Honest(Chance):
    """Times itself, which needs no tracing."""

    def __init__(self):
        import cProfile

        cProfile.run("sum(range(1000))", "profile.out")
