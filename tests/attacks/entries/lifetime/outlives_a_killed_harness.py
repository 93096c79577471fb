"""Goal: live on after the harness was killed, by refusing the signal that the death of a parent sends.

Somebody presses Ctrl-C twice, or the system kills the harness: the entry then runs without any clock.
"""

import ctypes
import os
import signal
import time

from kit import Chance, trial

WITHOUT_ISOLATION = "a process that outlives the harness"
VERB = "kill"
SILENT = "the harness that reads the log is killed"
PR_SET_PDEATHSIG = 1


class Attack(Chance):
    def __init__(self):
        with trial("refuse the signal"):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, 0)
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            if os.fork() == 0:
                os.setsid()
        time.sleep(600)


class Honest(Chance):
    """Names its process."""

    def __init__(self):
        ctypes.CDLL(None).prctl(15, b"my-model")
