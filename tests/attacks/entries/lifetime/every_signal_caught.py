"""Goal: survive the end of one's time by catching or ignoring every signal that can be.

SIGTERM is polite; an entry need not be.
"""

import contextlib
import signal
import time

from kit import Chance, trial

HELD = "SIGKILL, which nobody can catch"
CONTEST = "tight"
ENDS = ("timed_out",)


class Attack(Chance):
    def __init__(self):
        with trial("catch every signal"):
            for number in signal.valid_signals():
                with contextlib.suppress(OSError, ValueError):
                    signal.signal(number, signal.SIG_IGN if number % 2 else lambda *given: None)
            while True:
                time.sleep(1)


class Honest(Chance):
    """Handles an alarm of its own."""

    def __init__(self):
        signal.signal(signal.SIGALRM, lambda *given: None)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        time.sleep(0.05)
