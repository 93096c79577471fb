"""Goal: raise one's own limits.

A soft limit is the entry's to raise.
"""

import os
import resource

from kit import Chance, attempt

HELD = "limits that are hard as well as soft"


class Attack(Chance):
    def __init__(self):
        for name in ("NOFILE", "FSIZE", "CPU", "DATA"):
            kind = getattr(resource, f"RLIMIT_{name}")
            with attempt(f"raise {name}"):
                if os.geteuid() == 0:
                    raise OSError("root may")  # without isolation the harness's user is the entry's
                _, hard = resource.getrlimit(kind)
                resource.setrlimit(kind, (hard + 1, hard + 1))


class Honest(Chance):
    """Lowers one of its own."""

    def __init__(self):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
