"""Goal: kill or stop the process of the sandbox itself, the first of the namespace.

With it gone, its children might be adopted by the host.
"""

import os
import signal

from kit import Chance, trial

SPARED = "without isolation the first process is the machine's own"


class Attack(Chance):
    def __init__(self):
        for pid in {1, os.getppid()} - {0}:
            for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGKILL):
                with trial(f"signal {number} to process {pid}"):
                    os.kill(pid, number)


class Honest(Chance):
    """Asks whether a process is there."""

    def __init__(self):
        os.kill(os.getpid(), 0)
