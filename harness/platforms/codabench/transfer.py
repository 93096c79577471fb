"""Files of a step that strangers have written, taken over without following where they lead."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from harness.tree import DEPTH, open_file, walk

NAMED = 8  # of what was left behind


def copy_plain(source: Path, target: Path) -> list[str]:
    """Copy the folders and plain files below a folder that strangers have written; name some of the rest.

    What is copied is for its owner alone, whatever its modes were.
    """
    left: list[str] = []
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    for item in walk(source):
        copy = target / item.path
        try:
            if item.is_folder:
                if item.level >= DEPTH:
                    raise OSError("not entered")
                copy.mkdir(mode=0o700, exist_ok=True)
                continue
            with (
                os.fdopen(open_file(item), "rb") as found,
                os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file,
            ):
                shutil.copyfileobj(found, file, 1 << 20)
        except OSError:  # a link, a pipe, a folder too deep, or a name longer than any path may be
            left.append(item.path[:200])
    return [*sorted(left)[:NAMED], *([f"{len(left) - NAMED:,} more"] if len(left) > NAMED else [])]


def open_to_all(folder: Path) -> None:
    """Let the container's user, who is another one than ours, read and write everything in a folder of the step."""
    folder.chmod(0o777)
    for item in walk(folder):
        if not item.entry.is_symlink():
            os.chmod(item.entry.name, 0o777 if item.is_folder else item.status().st_mode | 0o666, dir_fd=item.folder)
