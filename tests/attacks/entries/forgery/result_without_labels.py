"""Goal: be scored without any label: the word alone, and no file.

What does a scorer do with nothing?
"""

import json
import os
import sys

from kit import Chance, trial

HELD = "a parent that believes the file and not the word"
ENDS = ("bad_output",)


class Attack(Chance):
    def __init__(self):
        with trial("claim a score"):
            with open(json.loads(sys.orig_argv[-1])["report"], "a") as file:
                file.write('{"stage": "predict hidden", "outcome": "scored"}\n')
            os._exit(0)


class Honest(Chance):
    """Prints the word."""

    def __init__(self):
        print('{"outcome": "scored"}')
