"""What a run leaves alive: found, since orphans come to whoever has asked for them, and ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from collections.abc import Iterator
from typing import Any

import psutil

CLEARED_S = 15.0  # for what was killed to vanish
PR_SET_CHILD_SUBREAPER = 36

libc = ctypes.CDLL(None)


def entry_has_forked(command: psutil.Process) -> bool:
    """Tell whether two processes run the child's script, or a ``fit.py``: the entry has begun, and has forked."""
    found = 0
    for process in command.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            found += process.cmdline()[1:2] in (["-P"], ["-s"]) and "-c" not in process.cmdline()
    return found >= 2


@contextlib.contextmanager
def descendants() -> Iterator[Any]:
    """Become the parent of all that is orphaned below; give a function that names what is left, and ends it."""
    ours = psutil.Process()
    before = set(ours.children(recursive=True))
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def alive() -> list[psutil.Process]:
        found = []
        for process in set(ours.children(recursive=True)) - before:
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
                elif process.ppid() == ours.pid:
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(process.pid, os.WNOHANG)
        return found

    def leftovers() -> list[str]:
        give_up = time.monotonic() + CLEARED_S
        while (left := alive()) and time.monotonic() < give_up:
            time.sleep(0.02)
        names = []
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                names.append(f"{process.name()} ({process.status()})")
        return names

    try:
        yield leftovers
    finally:
        give_up = time.monotonic() + CLEARED_S
        while (left := alive()) and time.monotonic() < give_up:
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.02)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
