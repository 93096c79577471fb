"""The plain files below a folder that strangers may have filled; the rest is named, with the reason, never opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
DEEPEST = 64  # folders in one another; an entry's zip may have half of it
MOST = 500_000  # files and folders
BROKEN = "No such file, a broken link"

Skip = Callable[[PurePosixPath], str]


@dataclass(frozen=True)
class Files:
    """What lies below a folder.

    Attributes
    ----------
    plain : dict of PurePosixPath to Path
        Plain files by their path below the folder, sorted.
    folders : frozenset of PurePosixPath
    left_out : dict of PurePosixPath to str
        What is neither, with the reason, sorted.
    """

    plain: dict[PurePosixPath, Path]
    folders: frozenset[PurePosixPath]
    left_out: dict[PurePosixPath, str]


def is_plain(path: Path) -> bool:
    """Tell whether a path is a plain file, and no link: only then does opening it end."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def plain_files(root: Path, *, skip: Skip = lambda name: "", follow: bool = False) -> Files:
    """Return what lies below `root`.

    Parameters
    ----------
    root : Path
    skip : function, optional
        Gets a path below `root` and returns why it is left out, or an empty string.
    follow : bool
        Whether a link to a folder counts as that folder, and a link to a file inside of `root`, or of such a folder, as
        that file.  Otherwise links are left out.

    Raises
    ------
    OSError
        A folder cannot be read.
    """
    plain: dict[PurePosixPath, Path] = {}
    folders: set[PurePosixPath] = set()
    left_out: dict[PurePosixPath, str] = {}
    linked: dict[PurePosixPath, Path] = {}
    homes = [root.resolve()]
    pending: list[tuple[PurePosixPath, Path, tuple[os.stat_result, ...]]] = [(PurePosixPath(), root, (root.stat(),))]
    seen = 0
    while pending:
        below, folder, above = pending.pop()
        with os.scandir(folder) as entries:
            listed = list(entries)
        for entry in listed:
            name, path = below / entry.name, folder / entry.name
            seen += 1
            if seen > MOST:
                left_out[name] = f"and all after it: more than {MOST:,} files"
                return _sorted(plain, folders, left_out)
            if reason := skip(name):
                left_out[name] = reason
            elif entry.is_symlink() and not follow:
                left_out[name] = "a link"
            elif (at := _stat(entry)) is None:
                left_out[name] = BROKEN
            elif stat.S_ISDIR(at.st_mode):
                if any(os.path.samestat(at, one) for one in above):
                    left_out[name] = "a link to a folder that it lies in"
                elif len(above) > DEEPEST:
                    left_out[name] = f"more than {DEEPEST} folders deep"
                else:
                    if entry.is_symlink():
                        homes.append(path.resolve())
                    folders.add(name)
                    pending.append((name, path, (*above, at)))
            elif stat.S_ISREG(at.st_mode):
                (linked if entry.is_symlink() else plain)[name] = path
            else:
                left_out[name] = KINDS.get(stat.S_IFMT(at.st_mode), "no plain file")
    for name, path in linked.items():
        if any(path.resolve().is_relative_to(home) for home in homes):
            plain[name] = path
        else:
            left_out[name] = "a link that leads out of the folder"
    return _sorted(plain, folders, left_out)


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat()
    except OSError:  # a link to nothing, or to itself
        return None


def _sorted(plain: dict[PurePosixPath, Path], folders: set[PurePosixPath], left_out: dict[PurePosixPath, str]) -> Files:
    return Files(dict(sorted(plain.items())), frozenset(folders), dict(sorted(left_out.items())))
