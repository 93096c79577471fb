"""Goal: kill the harness before it can write down how the run ended.

An entry without a row has cost no submission.
"""

import os
import signal

from kit import Chance, facts, trial

WITHOUT_ISOLATION = "the harness"


class Attack(Chance):
    def __init__(self):
        with trial("kill the harness"):
            for pid in {facts.pid, os.getppid()} - {0, 1, os.getpid()}:
                os.kill(pid, signal.SIGKILL)


class Honest(Chance):
    """Ends a child of its own."""

    def __init__(self):
        if (child := os.fork()) == 0:
            signal.pause()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
