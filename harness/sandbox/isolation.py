"""What stands between an entry and the machine: one interface, and each backend is one file.

A backend builds the file system of a `Layout` and starts `restrict.py` in it, which restricts itself further, tells
which restrictions are in force, and becomes the entry's process.  A new one is a file with a subclass of `Backend`, and
its place in `backends.py`; the contract tests in ``tests/sandbox`` run over all that are listed there.
"""

from __future__ import annotations

import json
import platform
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.sandbox import seccomp
from harness.sandbox.layout import RESTRICT, Layout, nobody

# The parent and resource limits keep these whatever else the machine offers.
ALWAYS = (
    "clean environment", "time limit", "memory limit", "process limit", "file size limit", "open files limit",
    "log limit",
)  # fmt: skip
# These come with the file system and the namespaces of a backend that is `sandboxed`.
SANDBOXED = (
    "no network", "read-only system", "no files of the host", "own scratch", "scratch size limit", "own processes",
    "own IPC", "no new privileges",
)  # fmt: skip
# `restrict.py` tells of these, where the kernel has them.
TOLD = ("no keyrings", "no ptrace", "system-call filter")
RESTRICTIONS = (*SANDBOXED, *TOLD, *ALWAYS)

Job = dict[str, Any]  # see `restrict.py`


class Backend(ABC):
    """A way to isolate an entry.

    Attributes
    ----------
    name : str
        As ``--isolation`` and cards have it.
    remedy : str
        What to do where it cannot be had.
    sandboxed : bool
        Whether the entry gets a file system of its own and a PID namespace, with whose first process all others die.
    processes : int
        Processes of its own that the kernel counts as the entry's.
    """

    name: str
    remedy: str
    sandboxed = True
    processes = 0

    @property
    def restrictions(self) -> tuple[str, ...]:
        """What it promises, if it starts at all."""
        return (*SANDBOXED, *ALWAYS) if self.sandboxed else ALWAYS

    @abstractmethod
    def command(self, layout: Layout | None, root: Path, job: Job) -> list[str]:
        """Return the command line that runs `job` in its sandbox.

        Parameters
        ----------
        layout : Layout or None
            The file system to build; None where the backend is not `sandboxed`.
        root : Path
            An empty folder of the host on which a file system can be built.
        job : dict
            From `job_for`.

        Raises
        ------
        IsolationError
            What builds the sandbox is not there.  That it is there and may not be used, only a start can tell.
        """


def job_for(
    argv: list[str], layout: Layout | None, *, limits: dict[str, int], tell: int, answers: Sequence[str] = ()
) -> Job:
    """Return the job of `restrict.py` that becomes `argv`; its paths are those that the sandboxed process sees."""
    job: Job = {"argv": argv, "limits": limits, "tell": tell, "answers": list(answers), "root": None, "required": False}
    if layout is None:
        return job | {"uid": None, "landlock": None, "syscalls": None, "scratch": []}
    return job | {
        "uid": nobody(),
        # The same restrictions once more.  It keeps the process also out of the memory of bubblewrap's init.
        "landlock": {"read": ["/"], "write": [*layout.writable, "/dev", *answers]},
        "syscalls": seccomp.job(platform.machine()),
        "scratch": layout.scratch,
    }


def restrict_command(job: Job, program: str = str(RESTRICT), python: str = sys.executable) -> list[str]:
    """Return the command line of `restrict.py`, found at `program`."""
    return [python, "-I", "-S", "-B", program, json.dumps(job)]
