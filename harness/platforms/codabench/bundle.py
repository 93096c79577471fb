"""A bundle as the server opens it: a zip, or the folder it is zipped from, with ``competition.yaml`` at its root.

Whoever calls `open_bundle` parses nothing of it: that happens in a process of its own (`harness.limited`).  The linter
as a whole runs there, and calls `open_here`.
"""

from __future__ import annotations

import contextlib
import functools
import lzma
import shutil
import struct
import tempfile
import uuid
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import BundleError, UnreadableError
from harness.limited import Bounds, Reader
from harness.plain_files import DEEPEST, Files, is_plain, plain_files
from harness.platforms.codabench.yaml_text import YamlFault, load, plain, read_text
from harness.tree import remove, temporary_folder

YAML = "competition.yaml"
MB = 1_000_000
UNPACKED_BYTES = 4_000 * MB  # of a bundle and all zips in it together, by what their members claim
# Of one zip: images hardly shrink, text does, and what grows a thousandfold fills disks.
GROWTH, GROWTH_FLOOR = 50, 100 * MB
FILES = 50_000
UNPACKING = Bounds(cpu_s=300, wall_s=3000)
DEFAULT_QUEUE_S = 600  # what the default queue gives a step at most, whatever the bundle says


@dataclass(frozen=True, eq=False)
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
    parts: Parts = field(default_factory=lambda: Parts())

    @functools.cached_property
    def files(self) -> Files:
        """What lies in `root`."""
        return plain_files(self.root, follow=True)

    def part(self, source: Path) -> Path:
        """Return the folder that `source` is, or one with the content of the zip that it is, unpacked once.

        Raises
        ------
        BundleError
            The zip is damaged, or unpacks to too much.
        """
        return source if source.is_dir() else self.parts.folder(source)

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
        except (OSError, ValueError, RuntimeError):  # a name that no file can have, or links in a circle
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


class Parts:
    """The zips in a bundle, each unpacked once, all together within one bound; they are removed with this object."""

    def __init__(self, room: int = UNPACKED_BYTES) -> None:
        self.room = room
        self._home: Path | None = None
        self._found: dict[Path, Path | BundleError] = {}

    def folder(self, source: Path) -> Path:
        """Return the folder of an unpacked zip, see `Bundle.part`."""
        if source not in self._found:
            if self._home is None:
                self._home = Path(tempfile.mkdtemp(prefix="hemobench-parts-"))
                weakref.finalize(self, remove, self._home)
            folder = self._home / str(len(self._found))
            try:
                self.room -= extract(source, folder, self.room)
                self._found[source] = folder
            except BundleError as error:
                self._found[source] = error
        found = self._found[source]
        if isinstance(found, BundleError):
            raise found
        return found


@contextlib.contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Open a bundle; a zip is unpacked into a temporary folder.  Its configuration is as JSON has it.

    Raises
    ------
    BundleError
        There is no such zip or folder, or the zip is damaged.
    """
    _check_path(path)
    with contextlib.ExitStack() as stack:
        root = path
        if not path.is_dir():
            root = stack.enter_context(temporary_folder("hemobench-bundle-"))
            unpack(path, root, UNPACKED_BYTES)
        try:
            with Reader() as reader:
                read = reader.call(YAML, read_yaml, root)
        except UnreadableError as error:
            read = Read(fault=error.message)
        yield Bundle(path, root, read.config, read.fault)


def _check_path(path: Path) -> None:
    if not path.is_file() and not path.is_dir():
        raise BundleError(f"There is no bundle {path}.", "Give a zip or a folder; make one: hemobench codabench export")


@contextlib.contextmanager
def open_here(path: Path) -> Iterator[Bundle]:
    """Do what `open_bundle` does, in this process; the configuration is as the server has it."""
    _check_path(path)
    parts = Parts()
    root = path if path.is_dir() else parts.folder(path)
    read = _read(root)
    yield Bundle(path, root, read.config, read.fault, read.text, parts)


@dataclass(frozen=True)
class Read:
    """``competition.yaml``, read; or why it cannot be."""

    config: dict[str, Any] = field(default_factory=dict)
    fault: str = ""
    text: str = ""


def read_yaml(root: Path) -> Read:
    """Read ``competition.yaml``, and return it as JSON has it."""
    read = _read(root)
    return Read(plain(read.config), read.fault)


def _read(root: Path) -> Read:
    if not is_plain(root / YAML):
        return Read(fault=f"there is no {YAML} at the root")
    text = read_text(root / YAML)
    try:
        config = load(text)
    except YamlFault as fault:
        return Read(fault=f"{YAML} {fault}", text=text)
    if not isinstance(config, dict):
        return Read(fault=f"{YAML} holds a {type(config).__name__}, expected a mapping", text=text)
    return Read(config, text=text)


def unpack(zip_path: Path, folder: Path, most: int = UNPACKED_BYTES) -> None:
    """Do what `extract` does, in a process of its own.

    Raises
    ------
    BundleError
        As `extract` does, or no end can be seen.
    """
    try:
        with Reader(UNPACKING) as reader:
            reader.call(zip_path.name, extract, zip_path, folder, most)
    except UnreadableError as error:
        raise BundleError(error.message, error.hint) from error


def extract(zip_path: Path, folder: Path, most: int = UNPACKED_BYTES) -> int:
    """Unpack a zip as the server and the worker do, by ``ZipFile.extractall``, but not without end.

    Names that lead out of the folder are cut by the standard library, and links become files.

    Returns
    -------
    int
        Bytes that came out.

    Raises
    ------
    BundleError
        It is no zip, or it is damaged, or it has more than any honest one.
    """
    if not is_plain(zip_path.resolve()):  # a pipe would never end
        raise BundleError(f"{zip_path} is neither a zip nor a folder.", "Zip the folder.")
    most = min(most, max(GROWTH_FLOOR, GROWTH * zip_path.stat().st_size))
    room = most
    try:
        with zipfile.ZipFile(zip_path) as archive:
            members = archive.infolist()
            if len(members) > FILES:
                raise BundleError(f"{zip_path} lists {len(members)} files, expected at most {FILES}.", "Zip it anew.")
            folder.mkdir(parents=True, exist_ok=True)
            for member in members:
                if member.file_size > room:
                    raise BundleError(
                        f"{zip_path} unpacks to more than {most / MB:,.0f} MB.",
                        "Zip it anew, without what grows so much; or unpack it yourself, and name the folder.",
                    )
                if member.filename.count("/") > DEEPEST:
                    raise BundleError(f"{zip_path} has more than {DEEPEST} folders in one another.", "Zip it anew.")
                target = Path(archive.extract(member, folder))  # stops at the size the member claims
                room -= target.stat().st_size if target.is_file() else 0
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError, RuntimeError) as error:
        raise BundleError(f"{zip_path} cannot be unpacked: {error}.", "Zip it anew, without a password.") from error
    except OSError as error:
        raise BundleError(
            f"{zip_path} cannot be unpacked: {error.strerror or error}.",
            "Look for a name that is a file and a folder at once, and for room on the disk.",
        ) from error
    return most - room


def materialise(source: Path, folder: Path) -> list[str]:
    """Put a part of a bundle into a new folder as it arrives on the worker, and name what was left behind.

    Zips are unpacked, and folders copied by their content: plain files alone.
    """
    folder.mkdir(parents=True)
    if not source.is_dir():
        unpack(source, folder)
        return []
    found = plain_files(source, follow=True)
    for below in found.folders:
        (folder / below).mkdir(parents=True, exist_ok=True)
    for name, path in found.plain.items():
        shutil.copyfile(path, folder / name)
    return [f"{name}: {reason}" for name, reason in found.left_out.items()]
