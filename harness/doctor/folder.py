"""A folder as a person would zip it, whatever the contest says of its files."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

from harness.errors import PackError
from harness.pack import leftover, plain_member
from harness.plain_files import plain_files


def zip_of(folder: Path, zip_path: Path) -> list[str]:
    """Zip a folder without its hidden files, links and caches, as `harness.pack.pack` does, and refuse no content.

    Returns
    -------
    list of str
        What is no plain file and was left out, with the reason.

    Raises
    ------
    PackError
        The folder is empty, or cannot be read.
    """
    try:
        found = plain_files(folder, skip=leftover)
        if not found.plain:
            raise PackError(f"{folder} holds no file.", "Copy submissions/template and edit its model.py.")
        write_zip(folder, found.plain.values(), zip_path)
    except OSError as error:
        raise PackError(f"{folder} cannot be read: {error}.", "Mend its rights, or take that file away.") from error
    return [f"{name}: {reason}" for name, reason in found.left_out.items() if not leftover(name)]


def write_zip(folder: Path, files: Iterable[Path], zip_path: Path) -> None:
    """Write `files` of `folder` into a zip, stored and with one fixed date, and ask no questions."""
    with zipfile.ZipFile(zip_path, "w", zipfile.ZIP_STORED) as archive:
        for path in files:
            archive.writestr(plain_member(path.relative_to(folder).as_posix()), path.read_bytes())
