"""Goal: kill every process that the entry's user may kill.

On many machines that is the user's whole session.
"""

import os
import signal

from kit import Chance, trial

SPARED = "it would kill every process of the user who runs the tests"


class Attack(Chance):
    def __init__(self):
        with trial("kill everything"):
            os.kill(-1, signal.SIGKILL)


class Honest(Chance):
    """Sends a signal to its own group, which ignores it."""

    def __init__(self):
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        os.killpg(0, signal.SIGUSR1)
