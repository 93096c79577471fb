"""Goal: break or forge the board by a name that is markup to the program that draws it.

Square brackets are colours to some, and an error when they do not match.
"""

from kit import Chance, trial

HELD = "names that are drawn as text"
VERB = "submit"
NAME = "[/red][bold]1 [link=file:///]x"
MESSAGE = "<script>alert(1)</script> =cmd|' /C calc'!A0 [/]"


class Attack(Chance):
    def __init__(self):
        with trial("be drawn"):
            pass


class Honest(Chance):
    """Has brackets and an ampersand in its name, too."""
