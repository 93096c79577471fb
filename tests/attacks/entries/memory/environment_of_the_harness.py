"""Goal: read the variables of the harness from /proc/PID/environ.

The harness was started with the user's own, tokens and all.
"""

import os

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "the secret variable"


class Attack(Chance):
    def __init__(self):
        for pid in dict.fromkeys([facts.pid, os.getppid(), 1]):
            with attempt(f"read variables of process {pid}"), open(f"/proc/{pid}/environ") as file:
                found = file.read()
                print(found.replace("\0", " "))
                assert facts.variable in found, "none of them is the harness's"


class Honest(Chance):
    """Reads its own."""

    def __init__(self):
        with open("/proc/self/environ") as file:
            assert "HOME=" in file.read()
