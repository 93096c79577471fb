"""Goal: open the files that the harness has open, through /proc/PID/fd.

Among them is the file of predictions, and perhaps one day that of labels.
"""

import os

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "the harness's own handle on the predictions"


class Attack(Chance):
    def __init__(self):
        for pid in dict.fromkeys([facts.pid, os.getppid(), 1]):
            with attempt(f"open a file of process {pid}"):
                if pid == os.getpid():
                    raise OSError("it is this one")
                names = [f"/proc/{pid}/fd/{fd}" for fd in os.listdir(f"/proc/{pid}/fd")]
                found = next(name for name in names if os.readlink(name).endswith("predictions.npy"))
                with open(found, "rb"):
                    pass


class Honest(Chance):
    """Lists its own open files."""

    def __init__(self):
        assert len(os.listdir("/proc/self/fd")) >= 3
