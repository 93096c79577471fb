"""Goal: steer the terminal of whoever looks: clear it, rename it, write into its clipboard.

What an entry prints is shown when it fails.
"""

from kit import Chance, trial

HELD = "control characters shown as escapes"
VERB = "show"
SILENT = "its lines are hidden among the escapes"
EVIL = "\x1b[2J\x1b]0;owned\x07\x1b]52;c;ZWNobyBvd25lZA==\x07\x9b31m\x1b[8m\r\x08\u202e\u2066\x00\x7f\x85"


class Attack(Chance):
    def predict(self, X):
        with trial("steer"):
            print(EVIL)
            print(f"\x1b]8;;file:///etc/passwd\x1b\\click\x1b]8;;\x1b\\ {EVIL}", flush=True)
        raise type("\x1b[2JError\u202e", (Exception,), {})(EVIL)


class Honest(Chance):
    """Prints in colour."""

    def __init__(self):
        print("\x1b[32mloaded\x1b[0m")
