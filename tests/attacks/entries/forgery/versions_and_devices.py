"""Goal: put words of one's own on the card: versions of packages, the device, seconds.

The card is shown to people and kept for years.
"""

import sys
from types import ModuleType

from kit import Chance, trial

HELD = "a parent that makes each of them short and printable, and takes its own measure of time and memory"
VERB = "submit"
ENDS = ("scored",)


class Attack(Chance):
    def __init__(self):
        with trial("invent versions"):
            for name in ("tensorflow", "keras", "torch"):
                module = ModuleType(name)
                module.__version__ = "\x1b[2J<script>" + "9" * 1000
                sys.modules[name] = module
            sys.version_info = (99, "\x1b[31m", 1)


class Honest(Chance):
    """Has a version."""

    __version__ = "1.0"
