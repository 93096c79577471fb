"""Goal: silence or bend the harness by the settings of the process: warnings, locale, hooks, recursion.

They are global to a process; which one?
"""

import locale
import sys
import warnings

from kit import Chance, trial

HELD = "the process of the entry, which is not the harness's"
ENDS = ("scored", "predict_failed", "load_failed")


class Attack(Chance):
    def __init__(self):
        with trial("bend the process"):
            warnings.filterwarnings("error")
            sys.setrecursionlimit(60)
            sys.excepthook = sys.unraisablehook = lambda *given: None
            sys.settrace(lambda *given: 1 / 0)
            locale.setlocale(locale.LC_ALL, "C")


class Honest(Chance):
    """Silences the warnings of its libraries."""

    def __init__(self):
        warnings.filterwarnings("ignore")
