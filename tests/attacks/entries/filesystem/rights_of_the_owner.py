"""Goal: be the user that owns the labels and the machine: read what that user alone may read.

Without capabilities root still owns the files of root.
"""

import os

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "files that only root may read"
ROOT = True
OF_ROOT = (
    "/proc/slabinfo",
    "/proc/vmallocinfo",
    "/proc/pagetypeinfo",
    "/proc/kpagecount",
    "/proc/kcore",
    "/etc/shadow",
    "/sys/kernel/debug/gcov",
    "/sys/kernel/slab",
)


class Attack(Chance):
    def __init__(self):
        for path in (*OF_ROOT, facts.labels, facts.board):
            with attempt(f"read {path}"):
                os.close(os.open(path, os.O_RDONLY))
        with attempt("be root outside of the namespace"):
            inside, outside, _ = open("/proc/self/uid_map").read().split("\n")[0].split()
            if (int(inside), int(outside)) == (0, 0) and os.getuid():  # the host's own map, and not as root
                raise PermissionError("no root here")
            if int(outside):
                raise PermissionError("no root outside")
            print(open(facts.labels, "rb").read(10))


class Honest(Chance):
    """Reads a file of its own that only its owner may read."""

    def __init__(self):
        with open("mine", "w") as file:
            file.write("mine")
        os.chmod("mine", 0o400)
        assert open("mine").read() == "mine"
