"""The command that runs an entry: its files, its limits, its environment, in the sandbox that a backend builds.

`restrict.py` runs first, restricts the process, tells which restrictions are in force, and becomes `child.py`.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from harness.contest import Limits
from harness.errors import IsolationError
from harness.sandbox.isolation import Backend, job_for
from harness.sandbox.layout import MB, SHARED_MEMORY_MB, TMP_MB, Bind, Layout, Memory, open_to_entries, python_of

Device = Literal["auto", "cpu"]

PROGRAMS = ("child.py", "answer_checks.py")  # what the entry's process runs, and reads
OUT = "/sandbox/out"  # where the answers lie inside
IMAGES, HIDDEN = "images", "hidden"  # folders of what an entry is given, the second when it has answered the first

# As many descriptors a user may have in flight between processes, and 253 more; 1024 is what other programs of the same
# user have, and what is left of it is for them.
OPEN_FILES = 768
# Stacks of threads and arenas of the allocator are counted by RLIMIT_DATA before they are used.  The limit itself is
# kept by measuring; this one only stops a single huge allocation faster than the next measurement could.
DATA_HEADROOM_MB = 2048
HERE = Path(__file__).parent
GPU_DEVICES = ("nvidia*", "dxg")


@dataclass(frozen=True)
class RunPaths:
    """Where the files of one run lie, either on the host or as the entry sees them."""

    given: str  # empty when the sandbox is built; the entry and its images are put in when it is handed over
    entry: str  # the unpacked submission
    images: tuple[str, ...]  # one .npy file for each request; hidden ones in a folder of their own
    predictions: str  # these three are made by `restrict.py`, empty
    probabilities: str
    report: str
    work: str  # writable, empty: the working directory
    tmp: str  # writable, empty
    root: str  # empty: a file system may be built on it

    @classmethod
    def at(cls, folder: Path, hidden: Sequence[bool]) -> RunPaths:
        """Lay out the files of a run below `folder`; `hidden` says of each request whether its images are."""
        return cls(
            given=str(folder / "given"),
            entry=str(folder / "given" / "entry"),
            images=tuple(
                str(folder / "given" / (HIDDEN if one else IMAGES) / f"{i}.npy") for i, one in enumerate(hidden)
            ),
            predictions=str(folder / "out" / "predictions.npy"),
            probabilities=str(folder / "out" / "probabilities.npy"),
            report=str(folder / "out" / "report.jsonl"),
            work=str(folder / "work"),
            tmp=str(folder / "tmp"),
            root=str(folder / "root"),
        )

    def below(self, folder: Path) -> RunPaths:
        """Return the same files below another folder; requests that share their images go on sharing them."""
        moved = RunPaths.at(folder, ())
        return replace(moved, images=tuple(str(Path(moved.given, *Path(one).parts[-2:])) for one in self.images))

    @property
    def answers(self) -> tuple[str, ...]:
        """The harness's own files that an entry may write."""
        return self.predictions, self.probabilities, self.report


@dataclass(frozen=True)
class Command:
    """What to start, and with which environment."""

    argv: list[str]
    environment: dict[str, str]


def command(
    backend: Backend,
    paths: RunPaths,
    requests: list[dict[str, Any]],
    n_classes: int,
    limits: Limits,
    ready: int,
    device: Device,
    answer_bytes: int,
    imports: Sequence[str],
    venv: Path | None = None,
) -> Command:
    """Return the command that runs an entry in the sandbox of `backend`.

    Parameters
    ----------
    backend : Backend
    paths : RunPaths
        On the host.
    requests : list of dict
        Name, n and batches of each, in the order of `paths.images`; see `child.py`.
    n_classes : int
    limits : Limits
    ready : int
        The descriptor of an inheritable socket; see `restrict.py` and `child.py` for the two lines it gets.
    device : {'auto', 'cpu'}
        ``cpu`` keeps the devices of a GPU, and with them its driver, out of reach.
    answer_bytes : int
        How much the entry may write into the three files of `paths.answers` together.
    imports : sequence of str
        Packages that are imported before the entry is handed over.
    venv : Path, optional
        The environment that the entry runs in; by default our own.

    Raises
    ------
    IsolationError
        There can be none.
    """
    gpu = gpu_devices() if device == "auto" else []
    job = {"requests": requests, "n_classes": n_classes, "imports": list(imports), "ready": ready}
    layout, seen, programs = None, paths, HERE
    python = sys.executable if venv is None else python_of(venv)
    if backend.sandboxed:
        if folder := open_to_entries(Path(paths.given)):
            raise IsolationError(
                f"the workspace lies in {folder}, which every entry may read; choose another --workspace", ""
            )
        seen, programs = paths.below(Path("/sandbox")), Path("/sandbox")
        layout = Layout.around(
            [
                *(Bind(str(HERE / name), str(programs / name)) for name in PROGRAMS),
                Bind(paths.given, seen.given),
            ],
            memory=[Memory(seen.work, work_mb(limits) * MB), Memory(OUT, answer_bytes, mode=0o755)],
            gpu=gpu,
            venv=venv,
        )
        python = layout.python
    variables = environment("/tmp" if backend.sandboxed else paths.tmp)
    if device == "cpu":
        variables["CUDA_VISIBLE_DEVICES"] = ""  # where its devices are within reach, the entry is asked not to look
    restrict_job = job_for(
        _become_child(python, str(programs / "child.py"), seen, job),
        layout,
        limits=resource_limits(limits, gpu) | process_limit(limits, backend),
        tell=ready,
        answers=seen.answers,
    )
    return Command(backend.command(layout, Path(paths.root), restrict_job), variables)


def _become_child(python: str, child: str, paths: RunPaths, job: dict[str, Any]) -> list[str]:
    """Return the command line of `child.py`, found at `child`, for an interpreter.

    No ``-I``: it would ignore ``PYTHONHASHSEED``, and the environment is ours anyway.  ``-P`` keeps the folder of
    `child.py`, ``-s`` the user's own packages off the path.
    """
    told = {
        "entry": paths.entry,
        "work": paths.work,
        "images": paths.images,
        "predictions": paths.predictions,
        "probabilities": paths.probabilities,
        "report": paths.report,
        **job,
    }
    return [python, "-P", "-s", "-B", child, json.dumps(told)]


def resource_limits(limits: Limits, gpu: list[str]) -> dict[str, int]:
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


def process_limit(limits: Limits, backend: Backend) -> dict[str, int]:
    """Return the limit with which an entry may have as many processes as it is told, whoever stands above it.

    The kernel counts those of the sandbox, too, which are of the same user: an init, unless bubblewrap's, which stays
    root where root starts it; and those of the backend.  Without a sandbox all that the user runs would count.
    """
    if not backend.sandboxed or not counts_its_own_processes():
        return {}
    return {"NPROC": limits.processes + backend.processes + (os.geteuid() != 0)}


def counts_its_own_processes() -> bool:
    """Return whether a limit on processes holds for a sandbox alone.

    They are counted by user; where the entry shares ours, the count would include everything else we run, and the
    parent's own count has to do.  Since Linux 5.14 a user namespace counts for itself.
    """
    return os.geteuid() == 0 or _linux_version() >= (5, 14)


def work_mb(limits: Limits) -> int:
    """Return the size of the working directory: the submission, and as much again as a quarter of it."""
    return limits.unpacked_mb + limits.unpacked_mb // 4


def scratch_mb(limits: Limits) -> int:
    """Return what an entry may store in memory's own file systems, beside the memory it works with."""
    return work_mb(limits) + TMP_MB + SHARED_MEMORY_MB


def _linux_version() -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", platform.release())
    return (int(match[1]), int(match[2])) if match else (0, 0)


def environment(home: str) -> dict[str, str]:
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


def gpu_devices() -> list[str]:
    """Return the devices of a GPU that this machine has."""
    return sorted(str(path) for pattern in GPU_DEVICES for path in Path("/dev").glob(pattern))
