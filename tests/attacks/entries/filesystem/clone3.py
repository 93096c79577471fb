"""Goal: make a user namespace by clone3, whose flags lie behind a pointer where no filter can read them.

A filter that denies flags of clone has to deny this call wholly.
"""

import os
import struct

from kit import Chance, attempt, syscall

WITHOUT_ISOLATION = "root of a namespace of one's own"
CLONE_NEWUSER, SIGCHLD = 0x10000000, 17


class Attack(Chance):
    def __init__(self):
        with attempt("clone3 into a user namespace"):
            arguments = struct.pack("=8Q", CLONE_NEWUSER, 0, 0, 0, SIGCHLD, 0, 0, 0)
            if (child := syscall("clone3", arguments, len(arguments))) == 0:
                os._exit(0)
            os.waitpid(child, 0)


class Honest(Chance):
    """Starts four threads."""

    def __init__(self):
        import threading

        threads = [threading.Thread(target=sum, args=([1, 2],)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
