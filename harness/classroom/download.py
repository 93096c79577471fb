"""The files of a platform's download: of a folder, of a zip of all that, or of a folder of such zips."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path, PurePosixPath

from harness.errors import ClassError, UsageError
from harness.plain_files import MOST, plain_files
from harness.sources.containers import zip_name
from harness.sources.npz import DAMAGED
from harness.words import printable

# What a platform's download has in it, and an entry has not.
OF_A_PLATFORM = re.compile(r"_assignsubmission_|(^|/)submission_\d+/|(^|/)[^/_]+_(LATE_)?\d+_\d+_[^/]+\.zip$")
DEEPEST = 3  # zips in one another
UNZIP_AGAIN = "Fetch the download again, or unpack it by hand and name the folder."


@dataclass(frozen=True)
class LooseFile:
    """A plain file of a download; `path` is the file itself or, with a `member`, the zip that holds it."""

    place: PurePosixPath
    size: int
    time: datetime  # UTC
    path: Path
    member: str = ""

    def read(self, most: int) -> bytes:
        """Return the content.

        Raises
        ------
        ClassError
            It is damaged, or has more than `most` bytes.
        """
        if self.size > most:
            raise ClassError(f"{self.place.name} has more than {most / 1e6:,.0f} MB.", UNZIP_AGAIN)
        try:
            if not self.member:
                return self.path.read_bytes()
            with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as file:
                return file.read(most)
        except DAMAGED as error:
            raise ClassError(f"{self.place.name} cannot be read: {error}.", UNZIP_AGAIN) from error

    def taken(self, target: Path, most: int) -> Path:
        """Return the file as one of the disk: itself, or taken out of its zip as `target`.

        Raises
        ------
        ClassError
            It is damaged, or has more than `most` bytes.
        """
        if not self.member:
            return self.path
        if self.size > most:
            raise ClassError(
                f"{self.place.name} has {self.size / 1e6:,.0f} MB, the contest takes {most / 1e6:,.0f} MB.",
                "Its team saves its weights smaller.",
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            # No more than it is said to be is unpacked, whatever is in it.
            with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as file, target.open("wb") as copy:
                shutil.copyfileobj(file, copy)
        except DAMAGED as error:
            raise ClassError(f"{self.place.name} cannot be taken out of its zip: {error}.", UNZIP_AGAIN) from error
        return target


@dataclass
class Download:
    """What is in a download.

    Attributes
    ----------
    files : list of LooseFile
        By their places; those of a zip that is itself a download stand below that zip.
    empty : list of PurePosixPath
        Folders with nothing in them.
    left_out : dict of PurePosixPath to str
        What is no plain file, and why it is not looked at.
    """

    files: list[LooseFile] = field(default_factory=list)
    empty: list[PurePosixPath] = field(default_factory=list)
    left_out: dict[PurePosixPath, str] = field(default_factory=dict)


def open_download(
    path: Path, scratch: Path, zone: tzinfo, most: int, is_of_somebody: Callable[[PurePosixPath], bool]
) -> Download:
    """List a download, a folder or a zip; zips in it that are downloads themselves are taken out into `scratch`.

    Parameters
    ----------
    zone : tzinfo
        Of the times in zips, which name none.
    most : int
        Bytes of an entry; what is larger stays in its zip.
    is_of_somebody : callable
        Whether the place of a zip names who handed it in: then it is no download, whatever names are in it.

    Raises
    ------
    UsageError
        There is neither, or the zip is an entry.
    ClassError
        It cannot be read.
    """
    found = Download()
    if path.is_dir():
        try:
            here = plain_files(path)
        except OSError as error:
            raise ClassError(f"{path} cannot be read: {error.strerror}.", "See to its rights.") from error
        found.left_out |= here.left_out
        full = {parent for name in (*here.plain, *here.folders, *here.left_out) for parent in name.parents}
        found.empty += sorted(here.folders - full)
        for place, file in here.plain.items():
            status = file.stat()
            found.files.append(LooseFile(place, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC), file))
    elif path.is_file() and zipfile.is_zipfile(path):
        names = names_in(path)
        if "model.py" in names:
            raise UsageError(f"{path} is an entry, expected a folder or zip of hand-ins.", f"hemobench submit {path}")
        _list_zip(path, PurePosixPath(), zone, found)
    else:
        raise UsageError(f"{path} is no folder and no zip.", "Name the folder or zip of hand-ins as it was downloaded.")
    _open_inner(found, scratch, zone, most, is_of_somebody)
    found.files.sort(key=lambda file: file.place)
    return found


def _open_inner(
    found: Download, scratch: Path, zone: tzinfo, most: int, is_of_somebody: Callable[[PurePosixPath], bool]
) -> None:
    """Put the files of zips that are downloads in the place of these zips."""
    for depth in range(DEEPEST):
        zips = (file for file in found.files if file.place.suffix.lower() == ".zip")
        inner = [file for file in zips if not is_of_somebody(file.place)]
        opened = 0
        for number, file in enumerate(inner):
            try:
                path = file.taken(scratch / f"download-{depth}-{number}.zip", most)
                names = names_in(path)
            except ClassError:
                continue  # said when its turn comes
            if "model.py" not in names and any(OF_A_PLATFORM.search(name) for name in names):
                found.files.remove(file)
                _list_zip(path, file.place, zone, found)
                opened += 1
        if not opened:
            return


def names_in(path: Path) -> Sequence[str]:
    """Return the names of what is in a zip.

    Raises
    ------
    ClassError
        It is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [zip_name(member) for member in archive.infolist()]
    except DAMAGED as error:
        raise ClassError(f"{path} cannot be read: {error}.", UNZIP_AGAIN) from error


def _list_zip(path: Path, below: PurePosixPath, zone: tzinfo, found: Download) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if len(members) > MOST:
        raise ClassError(f"{path} has {len(members):,} members, at most {MOST:,} are read.", "Split it.")
    folders: set[PurePosixPath] = set()
    full: set[PurePosixPath] = set()
    for member in members:
        name = PurePosixPath(zip_name(member).replace("\\", "/"))
        place = below / printable(str(name)) if name.is_absolute() or ".." in name.parts else below / name
        if name.is_absolute() or ".." in name.parts:
            found.left_out[place] = "a name that leads out of its zip"
        elif member.is_dir():
            folders.add(place)
        else:
            full |= set(place.parents)
            found.files.append(LooseFile(place, member.file_size, _time_of(member, zone), path, member.filename))
    found.empty += sorted(folders - full)


def _time_of(member: zipfile.ZipInfo, zone: tzinfo) -> datetime:
    try:
        return datetime(*member.date_time, tzinfo=zone).astimezone(UTC)
    except ValueError:  # a month 0, say, which some programs write
        return datetime(1980, 1, 1, tzinfo=UTC)
