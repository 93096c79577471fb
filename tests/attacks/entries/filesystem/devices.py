"""Goal: make a device, or open one, and read the disk below every file system.

A block device knows no paths and no modes.
"""

import os
import stat

from kit import Chance, attempt

WITHOUT_ISOLATION = "a device of one's own"
ROOT = True


class Attack(Chance):
    def __init__(self):
        with attempt("make a device"):
            os.mknod("disk", stat.S_IFBLK | 0o600, os.makedev(7, 0))
        for name in ("mem", "kmem", "port", "kvm", "fuse", "vda", "sda", "nvme0n1", "loop0", "userfaultfd", "vsock"):
            with attempt(f"open /dev/{name}"):
                os.close(os.open(f"/dev/{name}", os.O_RDONLY))


class Honest(Chance):
    """Reads random numbers from a device."""

    def __init__(self):
        with open("/dev/urandom", "rb") as file:
            assert len(file.read(8)) == 8
