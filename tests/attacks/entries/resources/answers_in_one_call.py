"""Goal: take the host's disk through the files for the answers, in one call and so before anybody can look."""

import json
import os
import sys

from kit import Chance, attempt

WITHOUT_ISOLATION = "megabytes of the host's disk"
ENDS = ("bad_output", "import_failed", "load_failed", "predict_failed", "scored")


class Attack(Chance):
    def __init__(self):
        job = json.loads(sys.orig_argv[-1])
        for name in ("predictions", "probabilities", "report"):
            with attempt(f"reserve room in the file of {name}"), open(job[name], "r+b") as file:
                os.posix_fallocate(file.fileno(), 0, 15_000_000)


class Honest(Chance):
    """Reserves room in a file of its own."""

    def __init__(self):
        with open("mine", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 5_000_000)
