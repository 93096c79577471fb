"""Goal: leave shared memory behind that outlives the run, for the next entry to read.

Two entries of one team could hand notes to each other, and memory is gone from the machine.
"""

import ctypes
from pathlib import Path

from kit import Chance, facts, trial

WITHOUT_ISOLATION = "segments that outlive the run"
IPC_CREAT = 0o1000


class Attack(Chance):
    def __init__(self):
        with trial("leave segments"):
            ctypes.CDLL(None).shmget(facts.new_shm_key, 4096, IPC_CREAT | 0o666)
            Path("/dev/shm", facts.new_shm_name).write_text("a note")


class Honest(Chance):
    """Forgets to remove a file in its own scratch."""

    def __init__(self):
        Path("left.txt").write_text("a note")
