"""Goal: be told by the kernel when others' zips and cards are written, and under which names.

inotify needs no open file.
"""

import ctypes
import os

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "a watch on the folder of zips"


class Attack(Chance):
    def __init__(self):
        libc = ctypes.CDLL(None, use_errno=True)
        for path in (facts.zips, facts.home):
            with attempt("watch a folder of the host"):
                if libc.inotify_add_watch(libc.inotify_init1(0), path.encode(), 0xFFF) < 0:
                    raise OSError(ctypes.get_errno(), "refused")


class Honest(Chance):
    """Watches a folder of its own."""

    def __init__(self):
        libc = ctypes.CDLL(None)
        watch = libc.inotify_init1(0)
        assert libc.inotify_add_watch(watch, b".", 0xFFF) > 0
        os.close(watch)
