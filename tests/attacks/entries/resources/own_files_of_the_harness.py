"""Goal: fill the disk through the files of the harness that an entry may write.

They lie outside of the scratch with its limit.
"""

import sys

from kit import Chance, attempt

HELD = "the limit on the size of a file, and a look at each every 50 ms"
ENDS = ("bad_output", "killed", "predict_failed", "load_failed")


class Attack(Chance):
    def __init__(self):
        import json
        import time

        job = json.loads(sys.orig_argv[-1])
        with attempt("fill the harness's files"):
            for name in ("report", "predictions"):
                with open(job[name], "ab") as file:
                    while True:
                        file.write(b"x" * 1_000_000)
                        file.flush()
                        time.sleep(0.01)


class Honest(Chance):
    """Writes a report of its own."""

    def __init__(self):
        with open("report.jsonl", "a") as file:
            file.write("{}\n")
