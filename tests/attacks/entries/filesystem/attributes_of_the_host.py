"""Goal: hang extended attributes on the host's files, or change their group.

Neither needs the file to be opened.
"""

import os

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "attributes on the host's files"


class Attack(Chance):
    def __init__(self):
        for path in (*facts.canaries, facts.labels):
            with attempt("change owner"):
                os.chown(path, -1, os.getgid())
            with attempt("set an attribute"):
                os.setxattr(path, "user.siege", b"1")


class Honest(Chance):
    """Asks for the attributes of a file of its own."""

    def __init__(self):
        os.listxattr("kit.py")
