"""Scratch folders that outlive no run: removed in the end, or swept by the next run after a kill."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.tree import remove
from harness.workspace import make_folder


@contextlib.contextmanager
def scratch_folder(scratch: Path) -> Iterator[Path]:
    """Give a fresh folder inside `scratch`, after removing what killed runs have left there.

    Each folder holds a file locked for as long as its run lives; the kernel drops the lock with the process.  A second
    lock covers making and sweeping, so that no sweep sees a folder that is made but not yet locked.
    """
    make_folder(scratch, private=True)
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
    except OSError:  # another user's: it may live
        return True
    return False


def _remove(folder: Path) -> None:
    """Remove a folder; what of it cannot be removed is put aside with a word on stderr, and stops nothing."""
    if not (reason := remove(folder)):
        return
    aside = folder.with_name(f"left-{folder.name}")
    with contextlib.suppress(OSError):
        folder.rename(aside)
    left = aside if os.path.lexists(aside) else folder
    print(f"Cannot remove {left}: {reason}. Remove it by hand; nothing needs it.", file=sys.stderr)
