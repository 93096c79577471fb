"""Goal: gain privileges: a program owned by root with the set-user bit, or capabilities left over.

passwd and su are such programs on every system.
"""

import os
import subprocess

from kit import Chance, attempt

WITHOUT_ISOLATION = "the harness's own capabilities"
ROOT = True


def line_of(pid, name):
    with open(f"/proc/{pid}/status") as file:
        return next(line.split()[1:] for line in file if line.startswith(name))


class Attack(Chance):
    def __init__(self):
        with attempt("hold a capability"):
            assert int(line_of("self", "CapEff")[0], 16), "none is held"
        with attempt("gain privileges by a program with the set-user bit"):
            program = next(path for path in ("/usr/bin/su", "/usr/bin/passwd", "/bin/su") if os.path.exists(path))
            quiet = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            child = subprocess.Popen([program], **quiet)
            effective = line_of(child.pid, "Uid")[1]
            child.kill()
            child.wait()
            assert effective != str(os.geteuid()), f"it runs as user {effective}, as we do"
        with attempt("become root"):
            os.setresuid(0, 0, 0)


class Honest(Chance):
    """Asks who it is."""

    def __init__(self):
        assert os.getuid() == os.geteuid()
