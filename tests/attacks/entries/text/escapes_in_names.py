"""Goal: steer the terminal by names: of the class, of an exception, of files in the zip that are told of.

Names are shown where one expects no harm.
"""

from kit import Chance, trial

HELD = "control characters shown as escapes"
VERB = "show"
FILES = {
    "wei\x1b[31mghts.pkl": b"\x80\x04N.",
    "\u202egnp.elif.pkl": b"\x80\x04N.",
    "<img src=x onerror=alert(1)>.pkl": b"\x80\x04N.",
}
HONEST_FILES = {"größe 大小 & <1>.pkl": b"\x80\x04N."}
SILENT = "a zip with such names may be refused"


class Attack(Chance):
    def __init__(self):
        with trial("be told of"):
            pass


class Honest(Chance):
    """Names things in its own language."""

    def __init__(self):
        assert open("größe 大小 & <1>.pkl", "rb").read()
