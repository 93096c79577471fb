"""Goal: become root of a new user namespace, and mount and trace from there.

Half of the kernel's holes of a decade begin with this call.
"""

import os

from kit import Chance, attempt, syscall

WITHOUT_ISOLATION = "root of a namespace of one's own"
CLONE_NEWUSER, SIGCHLD = 0x10000000, 17


class Attack(Chance):
    def __init__(self):
        with attempt("unshare a user namespace"):
            if (child := os.fork()) == 0:
                try:
                    syscall("unshare", CLONE_NEWUSER)
                except OSError as error:
                    os._exit(error.errno)
                os._exit(0)
            if code := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
                raise OSError(code, os.strerror(code))
        with attempt("clone into a user namespace"):
            if (child := syscall("clone", CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)) == 0:
                os._exit(0)
            os.waitpid(child, 0)


class Honest(Chance):
    """Starts a process of its own by multiprocessing."""

    def __init__(self):
        import multiprocessing

        process = multiprocessing.get_context("fork").Process(target=print, args=("hello",))
        process.start()
        process.join()
        assert process.exitcode == 0
