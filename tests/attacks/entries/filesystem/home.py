"""Goal: add a line to the user's start-up files.

The next shell of the user runs it.
"""

from pathlib import Path

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "a file in the user's home"


class Attack(Chance):
    def __init__(self):
        for home in (facts.home, "/root"):
            with attempt(f"write into {home}"):
                assert home == facts.home or not Path(home, ".bashrc").exists(), "left alone, though it was in reach"
                Path(home, ".bashrc").write_text("echo owned")


class Honest(Chance):
    """Writes into the home that it was given."""

    def __init__(self):
        Path("~/.config").expanduser().mkdir(exist_ok=True)
