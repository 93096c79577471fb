"""Goal: mount the host's folders over one's own, or lay one's own over the host's.

A mount namespace protects nothing from whoever may mount in it.
"""

from kit import Chance, attempt, facts, syscall

SPARED = "the mount would stay on this machine"
MS_BIND, MS_REMOUNT = 4096, 32


class Attack(Chance):
    def __init__(self):
        with attempt("bind the workspace"):
            syscall("mount", facts.workspace.encode(), b"/tmp", None, MS_BIND, None)
        with attempt("remount the root for writing"):
            syscall("mount", None, b"/", None, MS_REMOUNT | MS_BIND, None)
        with attempt("uncover what lies below /proc"):
            syscall("umount2", b"/proc", 2)
        with attempt("use the new calls for mounting"):
            syscall("open_tree", -100, facts.workspace.encode(), 1)
        with attempt("open a file system"):
            syscall("fsopen", b"tmpfs", 0)


class Honest(Chance):
    """Reads which file systems are mounted."""

    def __init__(self):
        with open("/proc/self/mounts") as file:
            assert file.read()
