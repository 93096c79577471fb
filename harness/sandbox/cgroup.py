"""The kernel's own account of an entry: a control group, where one can be made.

What is measured from outside, resident memory, leaves out what a process holds without mapping it: files in memory,
buffers of sockets, the kernel's own structures.  A control group counts all of it, together, and the kernel keeps to
the limit.  Root can make one, and a user to whom systemd has delegated a part of the tree.

References
----------
Linux, "Control Group v2" (admin-guide/cgroup-v2) and "Memory Resource Controller" (admin-guide/cgroup-v1/memory).
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PREFIX = "hemobench-"
START_S = 600.0  # by then a run has entered its group; the folder's time is that of its making
GONE_S = 2.0  # the kernel lets go of a group a moment after its last process


@dataclass(frozen=True)
class Group:
    """A control group: one folder in version 2; one for each controller, memory first, in version 1."""

    folders: tuple[Path, ...]

    def entered(self, argv: list[str]) -> list[str]:
        """Return the command that enters the group and becomes `argv`; nothing runs where it cannot be entered."""
        for folder in self.folders:
            argv = ["/bin/sh", "-c", 'echo 0 2>/dev/null >"$0/cgroup.procs" && exec "$@"', str(folder), *argv]
        return argv

    def ran_out(self) -> bool:
        """Return whether the kernel has killed a process of the group for its memory."""
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                found = re.search(r"^oom_kill (\d+)$", (self.folders[0] / name).read_text(), re.MULTILINE)
                return found is not None and found[1] != "0"
        return False


@contextlib.contextmanager
def control_group(memory_bytes: int, processes: int) -> Iterator[Group | None]:
    """Give a group with these limits, or None where none can be made; remove it in the end, with what kills left."""
    group = None
    for parents in (*_version_2(), *_version_1()):
        group = _make(parents, memory_bytes, processes)
        if group:
            break
    try:
        yield group
    finally:
        if group:
            for folder in group.folders:
                _remove(folder)


def _make(parents: tuple[Path, ...], memory_bytes: int, processes: int) -> Group | None:
    """Make a group below `parents`, which hold the controllers memory and pids in this order, or in one."""
    name = f"{PREFIX}{os.urandom(8).hex()}"
    group = Group(tuple(parent / name for parent in parents))
    limits = {"memory.max": memory_bytes, "memory.limit_in_bytes": memory_bytes, "memory.swap.max": 0}
    kept = 0
    try:
        for parent, folder in zip(parents, group.folders, strict=True):
            for leftover in parent.glob(f"{PREFIX}*"):
                # Between its making and its first process a group of another run is empty, too.
                with contextlib.suppress(OSError):
                    if time.time() - leftover.stat().st_mtime > START_S:
                        leftover.rmdir()
            folder.mkdir()
            for file, value in {**limits, "pids.max": processes}.items():
                if (folder / file).exists():
                    (folder / file).write_text(str(value))
                    kept += file != "memory.swap.max"
    except OSError:
        kept = 0
    # A group may be ours to make and not to enter.
    if kept == 2 and subprocess.run(group.entered(["/bin/true"]), check=False).returncode == 0:
        return group
    for folder in group.folders:
        _remove(folder)
    return None


def _version_2() -> Iterator[tuple[Path, ...]]:
    """Give the places where a group of version 2 may be made: the top, and the folders above our own group."""
    own = ROOT / _own_groups().get("", "/").strip("/")
    for folder in reversed([own, *own.parents]):  # above the top there is no such file
        with contextlib.suppress(OSError):
            if {"memory", "pids"} <= set((folder / "cgroup.subtree_control").read_text().split()):
                yield (folder,)


def _version_1() -> Iterator[tuple[Path, ...]]:
    own = _own_groups()
    if "memory" in own and "pids" in own:
        yield tuple(ROOT / name / own[name].strip("/") for name in ("memory", "pids"))


def _own_groups() -> dict[str, str]:
    """Return our own group by controller; by the empty name in version 2."""
    groups: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            groups |= dict.fromkeys(controllers.split(","), path)
    return groups


def _remove(folder: Path) -> None:
    give_up = time.monotonic() + GONE_S
    while folder.exists() and time.monotonic() < give_up:
        with contextlib.suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.01)
