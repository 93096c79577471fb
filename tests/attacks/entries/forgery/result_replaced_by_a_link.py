"""Goal: put a link in the place of the file of predictions, to a file that only the harness can read.

It would be read with the user's rights, and a part of it shown in an error.
"""

import json
import os
import sys

from kit import Chance, facts, trial

WITHOUT_ISOLATION = "files of the host, written to by the harness's script in the entry's process"


class Attack(Chance):
    def __init__(self):
        job = json.loads(sys.orig_argv[-1])
        for name in ("predictions", "report"):
            with trial(f"replace the file of the {name}"):
                os.rename(job[name], job[name] + ".old")
            with trial(f"put a link in the place of the {name}"):
                os.symlink(facts.labels if name == "predictions" else facts.canaries[0], job[name])


class Honest(Chance):
    """Replaces a file of its own by a link."""

    def __init__(self):
        os.rename("kit.py", "old.py")
        os.symlink("old.py", "kit.py")
