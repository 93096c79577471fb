"""Goal: end the harness with an error of its own: a report nested deeper than its reader can follow.

A harness that dies writes no row.
"""

import json
import os
import sys

from kit import Chance, trial

HELD = "a reader that takes what it cannot read for nothing"


class Attack(Chance):
    def __init__(self):
        with trial("write a deep report"):
            with open(json.loads(sys.orig_argv[-1])["report"], "a") as file:
                file.write('{"x": ' + "[" * 20_000 + "]" * 20_000 + "}\n")
            os._exit(0)


class Honest(Chance):
    """Reads a nested file of its own."""

    def __init__(self):
        assert json.loads("[" * 100 + "]" * 100)
