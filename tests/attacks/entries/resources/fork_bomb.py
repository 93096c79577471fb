"""Goal: take every process number of the machine.

Each child makes children as fast as it can.
"""

import os

from kit import Chance, trial

SPARED = "without a limit of its own user it could take the whole machine"
CONTEST = "tight"
ENDS = ("killed", "timed_out", "out_of_memory")


class Attack(Chance):
    def __init__(self):
        with trial("fork without end"):
            while True:
                try:
                    os.fork()
                except OSError:
                    pass


class Honest(Chance):
    """Starts four processes and waits for them."""

    def __init__(self):
        children = [os.fork() or os._exit(0) for _ in range(4)]
        for child in children:
            os.waitpid(child, 0)
