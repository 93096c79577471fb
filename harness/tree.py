"""Folders that strangers have written: walked and removed whatever lies in them.

An entry can nest folders by the ten thousand, give them long names, so that no path reaches them, take every right
from them, and make a million files.  So nothing here builds a path, calls itself or follows a link: folders are opened
from the one above, and few at a time.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

DEPTH = 100  # folders in folders; each one above takes two descriptors while a tree is walked
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
ATTEMPTS = 100  # to remove a folder that another process removes at the same time


@dataclass(frozen=True)
class Item:
    """What `walk` has met.

    Attributes
    ----------
    path : str
        Below the folder that is walked; for people, and too long to be opened where names are.
    entry : os.DirEntry
        Its `path` is its bare name.
    folder : int
        Descriptor of the folder that holds it, open until the next item is asked for.
    level : int
        Folders above it, 0 at the top.
    """

    path: str
    entry: os.DirEntry[str]
    folder: int
    level: int

    @property
    def is_folder(self) -> bool:
        return self.entry.is_dir(follow_symlinks=False)

    def status(self) -> os.stat_result:
        return os.stat(self.entry.name, dir_fd=self.folder, follow_symlinks=False)


def walk(folder: Path | int, depth: int = DEPTH) -> Iterator[Item]:
    """Yield all that lies below a folder that strangers may be writing, each folder before what it holds.

    The folder is named by its path or by a descriptor, which stays open.

    Links are not followed, and folders with `depth` others above them are not entered; neither are those that are gone
    by then, or that belong to somebody else.
    """
    above: list[tuple[int, Any, str]] = []  # descriptor, what is left of its entries, path: from the top down

    def enter(name: str | Path, parent: int | None, path: str) -> None:
        with contextlib.suppress(OSError):
            handle = _open_folder(name, parent)
            above.append((handle, os.scandir(handle), path))

    if isinstance(folder, int):
        enter(".", folder, "")
    else:
        enter(folder.resolve(), None, "")
    try:
        while above:
            handle, entries, path = above[-1]
            entry = next(entries, None)
            if entry is None:
                above.pop()
                os.close(handle)
                continue
            item = Item(f"{path}{entry.name}", entry, handle, len(above) - 1)
            yield item
            if item.is_folder and item.level < depth:
                enter(entry.name, handle, f"{item.path}/")
    finally:
        for handle, entries, _ in above:
            entries.close()
            os.close(handle)


def _open_folder(name: str | Path, parent: int | None = None) -> int:
    """Open a folder, never a link to one; its owner first gets back the rights that he may have taken from himself."""
    if not hasattr(os, "O_PATH"):
        return os.open(name, FOLDER, dir_fd=parent)
    handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        mode = stat.S_IMODE(os.fstat(handle).st_mode)
        if mode & 0o700 != 0o700:
            # By its descriptor: a name may lead to something else by now.
            with contextlib.suppress(OSError):  # it belongs to somebody else, and may be open to us all the same
                Path(f"/proc/self/fd/{handle}").chmod(mode | 0o700)
        return os.open(".", FOLDER, dir_fd=handle)
    finally:
        os.close(handle)


def open_file(item: Item) -> int:
    """Open a plain file to read, whatever its modes are: not through a link, and not waiting at a pipe.

    Raises
    ------
    OSError
        It is no plain file, or somebody else's and not open to us.
    """
    if not hasattr(os, "O_PATH"):
        return os.open(item.entry.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=item.folder)
    handle = os.open(item.entry.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=item.folder)
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a plain file")
        same = f"/proc/self/fd/{handle}"  # a name may lead to something else by now
        if not mode & 0o400:
            with contextlib.suppress(OSError):
                Path(same).chmod(stat.S_IMODE(mode) | 0o600)
        return os.open(same, os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(handle)


def remove(folder: Path) -> str:
    """Remove a folder and all below it, and return why something is left; empty when nothing is.

    Each folder inside is moved up to the top before it is emptied, so that depth and length of paths do not matter.
    Other processes may be removing it at the same time.
    """
    reason = ""
    for _ in range(ATTEMPTS):
        try:
            top = _open_folder(folder)
            try:
                reason = _empty(top)
            finally:
                os.close(top)
            folder.rmdir()
        except FileNotFoundError:
            return ""
        except NotADirectoryError:  # a file or a link
            with contextlib.suppress(OSError):
                folder.unlink()
        except OSError as error:
            reason = reason or str(error.strerror)
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # else another process has moved something up here
                break
        else:
            return ""
    return reason


def _empty(top: int) -> str:
    """Empty an open folder; return why something in it is left."""
    prefix, numbers = secrets.token_hex(8), count()  # names that nobody has taken
    done, reason = True, ""
    while done:
        done, reason = False, ""
        with os.scandir(top) as entries:
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):
                        done |= _dissolve(entry.name, top, (f"{prefix}-{number}" for number in numbers))
                    else:
                        os.unlink(entry.name, dir_fd=top)
                        done = True
                except FileNotFoundError:  # by another process, which may do the rest, too
                    done = True
                except OSError as error:
                    reason = str(error.strerror)
    return reason


def _dissolve(name: str, top: int, names: Iterator[str]) -> bool:
    """Remove a folder of `top`, after moving the folders in it up into `top`; return whether there is less to do.

    Raises
    ------
    OSError
        Something in it stays.
    """
    with contextlib.suppress(OSError):
        os.rmdir(name, dir_fd=top)
        return True
    done, trouble = False, None
    handle = _open_folder(name, top)
    try:
        with os.scandir(handle) as entries:
            for entry in entries:
                try:
                    if not entry.is_dir(follow_symlinks=False):
                        os.unlink(entry.name, dir_fd=handle)
                    else:
                        _move_up(entry.name, handle, top, names)
                    done = True
                except FileNotFoundError:
                    done = True
                except OSError as error:
                    trouble = error
    finally:
        os.close(handle)
    try:
        os.rmdir(name, dir_fd=top)
    except OSError as error:
        if not done:
            raise trouble or error from None
    return True


def _move_up(name: str, folder: int, top: int, names: Iterator[str]) -> None:
    try:
        os.rmdir(name, dir_fd=folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        os.close(_open_folder(name, folder))  # a folder is moved by who may write it
        os.rename(name, next(names), src_dir_fd=folder, dst_dir_fd=top)


@contextlib.contextmanager
def temporary_folder(prefix: str, home: Path | None = None) -> Iterator[Path]:
    """Give a fresh folder, mode 0700, among the system's temporary files or in `home`, and remove it in the end."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=home))
    try:
        yield folder
    finally:
        remove(folder)
