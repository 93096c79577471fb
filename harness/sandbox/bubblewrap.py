"""A box by bubblewrap: a file system made from nothing, with no network, in processes and IPC of its own.

Root starts it without a user namespace, and hands it to a user that owns nothing: a root-owned
``/proc/sys/kernel/core_pattern`` is then not the inmate's to write, and the process limit counts, which the kernel
waives for root.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path

MB = 1_000_000
HERE = Path(__file__).parent
PACKAGE = HERE.parent
FENCE = HERE / "fence.py"

TMP_MB = 1024  # /tmp, beside a working directory
SHARED_MEMORY_MB = 256  # /dev/shm: semaphores and small arrays between an inmate's own processes

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

# Users of no account and no service (systemd's "Users, Groups, UIDs and GIDs" leaves these free).
NOBODYS = range(60578, 61184)


def box(
    fence: str,
    binds: Iterable[tuple[str, str, str]],
    *,
    gpu: Sequence[str] = (),
    memory: Iterable[tuple[str, int]] = (),
    folders: Sequence[str] = (),
    start: str = "/",
) -> list[str] | None:
    """Return the command line that puts what follows it into a box, or None where there is no bubblewrap.

    Parameters
    ----------
    fence : str
        Where `fence.py` is to be found inside; it is what the box has to start, see `nobody`.
    binds : iterable of (str, str, str)
        An option of bubblewrap such as ``--ro-bind``, a path of the host, and the path inside.  System and interpreter
        are there already.
    gpu : sequence of str
        Devices to hand in.
    memory : iterable of (str, int)
        Folders that are memory, beside ``/tmp`` and ``/dev/shm``, and their sizes in MB.
    folders : sequence of str
        Empty folders.
    start : str
        The working directory.
    """
    program = shutil.which("bwrap")
    if program is None:
        return None
    readable = system_folders(gpu) + interpreter_folders()
    argv = [program, "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    argv += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() == 0:
        argv += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        argv += ["--unshare-user", "--disable-userns"]
    argv += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"]
    # Before everything else is mounted: the interpreter may itself lie below /tmp.
    for folder, size in (("/dev/shm", SHARED_MEMORY_MB), ("/tmp", TMP_MB), *memory):
        argv += [*_folders_above([folder]), "--perms", "1777", "--size", str(size * MB), "--tmpfs", folder]
    for folder in ROOT_FOLDERS:
        if Path(folder).is_symlink():
            argv += ["--symlink", str(Path(folder).readlink()), folder]
        elif Path(folder).is_dir():
            argv += ["--ro-bind", folder, folder]
    mounts = [*(("--ro-bind", path, path) for path in readable), ("--ro-bind", str(FENCE), fence), *binds]
    argv += _folders_above([*(seen for _, _, seen in mounts), *(f"{folder}/any" for folder in folders)])
    for mount in mounts:
        argv += mount
    for device in gpu:
        argv += ["--dev-bind", device, device]
    # An installed copy of this package is not the inmate's to read.
    if any(is_below(str(PACKAGE), path) for path in readable):
        argv += ["--tmpfs", str(PACKAGE), "--remount-ro", str(PACKAGE)]
    return [*argv, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", start, "--"]


def nobody() -> int | None:
    """Return a user for the inmate of a box that root starts; None where we are not root."""
    return random.SystemRandom().choice(NOBODYS) if os.geteuid() == 0 else None


def system_folders(gpu: Sequence[str] = ()) -> list[str]:
    """Return what of the system an interpreter reads; with devices of a GPU, what its driver reads, too."""
    folders = (*SYSTEM_FOLDERS, *GPU_FOLDERS) if gpu else SYSTEM_FOLDERS
    return _outermost(path for path in folders if Path(path).exists())


def interpreter_folders() -> list[str]:
    """Return what the interpreter needs beside the system: its installation, the environment, and links between."""
    folders = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    folders |= {path for name in ("stdlib", "platstdlib", "purelib", "platlib") if (path := sysconfig.get_path(name))}
    found = _outermost(path for path in folders if path not in ("/", "/usr", "/usr/local") and Path(path).exists())
    system = (*system_folders(), *ROOT_FOLDERS)
    # The environment's python is a link, perhaps to another link, to the real one.
    hop = Path(sys.executable)
    for _ in range(16):
        if not any(is_below(str(hop), folder) for folder in (*found, *system)):
            found.append(str(hop))
        if not hop.is_symlink():
            break
        hop = Path(os.path.normpath(hop.parent / hop.readlink()))
    return [path for path in found if not any(is_below(path, folder) for folder in system)]


def is_below(path: str, folder: str) -> bool:
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
        if not any(is_below(path, folder) for folder in found):
            found.append(path)
    return sorted(found)


def _folders_above(paths: Iterable[str]) -> list[str]:
    """Return the options that make every folder above `paths`, outer ones first.

    Left to itself bubblewrap makes missing parents unreadable to other users, and the entry is another user than root.

    Examples
    --------
    >>> _folders_above(["/a/b/c"])
    ['--perms', '0755', '--dir', '/a', '--perms', '0755', '--dir', '/a/b']
    """
    folders = sorted({str(parent) for path in paths for parent in Path(path).parents} - {"/"})
    return [option for folder in folders for option in ("--perms", "0755", "--dir", folder)]
