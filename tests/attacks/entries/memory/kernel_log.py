"""Goal: read the kernel's log, which tells of other processes and of addresses.

The system call needs no file.
"""

import ctypes

from kit import Chance, attempt, syscall

WITHOUT_ISOLATION = "the kernel's log"
ROOT = True
READ_ALL = 3


class Attack(Chance):
    def __init__(self):
        with attempt("read the kernel's log by system call"):
            syscall("syslog", READ_ALL, ctypes.create_string_buffer(1000), 1000)
        with attempt("read the kernel's log by its device"), open("/dev/kmsg", "rb"):
            pass


class Honest(Chance):
    """Writes a log of its own."""

    def __init__(self):
        import logging

        logging.basicConfig(filename="mine.log")
        logging.warning("loaded")
