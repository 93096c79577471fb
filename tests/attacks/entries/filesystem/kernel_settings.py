"""Goal: change settings of the kernel: the program that handles crashes, and others.

core_pattern names a program that the kernel starts as root, outside of everything.
"""

import os

from kit import Chance, attempt

SPARED = "it would change the settings of this machine"
SETTINGS = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sysrq-trigger",
    "/sys/kernel/uevent_helper",
    "/sys/devices/system/cpu/cpu1/online",
)


class Attack(Chance):
    def __init__(self):
        for path in SETTINGS:
            with attempt(f"open {path}"):
                os.close(os.open(path, os.O_WRONLY))


class Honest(Chance):
    """Reads a setting: how many processors there are."""

    def __init__(self):
        assert os.cpu_count()
