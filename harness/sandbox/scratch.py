"""Scratch folders that outlive no run: removed in the end, or swept by the next run after a kill."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def scratch_folder(scratch: Path) -> Iterator[Path]:
    """Give a fresh folder inside `scratch`, after removing what killed runs have left there.

    Each folder holds a file locked for as long as its run lives; the kernel drops the lock with the process.  A second
    lock covers making and sweeping, so that no sweep sees a folder that is made but not yet locked.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with (scratch / ".lock").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        for leftover in scratch.glob("run-*"):
            if not _is_alive(leftover):
                _remove(leftover)
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=scratch.resolve()))  # mode 0700
        alive = (folder / "alive.lock").open("w")
        fcntl.flock(alive, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        _remove(folder)
        alive.close()


def _is_alive(folder: Path) -> bool:
    try:
        with (folder / "alive.lock").open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:  # killed while the folder was made, or while it was removed
        return False
    return False


def _remove(folder: Path) -> None:
    """Remove a folder whatever modes an entry has given to what is in it."""
    while folder.exists():
        with contextlib.suppress(FileNotFoundError):  # another run ends at the same time and sweeps this one
            for path, names, _ in os.walk(folder):  # top down: a folder can be entered once its parent is mended
                for name in names:
                    inner = Path(path, name)
                    if not inner.is_symlink():
                        inner.chmod(0o700)
            shutil.rmtree(folder)
