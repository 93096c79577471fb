"""What stands between an entry and the machine: the command that runs it, and the walls that command builds.

Three ways, best first:

``bubblewrap``
    A file system made from nothing: system folders, the interpreter with its packages and the unpacked entry, all
    read-only; working directory and ``/tmp`` are memory of limited size; no network, own processes, own IPC.  Root
    starts it without a user namespace and hands the entry to a user that owns nothing: a root-owned
    ``/proc/sys/kernel/core_pattern`` is then not the entry's to write, and the process limit counts, which the kernel
    waives for root.
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
import random
import re
import shutil
import socket
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.contest import Limits

Isolation = Literal["bubblewrap", "namespaces", "none"]
Device = Literal["auto", "cpu"]

MB = 1_000_000
HERE = Path(__file__).parent
PACKAGE = HERE.parent

TMP_MB = 1024  # /tmp, beside the working directory
SHARED_MEMORY_MB = 256  # /dev/shm: semaphores and small arrays between an entry's own processes
OPEN_FILES = 1024
# Stacks of threads and arenas of the allocator are counted by RLIMIT_DATA before they are used.  The limit itself is
# kept by measuring; this one only stops a single huge allocation faster than the next measurement could.
DATA_HEADROOM_MB = 2048

# Parts of the system an interpreter and its packages read.  Not all of /usr: programs of the host may keep their
# files in /usr/src or /usr/local/share.
SYSTEM_FOLDERS = (
    "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/share/zoneinfo",
    "/usr/local/bin", "/usr/local/lib", "/usr/local/lib64", "/usr/local/cuda", "/usr/local/nvidia",
    "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/fonts",
    "/sys/devices/system", "/nix/store",
)  # fmt: skip
ROOT_FOLDERS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")  # links into /usr on most systems
GPU_FOLDERS = ("/sys/bus/pci", "/sys/devices", "/sys/module/nvidia", "/sys/module/nvidia_uvm")
GPU_DEVICES = ("nvidia*", "dxg")

# Users of no account and no service (systemd's "Users, Groups, UIDs and GIDs" leaves these free).
NOBODYS = range(60578, 61184)

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
    "control group",
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
            report=str(folder / "out" / "report.jsonl"),
            work=str(folder / "work"),
            tmp=str(folder / "tmp"),
        )


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
    for folder in (*system_folders([]), *interpreter_folders()):
        if isolation != "none" and _below(room.entry, folder):
            return f"the workspace lies in {folder}, which every entry may read; choose another --workspace"
    build = {"bubblewrap": _bubblewrap, "namespaces": _namespaces, "none": _none}[isolation]
    gpu = _gpu_devices() if device == "auto" else []
    built = build(room, {"passes": passes, "n_classes": n_classes, "ready": ready}, limits, gpu)
    if device == "cpu" and isinstance(built, Command):
        built.environment["CUDA_VISIBLE_DEVICES"] = ""  # where there are no walls, it is asked not to look
    return built


def _bubblewrap(room: Room, job: dict[str, Any], limits: Limits, gpu: list[str]) -> Command | str:
    program = shutil.which("bwrap")
    if program is None:
        return "there is no program bwrap"
    inside = Room.at(Path("/sandbox"), len(room.images))
    fence, child = "/sandbox/fence.py", "/sandbox/child.py"
    root = os.geteuid() == 0
    readable = system_folders(gpu) + interpreter_folders()

    argv = [program, "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    argv += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    if root:
        argv += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        argv += ["--unshare-user", "--disable-userns"]
    binds: list[tuple[str, str, str]] = [("--ro-bind", path, path) for path in readable]
    binds += [
        ("--ro-bind", str(HERE / "fence.py"), fence),
        ("--ro-bind", str(HERE / "child.py"), child),
        ("--ro-bind", room.entry, inside.entry),
        *(("--ro-bind", host, seen) for host, seen in zip(room.images, inside.images, strict=True)),
        ("--bind", room.predictions, inside.predictions),
        ("--bind", room.report, inside.report),
    ]
    argv += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"]
    # Before everything else is mounted: the interpreter may itself lie below /tmp.
    for folder, size in (
        ("/dev/shm", SHARED_MEMORY_MB),
        ("/tmp", TMP_MB),
        (inside.work, _work_mb(limits)),
    ):
        argv += [*folders_above([folder]), "--perms", "1777", "--size", str(size * MB), "--tmpfs", folder]
    for folder in ROOT_FOLDERS:
        if Path(folder).is_symlink():
            argv += ["--symlink", str(Path(folder).readlink()), folder]
        elif Path(folder).is_dir():
            argv += ["--ro-bind", folder, folder]
    argv += folders_above(seen for _, _, seen in binds)
    for bind in binds:
        argv += bind
    for device in gpu:
        argv += ["--dev-bind", device, device]
    # An installed copy of this package is not the entry's to read.
    if any(_below(str(PACKAGE), path) for path in readable):
        argv += ["--tmpfs", str(PACKAGE), "--remount-ro", str(PACKAGE)]
    argv += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]

    uid = random.SystemRandom().choice(NOBODYS) if root else None
    return Command(
        argv=[
            *argv,
            "--",
            *_fenced(
                inside,
                job,
                fence,
                child,
                _resource_limits(limits, gpu, own_user=True),
                uid=uid,
                # A second lock on the same doors, and it keeps the entry out of the memory of bubblewrap's own process.
                landlock={
                    "read": ["/"],
                    "write": [inside.work, "/tmp", "/dev", inside.predictions, inside.report],
                },
                syscalls=True,
            ),
        ],
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
    fence, child = str(HERE / "fence.py"), str(HERE / "child.py")
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
        "write": [room.work, room.tmp, "/dev/shm", room.predictions, room.report, *devices],
    }
    return Command(
        argv=argv
        + _fenced(
            room,
            job,
            fence,
            child,
            _resource_limits(limits, gpu, own_user=True),
            mounts=mounts,
            writable=[room.predictions, room.report],
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
    fence, child = str(HERE / "fence.py"), str(HERE / "child.py")
    return Command(
        argv=_fenced(room, job, fence, child, _resource_limits(limits, gpu, own_user=False)),
        environment=_environment(room.tmp),
        walls=ALWAYS,
    )


def _fenced(
    room: Room,
    job: dict[str, Any],
    fence: str,
    child: str,
    limits: dict[str, int],
    *,
    uid: int | None = None,
    mounts: list[tuple[str, int]] | None = None,
    writable: list[str] | None = None,
    landlock: dict[str, list[str]] | None = None,
    required: bool = False,
    syscalls: bool = False,
    sockets: tuple[int, ...] = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK),
) -> list[str]:
    """Return the command line of `fence.py` that becomes `child.py`.

    No ``-I`` for the child: it would ignore ``PYTHONHASHSEED``, and the environment is ours anyway.  ``-P`` keeps the
    folder of `child.py`, ``-s`` the user's own packages off the path.
    """
    for_child = {
        "entry": room.entry,
        "work": room.work,
        "images": room.images,
        "predictions": room.predictions,
        "report": room.report,
        **job,
    }
    for_fence = {
        "argv": [sys.executable, "-P", "-s", "-B", child, json.dumps(for_child)],
        "limits": limits,
        "uid": uid,
        "mounts": mounts or [],
        "writable": writable,
        "landlock": landlock,
        "required": required,
        "syscalls": syscalls,
        "sockets": [int(family) for family in sockets],
        "tell": job["ready"],
    }
    return [sys.executable, "-I", "-S", "-B", fence, json.dumps(for_fence)]


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


def system_folders(gpu: list[str]) -> list[str]:
    folders = (*SYSTEM_FOLDERS, *GPU_FOLDERS) if gpu else SYSTEM_FOLDERS
    return _outermost(path for path in folders if Path(path).exists())


def interpreter_folders() -> list[str]:
    """Return what the interpreter needs beside the system: its installation, the environment, and links between."""
    folders = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    folders |= {path for name in ("stdlib", "platstdlib", "purelib", "platlib") if (path := sysconfig.get_path(name))}
    found = _outermost(path for path in folders if path not in ("/", "/usr", "/usr/local") and Path(path).exists())
    system = (*system_folders([]), *ROOT_FOLDERS)
    # The environment's python is a link, perhaps to another link, to the real one.
    hop = Path(sys.executable)
    for _ in range(16):
        if not any(_below(str(hop), folder) for folder in (*found, *system)):
            found.append(str(hop))
        if not hop.is_symlink():
            break
        hop = Path(os.path.normpath(hop.parent / hop.readlink()))
    return [path for path in found if not any(_below(path, folder) for folder in system)]


def _gpu_devices() -> list[str]:
    return sorted(str(path) for pattern in GPU_DEVICES for path in Path("/dev").glob(pattern))


def _below(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)


def _outermost(paths: Iterable[str]) -> list[str]:
    """Return the paths that lie below no other.

    Examples
    --------
    >>> _outermost(["/usr/lib/python3", "/opt/venv", "/usr/lib"])
    ['/opt/venv', '/usr/lib']
    """
    found: list[str] = []
    for path in sorted(set(paths), key=lambda path: (len(Path(path).parts), path)):
        if not any(_below(path, folder) for folder in found):
            found.append(path)
    return sorted(found)


def folders_above(paths: Iterable[str]) -> list[str]:
    """Return the options that make every folder above `paths`, outer ones first.

    Left to itself bubblewrap makes missing parents unreadable to other users, and the entry is another user than root.

    Examples
    --------
    >>> folders_above(["/a/b/c"])
    ['--perms', '0755', '--dir', '/a', '--perms', '0755', '--dir', '/a/b']
    """
    folders = sorted({str(parent) for path in paths for parent in Path(path).parents} - {"/"})
    return [option for folder in folders for option in ("--perms", "0755", "--dir", folder)]
