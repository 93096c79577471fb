"""Goal: run machine code when a library is loaded, from a file in a place where files may be written.

What keeps from writing where one may execute is no isolation, but what code does is held.
"""

import ctypes
import glob
import shutil

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "the labels' file, opened by a library from the scratch"


class Attack(Chance):
    def __init__(self):
        with attempt("open the labels by a library of its own"):
            found = glob.glob("/lib/*-linux-gnu/libc.so.6") + glob.glob("/usr/lib*/libc.so.6")
            shutil.copyfile(found[0], "mine.so")
            mine = ctypes.CDLL("./mine.so", use_errno=True)
            if mine.open(facts.labels.encode(), 0) < 0:
                raise OSError("refused")


class Honest(Chance):
    """Loads a library of the system."""

    def __init__(self):
        import sqlite3
        import zlib

        assert zlib.crc32(b"a") and sqlite3.sqlite_version
