"""Files of a step that strangers have written, taken over without following where they lead."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path


def _walk_plain(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Yield each path below `folder`, and whether it is a plain file; links are not followed."""
    for path, folders, names in os.walk(folder):
        for name in [*names, *(name for name in folders if (Path(path) / name).is_symlink())]:
            inner = Path(path) / name
            yield inner, stat.S_ISREG(inner.lstat().st_mode)


def copy_plain(source: Path, target: Path) -> list[str]:
    """Copy the plain files below a folder that strangers have written, and return the rest by name."""
    left = []
    target.mkdir(parents=True, exist_ok=True)
    for path, plain in _walk_plain(source):
        name = path.relative_to(source)
        if not plain:
            left.append(str(name))
            continue
        try:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / name, follow_symlinks=False)
        except OSError:  # a name longer than any path may be
            left.append(str(name)[:200])
    return sorted(left)


def open_to_all(folder: Path) -> None:
    """Let the container's user, who is another one than ours, read and write everything in a folder of the step."""
    for path, _, names in os.walk(folder):
        Path(path).chmod(0o777)
        for name in names:
            inner = Path(path) / name
            if not inner.is_symlink():
                inner.chmod(inner.stat().st_mode | 0o666)
