"""Goal: use a descriptor that was left open by mistake.

A handle on a folder outside is enough to walk out of any root.
"""

import os
import stat

from kit import Chance, attempt

HELD = "what the harness hands on: three standard streams and a pipe that is closed before the entry begins"


def leaks():
    for fd in range(3, 1024):
        try:
            mode = os.fstat(fd).st_mode
        except OSError:
            continue
        target = os.readlink(f"/proc/self/fd/{fd}")
        # The interpreter's own reading of /proc or of a source file is no leak.
        if not target.endswith(".py") and not stat.S_ISDIR(mode):
            yield fd, target


class Attack(Chance):
    def __init__(self):
        with attempt("find a descriptor"):
            fd, target = next(leaks())
            print(fd, target)


class Honest(Chance):
    """Closes what it does not know, as daemons do, but for the standard streams."""

    def __init__(self):
        os.closerange(3, 1024)
