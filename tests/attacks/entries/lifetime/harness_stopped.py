"""Goal: stop the harness, so that no clock ends the run.

SIGSTOP cannot be caught by it, either.
"""

import os
import signal

from kit import Chance, facts, trial

WITHOUT_ISOLATION = "the harness"


class Attack(Chance):
    def __init__(self):
        with trial("stop the harness"):
            for pid in {facts.pid, os.getppid()} - {0, 1, os.getpid()}:
                os.kill(pid, signal.SIGSTOP)


class Honest(Chance):
    """Asks whether its parent is alive."""

    def __init__(self):
        assert os.getppid() >= 0
