"""A bundle as the server opens it: a zip, or the folder it is zipped from, with ``competition.yaml`` at its root."""

from __future__ import annotations

import contextlib
import shutil
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from harness.errors import BundleError
from harness.tree import temporary_folder

YAML = "competition.yaml"
UNPACKED_BYTES = 20_000_000_000  # of a bundle, by what its members claim, which is also where inflating stops
FILES = 200_000
VALUES = 100_000  # of `competition.yaml`, an alias counted each time: a few lines can stand for billions
DEFAULT_QUEUE_S = 600  # what the default queue gives a step at most, whatever the bundle says


@dataclass(frozen=True)
class Bundle:
    """An opened bundle.

    Attributes
    ----------
    path : Path
        The zip or folder that was named.
    root : Path
        A folder with its files.
    config : dict
        ``competition.yaml`` as the server's ``yaml.safe_load`` gives it; empty where it cannot be read.
    fault : str
        Why it cannot be read, else empty.
    text : str
        ``competition.yaml`` as it was written.
    """

    path: Path
    root: Path
    config: dict[str, Any] = field(default_factory=dict)
    fault: str = ""
    text: str = ""

    def items(self, key: str) -> list[dict[str, Any]]:
        """Return the mappings in a list of ``competition.yaml``; whatever else is there is left to the linter."""
        found = self.config.get(key)
        return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []

    def file(self, name: object) -> Path | None:
        """Return the file or folder that a value names, relative to ``competition.yaml``, if it is there."""
        if not isinstance(name, str) or not name:
            return None
        path = self.root / name
        try:
            return path if path.exists() and path.resolve().is_relative_to(self.root.resolve()) else None
        except (OSError, ValueError):  # a name that no file can have
            return None

    def phases(self) -> list[dict[str, Any]]:
        """Return the phases in the server's order: sorted by index, 0 where there is none."""
        return sorted(self.items("phases"), key=lambda phase: _number(phase.get("index")))

    def columns(self) -> list[dict[str, Any]]:
        """Return the columns that a scoring program fills: those of the first leaderboard that are not computed."""
        boards = self.items("leaderboards")
        listed = boards[0].get("columns") if boards else None
        columns = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        return [one for one in columns if not one.get("computation")]

    def task(self, index: object) -> dict[str, Any] | None:
        """Return the task with this index."""
        return next((task for task in self.items("tasks") if "index" in task and task["index"] == index), None)

    def indexes(self) -> list[Any]:
        """Return the indexes of all tasks."""
        return [task["index"] for task in self.items("tasks") if "index" in task]


def is_uuid(value: object) -> bool:
    """Tell whether a value may name something that is on the server already.

    Examples
    --------
    >>> is_uuid("123e4567-e89b-12d3-a456-426614174000"), is_uuid("scoring_program")
    (True, False)
    """
    try:
        uuid.UUID(str(value))
    except ValueError:
        return False
    return True


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else 0


@contextlib.contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Open a bundle; a zip is unpacked into a temporary folder.

    Raises
    ------
    BundleError
        There is no such zip or folder, or the zip is damaged.
    """
    if path.is_dir():
        yield _read(path, path)
        return
    if not path.is_file():
        raise BundleError(f"There is no bundle {path}.", "Give a zip or a folder; make one: hemobench export codabench")
    with temporary_folder("hemobench-bundle-") as home:
        extract(path, home)
        yield _read(path, home)


def _read(path: Path, root: Path) -> Bundle:
    file = root / YAML
    if not file.is_file():
        return Bundle(path, root, fault=f"there is no {YAML} at the root")
    text = file.read_text(encoding="utf-8", errors="replace")
    try:
        config = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date that does not exist
        return Bundle(path, root, fault=f"{YAML} is not YAML: {' '.join(str(error).split())}", text=text)
    if not isinstance(config, dict):
        return Bundle(path, root, fault=f"{YAML} holds a {type(config).__name__}, expected a mapping", text=text)
    if unfolded(config) > VALUES:
        return Bundle(path, root, fault=f"{YAML} unfolds to more than {VALUES:,} values by its aliases", text=text)
    return Bundle(path, root, config, text=text)


def unfolded(config: Any) -> int:
    """Count the values in a configuration as they would be written out; a circle counts as endless.

    Examples
    --------
    >>> twice = [1, 2]
    >>> unfolded({"a": twice, "b": twice})
    9
    """
    sizes: dict[int, int] = {}

    def size(value: Any) -> int:
        if not isinstance(value, dict | list):
            return 1
        if id(value) not in sizes:
            sizes[id(value)] = VALUES + 1  # met again before it is counted, it holds itself
            inner = [*value, *value.values()] if isinstance(value, dict) else value
            sizes[id(value)] = min(1 + sum(map(size, inner)), VALUES + 1)
        return sizes[id(value)]

    return size(config)


def extract(zip_path: Path, folder: Path, most: int = UNPACKED_BYTES) -> None:
    """Unpack a zip as the server and the worker do, by ``ZipFile.extractall``, but not without end.

    Names that lead out of the folder are cut by the standard library, and links become files.

    Raises
    ------
    BundleError
        It is no zip, or it is damaged, or it has more than any honest one.
    """
    room = most
    try:
        with zipfile.ZipFile(zip_path) as archive:
            members = archive.infolist()
            if len(members) > FILES:
                raise BundleError(f"{zip_path} lists {len(members)} files, expected at most {FILES}.", "Zip it anew.")
            for member in members:
                if member.file_size > room:
                    raise BundleError(f"{zip_path} unpacks to more than {most / 1e9:.0f} GB.", "Zip it anew.")
                target = Path(archive.extract(member, folder))  # stops at the size the member claims
                room -= target.stat().st_size if target.is_file() else 0
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise BundleError(f"{zip_path} cannot be unpacked: {error}.", "Zip it anew, without a password.") from error
    except OSError as error:
        raise BundleError(
            f"{zip_path} cannot be unpacked: {error.strerror or error}.",
            "Look for a name that is a file and a folder at once, and for room on the disk.",
        ) from error


def materialise(source: Path, folder: Path) -> None:
    """Put a part of a bundle into a new folder as it arrives on the worker: zips unpacked, folders by their content."""
    if source.is_dir():
        shutil.copytree(source, folder)
    else:
        folder.mkdir(parents=True)
        extract(source, folder)


@contextlib.contextmanager
def unzipped(source: Path) -> Iterator[Path]:
    """Give the folder that `source` is, or a temporary one with the content of the zip that it is.

    Raises
    ------
    BundleError
        The zip is damaged.
    """
    if source.is_dir():
        yield source
        return
    with temporary_folder("hemobench-part-") as home:
        extract(source, home)
        yield home
