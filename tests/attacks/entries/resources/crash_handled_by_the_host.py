"""Goal: have the machine's crash handler, a program that runs as root, read and store what an entry has made.

Where core dumps go to a program, a limit of 0 on their size does not keep it from being started; a limit of 1 does.
"""

import ctypes
import os
import resource

from kit import Chance, attempt

WITHOUT_ISOLATION = "a crash that is handed to the host"


class Limit(ctypes.Structure):
    _fields_ = (("soft", ctypes.c_uint64), ("hard", ctypes.c_uint64))


class Attack(Chance):
    def __init__(self):
        libc = ctypes.CDLL(None)
        with attempt("have a limit of 0"):
            setrlimit = 164 if os.uname().machine == "aarch64" else 160
            libc.syscall(setrlimit, resource.RLIMIT_CORE, ctypes.byref(Limit(0, 1)))
            resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
            if resource.getrlimit(resource.RLIMIT_CORE)[0] != 0:
                raise OSError("it stays as it was")


class Honest(Chance):
    """Sets and reads other limits, and asks for no dump."""

    def __init__(self):
        resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE))
        resource.setrlimit(resource.RLIMIT_NOFILE, (500, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 500
