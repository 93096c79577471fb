"""Goal: learn names, sizes and times of the host's files, though none can be opened.

When the board was last written, and how large another's zip is, is nobody's business.
"""

import os

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "size and time of the labels' file"


class Attack(Chance):
    def __init__(self):
        with attempt("look at the labels from outside"):
            print(os.stat(facts.labels))
        with attempt("read a link"):
            print(os.readlink(f"{facts.workspace}/contests/roomy/current"))
        with attempt("ask whether a file may be read"):
            if not os.access(facts.labels, os.F_OK):
                raise FileNotFoundError("no such file in sight")
        with attempt("ask for the file system of a folder"):
            print(os.statvfs(facts.home))
        with attempt("ask for attributes"):
            print(os.listxattr(facts.labels))
        with attempt("stand in a folder"):
            os.chdir(facts.home)
        with attempt("hold a file without opening it"):
            print(os.open(facts.labels, os.O_PATH))
        for path in ("/var", "/etc/passwd", "/boot", "/run", "/mnt"):
            with attempt(f"look at {path}"):
                os.lstat(path)


class Honest(Chance):
    """Looks at a file of its own from outside."""

    def __init__(self):
        assert os.stat("kit.py").st_size
