"""What stands between an entry and the machine: the command that runs it, and the walls that command builds.

Three ways, best first:

``bubblewrap``
    A file system made from nothing: system folders, the interpreter with its packages and the unpacked entry, all
    read-only; working directory and ``/tmp`` are memory of limited size; no network, own processes, own IPC.
``namespaces``
    The same kernel means by util-linux's ``unshare``; instead of a file system of its own all of the host's, mounted
    read-only, and Landlock: its files have names, but cannot be opened.  Nothing runs where either cannot be had.
``none``
    A plain process with resource limits.  For one's own entries only.

In each, `fence.py` runs first, closes the walls a process closes around itself, tells which stand, and becomes
`child.py`.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.contest import Limits
from harness.sandbox.bubblewrap import (
    FENCE,
    MB,
    ROOT_FOLDERS,
    SHARED_MEMORY_MB,
    TMP_MB,
    box,
    interpreter_folders,
    is_below,
    nobody,
    system_folders,
)

Isolation = Literal["bubblewrap", "namespaces", "none"]
Device = Literal["auto", "cpu"]

CHILD = Path(__file__).parent / "child.py"

OPEN_FILES = 1024
# Stacks of threads and arenas of the allocator are counted by RLIMIT_DATA before they are used.  The limit itself is
# kept by measuring; this one only stops a single huge allocation faster than the next measurement could.
DATA_HEADROOM_MB = 2048
GPU_DEVICES = ("nvidia*", "dxg")

ALL_WALLS = (
    "no network",
    "read-only system",
    "no files of the host",
    "own scratch",
    "scratch size limit",
    "own processes",
    "own IPC",
    "no new privileges",
    "no keyrings",
    "no ptrace",
    "system-call filter",
    "clean environment",
    "time limit",
    "memory limit",
    "process limit",
    "file size limit",
    "open files limit",
    "log limit",
)
# The parent and resource limits keep these whatever else the machine offers.
ALWAYS = (
    "clean environment", "time limit", "memory limit", "process limit", "file size limit", "open files limit",
    "log limit",
)  # fmt: skip


@dataclass(frozen=True)
class Room:
    """Where the files of one run lie, either on the host or as the entry sees them."""

    entry: str  # the unpacked submission
    images: tuple[str, ...]  # one .npy file for each pass
    predictions: str  # exists, empty
    probabilities: str  # exists, empty
    report: str  # exists, empty
    work: str  # writable, empty: the working directory
    tmp: str  # writable, empty

    @classmethod
    def at(cls, folder: Path, n_passes: int) -> Room:
        """Lay out a room below `folder`."""
        return cls(
            entry=str(folder / "entry"),
            images=tuple(str(folder / "images" / f"{i}.npy") for i in range(n_passes)),
            predictions=str(folder / "out" / "predictions.npy"),
            probabilities=str(folder / "out" / "probabilities.npy"),
            report=str(folder / "out" / "report.jsonl"),
            work=str(folder / "work"),
            tmp=str(folder / "tmp"),
        )

    @property
    def answers(self) -> tuple[str, ...]:
        """The harness's own files that an entry may write."""
        return self.predictions, self.probabilities, self.report


@dataclass(frozen=True)
class Command:
    """What to start, with which environment, and the walls it will have if it starts at all."""

    argv: list[str]
    environment: dict[str, str]
    walls: tuple[str, ...]  # `fence.py` tells of those it adds


def command(
    isolation: Isolation,
    room: Room,
    passes: list[dict[str, Any]],
    n_classes: int,
    limits: Limits,
    ready: int,
    device: Device,
) -> Command | str:
    """Return the command that runs an entry behind the walls of `isolation`, or why there can be none.

    Parameters
    ----------
    isolation : {'bubblewrap', 'namespaces', 'none'}
    room : Room
        On the host.
    passes : list of dict
        Name and way of each, in the order of `room.images`; see `child.py`.
    n_classes : int
    limits : Limits
    ready : int
        An inheritable file descriptor; see `fence.py` and `child.py` for the two lines it gets.
    device : {'auto', 'cpu'}
        ``cpu`` keeps the devices of a GPU, and with them its driver, out of reach.
    """
    for folder in (*system_folders(), *interpreter_folders()):
        if isolation != "none" and is_below(room.entry, folder):
            return f"the workspace lies in {folder}, which every entry may read; choose another --workspace"
    build = {"bubblewrap": _bubblewrap, "namespaces": _namespaces, "none": _none}[isolation]
    gpu = _gpu_devices() if device == "auto" else []
    built = build(room, {"passes": passes, "n_classes": n_classes, "ready": ready}, limits, gpu)
    if device == "cpu" and isinstance(built, Command):
        built.environment["CUDA_VISIBLE_DEVICES"] = ""  # where there are no walls, it is asked not to look
    return built


def _bubblewrap(room: Room, job: dict[str, Any], limits: Limits, gpu: list[str]) -> Command | str:
    inside = Room.at(Path("/sandbox"), len(room.images))
    fence, child = "/sandbox/fence.py", "/sandbox/child.py"
    binds = [
        ("--ro-bind", str(CHILD), child),
        ("--ro-bind", room.entry, inside.entry),
        *(("--ro-bind", host, seen) for host, seen in zip(room.images, inside.images, strict=True)),
        *(("--bind", host, seen) for host, seen in zip(room.answers, inside.answers, strict=True)),
    ]
    argv = box(fence, binds, gpu=gpu, memory=[(inside.work, _work_mb(limits))])
    if argv is None:
        return "there is no program bwrap"
    return Command(
        argv=argv
        + fenced(
            fence,
            _become_child(child, inside, job),
            limits=_resource_limits(limits, gpu, own_user=True),
            tell=job["ready"],
            uid=nobody(),
            # A second lock on the same doors, and it keeps the entry out of the memory of bubblewrap's own process.
            landlock={"read": ["/"], "write": [inside.work, "/tmp", "/dev", *inside.answers]},
            syscalls=True,
        ),
        environment=_environment("/tmp"),
        walls=(
            "no network", "read-only system", "no files of the host", "own scratch", "scratch size limit",
            "own processes", "own IPC", "no new privileges", *ALWAYS,
        ),
    )  # fmt: skip


def _namespaces(room: Room, job: dict[str, Any], limits: Limits, gpu: list[str]) -> Command | str:
    program, with_parent = shutil.which("unshare"), shutil.which("setpriv")
    if program is None or with_parent is None:
        return "there are no programs unshare and setpriv"
    fence, child = str(FENCE), str(CHILD)
    argv = [
        with_parent,
        "--pdeathsig",
        "KILL",
        program,
        "--user",
        "--map-user=65534",
        "--map-group=65534",
        "--keep-caps",
    ]
    argv += ["--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
    mounts = [
        (room.work, _work_mb(limits) * MB),
        (room.tmp, TMP_MB * MB),
        ("/dev/shm", SHARED_MEMORY_MB * MB),
    ]
    read = [*system_folders(gpu), *ROOT_FOLDERS, *interpreter_folders(), "/proc", fence, child, room.entry]
    devices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", *gpu]
    landlock = {
        "read": [*read, *room.images],
        "write": [room.work, room.tmp, "/dev/shm", *room.answers, *devices],
    }
    return Command(
        argv=argv
        + fenced(
            fence,
            _become_child(child, room, job),
            limits=_resource_limits(limits, gpu, own_user=True),
            tell=job["ready"],
            mounts=mounts,
            writable=list(room.answers),
            landlock=landlock,
            required=True,
            syscalls=True,
            # Landlock does not stop a connection to a service's socket file.
            sockets=(socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK),
        ),
        environment=_environment(room.tmp),
        walls=("no network", "own scratch", "scratch size limit", "own processes", "own IPC", *ALWAYS),
    )


def _none(room: Room, job: dict[str, Any], limits: Limits, gpu: list[str]) -> Command | str:
    child = _become_child(str(CHILD), room, job)
    return Command(
        argv=fenced(str(FENCE), child, limits=_resource_limits(limits, gpu, own_user=False), tell=job["ready"]),
        environment=_environment(room.tmp),
        walls=ALWAYS,
    )


def fenced(
    fence: str,
    argv: list[str],
    *,
    limits: dict[str, int],
    tell: int,
    uid: int | None = None,
    mounts: Sequence[tuple[str, int]] = (),
    writable: list[str] | None = None,
    landlock: dict[str, list[str]] | None = None,
    required: bool = False,
    syscalls: bool = False,
    sockets: Sequence[int] = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK),
) -> list[str]:
    """Return the command line of `fence.py`, found at `fence`, that becomes `argv`; the rest is its job."""
    job = {
        "argv": argv,
        "limits": limits,
        "uid": uid,
        "mounts": mounts,
        "writable": writable,
        "landlock": landlock,
        "required": required,
        "syscalls": syscalls,
        "sockets": [int(family) for family in sockets],
        "tell": tell,
    }
    return [sys.executable, "-I", "-S", "-B", fence, json.dumps(job)]


def _become_child(child: str, room: Room, job: dict[str, Any]) -> list[str]:
    """Return the command line of `child.py`, found at `child`.

    No ``-I``: it would ignore ``PYTHONHASHSEED``, and the environment is ours anyway.  ``-P`` keeps the folder of
    `child.py`, ``-s`` the user's own packages off the path.
    """
    told = {
        "entry": room.entry,
        "work": room.work,
        "images": room.images,
        "predictions": room.predictions,
        "probabilities": room.probabilities,
        "report": room.report,
        **job,
    }
    return [sys.executable, "-P", "-s", "-B", child, json.dumps(told)]


def _resource_limits(limits: Limits, gpu: list[str], *, own_user: bool) -> dict[str, int]:
    """Return the limits the kernel keeps for each process.

    The number of processes is counted by user; where the entry shares ours, the count would include everything else
    we run, and the parent's own count has to do.  Since Linux 5.14 a user namespace counts for itself.
    """
    found = {
        "CORE": 0,
        "NOFILE": OPEN_FILES,
        "FSIZE": limits.unpacked_mb * MB,
        "CPU": limits.time_s * (os.cpu_count() or 1) + 5,
    }
    if not gpu:  # the GPU's driver maps far more memory than it uses
        found["DATA"] = (limits.memory_mb + DATA_HEADROOM_MB) * MB
    if own_user and (os.geteuid() == 0 or _linux_version() >= (5, 14)):
        found["NPROC"] = limits.processes
    return found


def _work_mb(limits: Limits) -> int:
    """Return the size of the working directory: the submission, and as much again as a quarter of it."""
    return limits.unpacked_mb + limits.unpacked_mb // 4


def scratch_mb(limits: Limits) -> int:
    """Return what an entry may store in memory's own file systems, beside the memory it works with."""
    return _work_mb(limits) + TMP_MB + SHARED_MEMORY_MB


def _linux_version() -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", platform.release())
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _environment(home: str) -> dict[str, str]:
    """Return all the variables an entry gets: few of ours, fewer of the caller's."""
    ours = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "USER": "entry",  # a user without an account has no name otherwise, and some packages ask for one
        "LOGNAME": "entry",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",  # the order of sets is part of an entry's result
        "PYTHONUNBUFFERED": "1",  # what was printed before a kill is in the log
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    passed_on = ("KERAS_BACKEND", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "TZ")
    return ours | {name: os.environ[name] for name in passed_on if name in os.environ}


def _gpu_devices() -> list[str]:
    return sorted(str(path) for pattern in GPU_DEVICES for path in Path("/dev").glob(pattern))
