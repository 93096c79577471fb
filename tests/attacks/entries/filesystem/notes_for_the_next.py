"""Goal: leave a note in /tmp for the next entry, or the next run of this one.

Labels could be probed bit by bit over runs that remember.
"""

from pathlib import Path

from kit import Chance, facts, trial

WITHOUT_ISOLATION = "a note in the host's /tmp"


class Attack(Chance):
    def __init__(self):
        with trial("leave a note"):
            Path("/tmp", facts.mark).write_text("label 17 is 3")


class Honest(Chance):
    """Uses a temporary folder."""

    def __init__(self):
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "note").write_text("mine")
