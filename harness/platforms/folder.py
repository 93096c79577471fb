"""A folder that is written whole or not at all, and its zip, the same bytes each time."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from harness.errors import UsageError, WorkspaceError
from harness.pack import plain_member
from harness.tree import walk
from harness.workspace import OWNER_FILE, OWNER_FOLDER, atomic_file


@contextlib.contextmanager
def new_folder(target: Path, *, private: bool = False) -> Iterator[Path]:
    """Give a folder to write into, which becomes `target` when all went well.

    What is `private`, since it holds hidden labels, is for its owner alone.

    Raises
    ------
    UsageError
        `target` is there already, and not empty.
    WorkspaceError
        It cannot be written.
    """
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise UsageError(
                f"{target} is there already, expected a new or empty folder.", "Choose another, or remove it first."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            yield building
            if private:
                for item in walk(building):
                    os.chmod(item.entry.name, OWNER_FOLDER if item.is_folder else OWNER_FILE, dir_fd=item.folder)
            else:
                building.chmod(0o755)  # a temporary folder is born 0700
            building.replace(target)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    except OSError as error:
        raise WorkspaceError(
            f"Cannot write {target}: {error.strerror or error}.", "Make room or rights, or choose another folder."
        ) from error


def zip_folder(folder: Path, zip_path: Path, *, private: bool = True) -> None:
    """Zip the content of `folder`: sorted names, one fixed date and mode, stored and not compressed.

    A `private` zip is for its owner alone: hidden labels are in it.  Deflate's output differs between versions of zlib,
    and images hardly shrink.
    """
    with (
        atomic_file(zip_path, remedy="Make room or rights, or choose another folder.", private=private) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
    ):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = plain_member(path.relative_to(folder).as_posix())
            member.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(member, "w") as out:
                shutil.copyfileobj(source, out, 1 << 20)
