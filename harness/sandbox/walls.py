"""What stands between an entry and the machine: the command that runs it, and the walls that command builds.

Three ways, best first:

``bubblewrap``
    A file system made from nothing, see `layout.py`; no network, own processes, own IPC.
``namespaces``
    The same without that program, by util-linux's ``unshare`` and `fence.py`.
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
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.contest import Limits
from harness.sandbox import bubblewrap, namespaces
from harness.sandbox.layout import FENCE, MB, SHARED_MEMORY_MB, TMP_MB, Bind, Layout, Memory, nobody, open_to_entries

Walled = Literal["bubblewrap", "namespaces"]
Isolation = Walled | Literal["none"]
Device = Literal["auto", "cpu"]

CHILD = Path(__file__).parent / "child.py"
OUT = "/sandbox/out"  # where the answers lie inside

# As many descriptors a user may have in flight between processes, and 253 more; 1024 is what other programs of the same
# user have, and what is left of it is for them.
OPEN_FILES = 768
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
    predictions: str  # these three are made by `fence.py`, empty
    probabilities: str
    report: str
    work: str  # writable, empty: the working directory
    tmp: str  # writable, empty
    root: str  # empty: a file system may be built on it

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
            root=str(folder / "root"),
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
    answer_bytes: int,
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
        The descriptor of an inheritable socket; see `fence.py` and `child.py` for the two lines it gets.
    device : {'auto', 'cpu'}
        ``cpu`` keeps the devices of a GPU, and with them its driver, out of reach.
    answer_bytes : int
        How much the entry may write into the three files of `room.answers` together.
    """
    gpu = _gpu_devices() if device == "auto" else []
    job = {"passes": passes, "n_classes": n_classes, "ready": ready}
    if isolation == "none":
        built: Command | str = _none(room, job, limits, gpu)
    elif folder := open_to_entries(Path(room.entry)):
        return f"the workspace lies in {folder}, which every entry may read; choose another --workspace"
    else:
        built = _sandboxed(isolation, room, job, limits, gpu, answer_bytes)
    if device == "cpu" and isinstance(built, Command):
        built.environment["CUDA_VISIBLE_DEVICES"] = ""  # where there are no walls, it is asked not to look
    return built


def _sandboxed(
    isolation: Walled, room: Room, job: dict[str, Any], limits: Limits, gpu: list[str], answer_bytes: int
) -> Command | str:
    inside = Room.at(Path("/sandbox"), len(room.images))
    child = "/sandbox/child.py"
    layout = Layout.around(
        [
            Bind(str(CHILD), child),
            Bind(room.entry, inside.entry),
            *(Bind(host, seen) for host, seen in zip(room.images, inside.images, strict=True)),
        ],
        memory=[Memory(inside.work, _work_mb(limits) * MB), Memory(OUT, answer_bytes, mode=0o755)],
        gpu=gpu,
    )
    argv = boxed(
        isolation,
        layout,
        Path(room.root),
        _become_child(child, inside, job),
        limits=_resource_limits(limits, gpu) | _process_limit(limits, isolation),
        tell=job["ready"],
        answers=inside.answers,
    )
    if isinstance(argv, str):
        return argv
    return Command(
        argv=argv,
        environment=_environment("/tmp"),
        walls=(
            "no network", "read-only system", "no files of the host", "own scratch", "scratch size limit",
            "own processes", "own IPC", "no new privileges", *ALWAYS,
        ),
    )  # fmt: skip


def boxed(
    isolation: Walled,
    layout: Layout,
    root: Path,
    argv: list[str],
    *,
    limits: dict[str, int],
    tell: int,
    answers: Sequence[str] = (),
) -> list[str] | str:
    """Return the command that becomes `argv` in a sandbox, or why there can be none.

    Parameters
    ----------
    isolation : {'bubblewrap', 'namespaces'}
    layout : Layout
    root : Path
        An empty folder of the host on which a file system can be built.
    argv : list of str
        As the sandboxed process sees it.
    limits, tell, answers
        See `fence.py`.
    """
    start = {"bubblewrap": bubblewrap, "namespaces": namespaces}[isolation].wrapper(layout)
    if isinstance(start, str):
        return start
    job = {
        "argv": argv,
        "root": namespaces.root_of(layout, root) if isolation == "namespaces" else None,
        "limits": limits,
        "uid": nobody(),
        # A second lock on the same doors.  It keeps the process also out of the memory of bubblewrap's init.
        "landlock": {"read": ["/"], "write": [*layout.writable, "/dev", *answers]},
        "required": isolation == "namespaces",
        "syscalls": True,
        "answers": list(answers),
        "scratch": layout.scratch,
        "tell": tell,
    }
    return [*start, *_fenced(bubblewrap.FENCE_INSIDE if isolation == "bubblewrap" else str(FENCE), job)]


def _none(room: Room, job: dict[str, Any], limits: Limits, gpu: list[str]) -> Command:
    fence = {
        "argv": _become_child(str(CHILD), room, job),
        "root": None,
        "limits": _resource_limits(limits, gpu),
        "uid": None,
        "landlock": None,
        "required": False,
        "syscalls": False,
        "answers": room.answers,
        "scratch": [],
        "tell": job["ready"],
    }
    return Command(argv=_fenced(str(FENCE), fence), environment=_environment(room.tmp), walls=ALWAYS)


def _fenced(fence: str, job: dict[str, Any]) -> list[str]:
    """Return the command line of `fence.py`, found at `fence`."""
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


def _resource_limits(limits: Limits, gpu: list[str]) -> dict[str, int]:
    """Return the limits the kernel keeps for each process."""
    found = {
        # No dump.  Of 0 a program that handles crashes knows nothing: the kernel starts it all the same, as root.
        "CORE": 1,
        "NOFILE": OPEN_FILES,
        "FSIZE": limits.unpacked_mb * MB,
        "CPU": limits.time_s * (os.cpu_count() or 1) + 5,
    }
    if not gpu:  # the GPU's driver maps far more memory than it uses
        found["DATA"] = (limits.memory_mb + DATA_HEADROOM_MB) * MB
    return found


def _process_limit(limits: Limits, isolation: Walled) -> dict[str, int]:
    """Return the limit with which an entry may have as many processes as it is told, whoever stands above it.

    The kernel counts those of the walls, too, which are of the same user: an init, unless bubblewrap's, which stays
    root where root starts it; and the ``unshare`` that has made a user namespace.
    """
    above = (isolation == "namespaces") + (os.geteuid() != 0)
    return {"NPROC": limits.processes + above} if counts_its_own_processes() else {}


def counts_its_own_processes() -> bool:
    """Return whether a limit on processes holds for a sandbox alone.

    They are counted by user; where the entry shares ours, the count would include everything else we run, and the
    parent's own count has to do.  Since Linux 5.14 a user namespace counts for itself.
    """
    return os.geteuid() == 0 or _linux_version() >= (5, 14)


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
