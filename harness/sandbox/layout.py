"""The file system that a sandboxed process sees: made from nothing, the same behind each kind of isolation.

System folders, the interpreter with its packages and what the caller hands in, all read-only unless said otherwise;
folders of memory of limited size; a few devices.  `bubblewrap.py` and `namespaces.py` build it.
"""

from __future__ import annotations

import os
import random
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

MB = 1_000_000
HERE = Path(__file__).parent
PACKAGE = HERE.parent
RESTRICT = HERE / "restrict.py"
RUNTIME = "/sandbox/runtime"  # where the packages of an entry lie that does not run in our own environment

TMP_MB = 1024  # /tmp, beside a working directory
SHARED_MEMORY_MB = 256  # /dev/shm: semaphores and small arrays between an entry's own processes

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
NO_FOLDERS_OF_ITS_OWN = ("/", "/usr", "/usr/local")  # an interpreter there lies in the system folders

# Names of the user's keys.
MASKED = ("/proc/keys", "/proc/key-users")

# Users of no account and no service (systemd's "Users, Groups, UIDs and GIDs" leaves these free).
NOBODYS = range(60578, 61184)


@dataclass(frozen=True)
class Bind:
    """A file or folder of the host, and where it is seen."""

    host: str
    seen: str
    writable: bool = False


@dataclass(frozen=True)
class Memory:
    """A folder that is memory, gone with the process: its size in bytes, and who may write it."""

    folder: str
    size: int
    mode: int = 0o1777


@dataclass(frozen=True)
class Layout:
    """A file system made from nothing.  ``/proc`` and the usual devices are always there.

    Attributes
    ----------
    binds : tuple of Bind
        In the order in which they are mounted, over the memory.
    memory : tuple of Memory
        `scratch` and others, mounted first: the interpreter may itself lie below ``/tmp``.
    links : tuple of (str, str)
        Target and place of each symbolic link.
    devices : tuple of str
        Of a GPU, handed in as they are.
    folders, hidden : tuple of str
        Empty ones, writable to nobody; `hidden` ones lie over something that is not to be seen.
    start : str
        The working directory.
    python : str
        The interpreter, as it is seen inside.
    """

    binds: tuple[Bind, ...]
    memory: tuple[Memory, ...]
    links: tuple[tuple[str, str], ...]
    devices: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    start: str = "/"
    python: str = sys.executable

    @classmethod
    def around(
        cls,
        binds: Iterable[Bind],
        *,
        memory: Sequence[Memory] = (),
        gpu: Sequence[str] = (),
        folders: Sequence[str] = (),
        start: str = "/",
        venv: Path | None = None,
    ) -> Layout:
        """Return `binds` and `memory` with the system, the interpreter, ``/tmp`` and ``/dev/shm`` around them.

        The packages are those of `venv`, an environment of the same Python, where one is given, and else our own.
        """
        readable = [*system_folders(gpu), *interpreter_folders(own=venv is None)]
        runtime = [] if venv is None else [Bind(str(venv), RUNTIME)]
        ours = [PACKAGE] if venv is None else [PACKAGE, *map(Path, _paths("purelib", "platlib"))]
        roots = [folder for folder in ROOT_FOLDERS if os.path.lexists(folder)]
        return cls(
            binds=(
                *(Bind(folder, folder) for folder in roots if not Path(folder).is_symlink()),
                *(Bind(path, path) for path in readable),
                *(Bind("/dev/null", path) for path in MASKED if Path(path).exists()),
                *runtime,
                *binds,
            ),
            memory=(Memory("/dev/shm", SHARED_MEMORY_MB * MB), Memory("/tmp", TMP_MB * MB), *memory),
            links=tuple((str(Path(folder).readlink()), folder) for folder in roots if Path(folder).is_symlink()),
            devices=tuple(gpu),
            folders=tuple(folders),
            # An installed copy of this package is not the entry's to read.
            hidden=tuple(place for path in ours for place in _places_of(path, readable)),
            start=start,
            python=sys.executable if venv is None else python_of(Path(RUNTIME)),
        )

    @property
    def scratch(self) -> list[str]:
        """The folders of memory that everybody may write."""
        return [one.folder for one in self.memory if one.mode == 0o1777]

    @property
    def writable(self) -> list[str]:
        """All that may be written."""
        return [*self.scratch, *(bind.seen for bind in self.binds if bind.writable)]


def nobody() -> int | None:
    """Return a user that owns nothing, for the entry in a sandbox that root builds; None where we are not root."""
    return random.SystemRandom().choice(NOBODYS) if os.geteuid() == 0 else None


def open_to_entries(path: Path) -> str | None:
    """Return the folder, among those that every entry may read, in which `path` lies; None where it lies in none.

    Both are followed to where they really are: a link between the two would hide that one holds the other.
    """
    real = path.resolve()
    readable = (*system_folders(), *interpreter_folders(), *ROOT_FOLDERS)
    return next((folder for folder in readable if real.is_relative_to(Path(folder).resolve())), None)


def system_folders(gpu: Sequence[str] = ()) -> list[str]:
    """Return what of the system an interpreter reads; with devices of a GPU, what its driver reads, too."""
    folders = (*SYSTEM_FOLDERS, *GPU_FOLDERS) if gpu else SYSTEM_FOLDERS
    return _outermost(path for path in folders if Path(path).exists())


def interpreter_folders(*, own: bool = True) -> list[str]:
    """Return what the interpreter needs beside the system: its installation, the environment, and links between.

    By the names under which the interpreter looks for them, links unresolved.  Without its `own` environment it is the
    interpreter that another was made of.
    """
    folders = {sys.base_prefix, sys.base_exec_prefix, *_paths("stdlib")}
    if own:
        folders |= {sys.prefix, sys.exec_prefix, *_paths("platstdlib", "purelib", "platlib")}
    found = _outermost(path for path in folders if path not in NO_FOLDERS_OF_ITS_OWN and Path(path).exists())
    system = (*system_folders(), *ROOT_FOLDERS)
    # The environment's python is a link, perhaps to another link, to the real one.
    hop = Path(sys.executable if own else getattr(sys, "_base_executable", sys.executable))
    for _ in range(16):
        if not any(is_below(str(hop), folder) for folder in (*found, *system)):
            found.append(str(hop))
        if not hop.is_symlink():
            break
        hop = Path(os.path.normpath(hop.parent / hop.readlink()))
    return [path for path in found if not any(is_below(path, folder) for folder in system)]


def _paths(*names: str) -> set[str]:
    return {path for name in names if (path := sysconfig.get_path(name))}


def python_of(venv: Path) -> str:
    """Return the interpreter of an environment."""
    return str(venv / "bin" / "python")


def is_below(name: str, folder: str) -> bool:
    """Return whether a path lies in a folder by its name alone, as it will be seen inside.

    Where something really lies is another question: see `open_to_entries`.
    """
    return Path(name).is_relative_to(folder)


def _places_of(path: Path, readable: Iterable[str]) -> list[str]:
    """Return where `path` is seen in folders that are seen under their own names.

    Examples
    --------
    >>> _places_of(Path("/nowhere/at/all"), ["/nowhere", "/elsewhere"])
    ['/nowhere/at/all']
    """
    real = path.resolve()
    places = ((Path(folder), Path(folder).resolve()) for folder in readable)
    return [str(seen / real.relative_to(there)) for seen, there in places if real.is_relative_to(there)]


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
