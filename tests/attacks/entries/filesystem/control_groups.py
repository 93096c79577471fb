"""Goal: leave the control group, or name a program that the kernel runs when it empties.

release_agent runs as root on the host.
"""

import os
from pathlib import Path

from kit import Chance, attempt

SPARED = "it would change the control groups of this machine"


class Attack(Chance):
    def __init__(self):
        with attempt("find control groups"):
            assert list(Path("/sys/fs/cgroup").iterdir()), "none in sight"
        for path in (
            "/sys/fs/cgroup/memory/release_agent",
            "/sys/fs/cgroup/memory/cgroup.procs",
            "/sys/fs/cgroup/cgroup.procs",
        ):
            with attempt(f"open {path}"):
                os.close(os.open(path, os.O_WRONLY))


class Honest(Chance):
    """Asks which group it is in."""

    def __init__(self):
        assert Path("/proc/self/cgroup").read_text()
