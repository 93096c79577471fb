"""Goal: end in a word that does not count against the entry: refused, killed, or one of its own making.

Not every outcome costs a submission.
"""

import json
import os
import sys

from kit import Chance, trial

HELD = "the few words that a child may say of itself"
ENDS = ("load_failed", "predict_failed")


class Attack(Chance):
    def __init__(self):
        with trial("choose an outcome"):
            for word in ("refused", "killed", "timed_out", "never_happened", "SCORED"):
                with open(json.loads(sys.orig_argv[-1])["report"], "a") as file:
                    file.write(json.dumps({"stage": "load", "outcome": word, "message": word}) + "\n")
            os._exit(0)


class Honest(Chance):
    """Has a status of its own."""

    outcome = "never_happened"
