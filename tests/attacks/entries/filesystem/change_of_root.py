"""Goal: leave a change of root by changing root again.

The classic way out of chroot, for whoever may call it.
"""

import os

from kit import Chance, attempt

WITHOUT_ISOLATION = "a root of one's own choice"
ROOT = True


class Attack(Chance):
    def __init__(self):
        if child := os.fork():
            os.waitpid(child, 0)
            return
        with attempt("change root"):
            os.makedirs("inner")
            os.chroot("inner")
        os._exit(0)


class Honest(Chance):
    """Walks up to the root of what it sees."""

    def __init__(self):
        assert os.path.exists("/usr")
