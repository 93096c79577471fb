"""Goal: end the harness with an error of its own: reports of wrong types, numbers beyond all, text that is none.

Each is tried with a line that says "scored", so that a reader who skips it has something to go on.
"""

import json
import os
import sys

from kit import Chance, trial

HELD = "a reader that takes what is no report for nothing"
LINES = (
    b'{"outcome": "import_failed", "message": "\\ud800 lone \\udfff", "seconds": {"load": 1e308}}',
    b'{"outcome": 3}',
    b'{"outcome": "scored", "seconds": {"load": 1e999}}',
    b'{"outcome": "scored", "seconds": {"load": NaN}}',
    b'{"outcome": "bad_output", "message": "\xff\xfe\x00"}',
    b'{"outcome": "bad_output", "message": "' + b"A" * 30_000 + b'"}',
    b'{"outcome": "predict_failed", "stage": "\\u0000\\u001b[2J", "environment": {"\\u202e": "\\u001b]0;x\\u0007"}}',
    b"[]",
    b"null",
    b"",
)


class Attack(Chance):
    def __init__(self):
        with trial("write strange reports"):
            for line in LINES:
                with open(json.loads(sys.orig_argv[-1])["report"], "ab") as file:
                    file.write(line + b"\n")
            os._exit(0)


class Honest(Chance):
    """Prints text that is no text."""

    def __init__(self):
        os.write(1, b"\xff\xfe\x00\n")
