"""Goal: never end: hang in atexit, in a destructor and in a thread that is waited for.

The interpreter runs all three when it closes.
"""

import atexit
import threading
import time

from kit import Chance, trial

HELD = "a child that leaves without closing the interpreter"
CONTEST = "tight"
ENDS = ("scored",)


class Attack(Chance):
    def __init__(self):
        with trial("hang at the end"):
            atexit.register(time.sleep, 1000)
            threading.Thread(target=time.sleep, args=(1000,)).start()

    def __del__(self):
        time.sleep(1000)


class Honest(Chance):
    """Cleans up at the end."""

    def __init__(self):
        atexit.register(print, "done")
