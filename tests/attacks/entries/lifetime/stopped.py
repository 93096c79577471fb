"""Goal: stop oneself, so that nothing of the entry can be asked to end.

A stopped process handles no signal.
"""

import os
import signal

from kit import Chance, trial

HELD = "SIGKILL, which ends stopped processes too"
CONTEST = "tight"
ENDS = ("timed_out",)


class Attack(Chance):
    def __init__(self):
        with trial("stop"):
            if os.getpid() == 1:  # the first process of a namespace cannot be stopped from inside
                if os.fork() == 0:
                    os.kill(os.getpid(), signal.SIGSTOP)
                signal.pause()
            os.kill(os.getpid(), signal.SIGSTOP)


class Honest(Chance):
    """Stops a child of its own and lets it go on."""

    def __init__(self):
        if (child := os.fork()) == 0:
            os._exit(0)
        os.kill(child, signal.SIGSTOP)
        os.kill(child, signal.SIGCONT)
        os.waitpid(child, 0)
