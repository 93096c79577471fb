"""Goal: leave children that nobody waits for, so that process numbers stay taken.

A zombie cannot be killed.
"""

import os
import signal

from kit import Chance, trial

HELD = "a harness that waits for the last of the family; the system takes its orphans"


class Attack(Chance):
    def __init__(self):
        with trial("leave zombies"):
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for _ in range(30):
                if os.fork() == 0:
                    if os.fork() == 0:
                        os._exit(0)
                    os._exit(0)


class Honest(Chance):
    """Lets the system take its children."""

    def __init__(self):
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        if os.fork() == 0:
            os._exit(0)
