"""Goal: raise one's own limits, or those of the harness.

A soft limit is the entry's to raise.
"""

import os
import resource

from kit import Chance, attempt, facts

HELD = "limits that are hard as well as soft, and another user's or another namespace's processes"


class Attack(Chance):
    def __init__(self):
        for name in ("NOFILE", "FSIZE", "CPU", "DATA"):
            kind = getattr(resource, f"RLIMIT_{name}")
            with attempt(f"raise {name}"):
                if os.geteuid() == 0:
                    raise OSError("root may")  # without walls the harness's user is the entry's
                _, hard = resource.getrlimit(kind)
                resource.setrlimit(kind, (hard + 1, hard + 1))
        with attempt("change a limit of the harness"):
            if os.geteuid() == 0:
                raise OSError("root may")
            resource.prlimit(facts.pid, resource.RLIMIT_NOFILE, (10, 10))


class Honest(Chance):
    """Lowers one of its own."""

    def __init__(self):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
