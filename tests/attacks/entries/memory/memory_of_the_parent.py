"""Goal: read the harness's memory from /proc/PID/mem.

The stack holds its environment; the heap will hold the labels.
"""

import os
import re

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "the secret, from the harness's stack"
ROOT = True


def stack_of(pid):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        start, end = next(re.match("(.*?)-(.*?) ", line).groups() for line in maps if "[stack]" in line)
        memory.seek(int(start, 16))
        return memory.read(int(end, 16) - int(start, 16))


class Attack(Chance):
    def __init__(self):
        for pid in dict.fromkeys([facts.pid, os.getppid(), 1]):
            with attempt(f"read memory of process {pid}"):
                if pid == os.getpid():
                    raise OSError("it is this one")
                found = re.search(rb"HEMOBENCH_CANARY=(\w+)", stack_of(pid))
                print(found[1].decode())


class Honest(Chance):
    """Reads its own memory map, as profilers do."""

    def __init__(self):
        assert stack_of("self")
