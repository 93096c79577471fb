"""A folder, a zip or a tar, read in place: what lies in it, each file known by its first bytes, and a file's bytes.

Nothing is written to disk.  What is no plain file (a link out of the folder, a pipe, a device) is named and not opened.
"""

from __future__ import annotations

import lzma
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from harness.errors import SourceError
from harness.plain_files import MOST, plain_files
from harness.sources.npz import DAMAGED, FETCH_AGAIN, check_methods
from harness.sources.other_arrays import array_file
from harness.sources.other_formats import START, kind_of, what_is

# An image of one cell has less than a megapixel.  This bounds what a mistaken or hostile file costs each thread.
MAX_FILE_BYTES = 64 * 2**20
GROWTH, GROWTH_FLOOR = 200, 1_000_000_000  # of a tar that is unpacked while it is read; images hardly shrink
BATCH, BATCH_BYTES = 500, 64_000_000  # of what is listed at once

EXPECTED = "a folder, a zip or a tar of images, or a table (CSV, TSV, Parquet) that lies beside them"
TAR_DAMAGED = (
    tarfile.TarError,
    EOFError,
    OSError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
)

Use = Literal["image", "table", "other", "folder"]


@dataclass(frozen=True)
class Entry:
    """What lies somewhere below a source.

    Attributes
    ----------
    path : str
        Below the source, with slashes, in composed Unicode.
    name : str
        By which it is opened; empty where it never is.
    use : {'image', 'table', 'other', 'folder'}
        'image': its first bytes or its suffix say so; whether it can be decoded is not known yet.
    what : str
        What it is, for people: "a JPEG", "a text"; of what is never opened, the reason.
    """

    path: str
    name: str
    use: Use
    what: str = ""


class Unread(Exception):
    """A file that cannot be read or used: the words that follow its name, and what to do."""

    def __init__(self, words: str, hint: str) -> None:
        super().__init__(words)
        self.words, self.hint = words, hint


def entries_of(path: Path) -> Iterator[tuple[Entry, ...]]:
    """List what lies below a source, some entries at a time; to be called in another process.

    Raises
    ------
    SourceError
        It is no folder, zip or tar, or a damaged one, or two of its files have one name.
    """
    seen: dict[str, str] = {}
    with opened(path) as container:
        batch: list[Entry] = []
        done = 0
        for entry, size in container.entries():
            if entry.use != "folder" and entry.path in seen:
                raise _twice(entry, seen[entry.path], path)
            if len(seen) > MOST:
                raise SourceError(f"{path.name} holds more than {MOST:,} files.", "Name a folder of the images alone.")
            seen[entry.path] = entry.name
            batch.append(entry)
            done += size
            if len(batch) >= BATCH or done > BATCH_BYTES:
                yield tuple(batch)
                batch, done = [], 0
        yield tuple(batch)


def _twice(entry: Entry, other: str, path: Path) -> SourceError:
    if entry.name != other:
        return SourceError(
            f"{entry.path} is in {path.name} twice, in two spellings of Unicode, expected each name once.",
            "Take one of them away.",
        )
    return SourceError(
        f"{entry.path} is in {path.name} twice, expected each name once.", "Make the archive anew from the folder."
    )


@contextmanager
def opened(path: Path) -> Iterator[Container]:
    """Open a folder, zip or tar.

    Raises
    ------
    SourceError
        It is none of them, or a damaged one.
    """
    if path.is_dir():
        yield Folder(path)
        return
    if not path.is_file():  # a pipe would never end
        raise SourceError(f"{path.name} is neither a folder nor a file, expected {EXPECTED}.", "Name one of them.")
    with path.open("rb") as file:
        head = file.read(START)
    if not head.startswith(b"PK") and _is_tar(path):
        yield Tar(path)
    elif head.startswith(b"PK") or zipfile.is_zipfile(path):  # the latter: one that unpacks itself
        with _open_zip(path) as archive:
            yield Zip(archive)
    else:
        raise _no_container(path, head)


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGED as error:
        raise SourceError(
            f"{path.name} is neither a folder nor a whole zip: {error}.",
            "A download that was cut looks like this: fetch it again, or name the unpacked folder.",
        ) from error
    check_methods(archive, path.name, "Unpack it, and name the folder.")
    return archive


def _is_tar(path: Path) -> bool:
    try:
        with tarfile.open(path):
            return True
    except TAR_DAMAGED:
        return False


def _no_container(path: Path, head: bytes) -> SourceError:
    kind = kind_of(head)
    what = kind.name if kind else what_is(head, path.name) or "of a kind that is not known here"
    hint = "Name the folder that holds the images."
    if kind and kind.archive:
        hint = "A download that was cut looks like this: fetch it again, or unpack it and name the folder."
    elif found := array_file(path, head):
        hint = f"Arrays are read from an .npz (hemobench contest new NAME --source FILE). {found[1]}"
    return SourceError(f"{path.name} is {what}, expected {EXPECTED}.", hint)


class Container:
    """What a source lies in.

    Attributes
    ----------
    in_order : bool
        Whether files are read one after the other, as they are listed: going back costs as much as starting again.
    """

    in_order = False

    def entries(self) -> Iterator[tuple[Entry, int]]:
        """Yield what there is, each with how many bytes had to be read for it."""
        raise NotImplementedError

    def read(self, name: str, most: int = MAX_FILE_BYTES + 1) -> bytes:
        """Return the bytes of a file, at most so many: what a container says of sizes may be a lie.

        Raises
        ------
        Unread
        """
        raise NotImplementedError

    def _entry(self, path: PurePosixPath, name: str) -> Entry:
        """Return a file as what its first bytes say it is; by its suffix, where they cannot be read."""
        try:
            head = self.read(name, START)
        except Unread as unread:
            return known(path, name, None, unread.words)
        return known(path, name, head)


def known(path: PurePosixPath, name: str, head: bytes | None, words: str = "") -> Entry:
    """Return what a file is, by its first bytes and its suffix; `words` say why there are none."""
    shown = composed(path)
    suffix = path.suffix.lower()
    if head is None:
        return Entry(shown, name, "image" if suffix in SUFFIXES else "other", words.strip())
    what = what_is(head, path.name)
    kind = kind_of(head, path.name)
    if what:
        return Entry(shown, name, "image", what)
    if suffix in SUFFIXES or (kind and kind.image):
        return Entry(shown, name, "image", kind.name if kind else "")
    if suffix in TABLES:
        return Entry(shown, name, "table", kind.name if kind else "")
    return Entry(shown, name, "other", kind.name if kind else ("an empty file" if not head else "no image"))


# By which a file is taken to be an image whatever its bytes are, so that a broken one is named and not passed over.
SUFFIXES = frozenset({
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif", ".heic",
})  # fmt: skip
TABLES = frozenset({".csv", ".tsv", ".parquet"})


def composed(path: PurePosixPath | str) -> str:
    """Return a name in composed Unicode: a Mac writes ä as two letters, others as one."""
    return unicodedata.normalize("NFC", str(path))


class Folder(Container):
    """A folder on disk; class folders may be links to where the data lie."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def entries(self) -> Iterator[tuple[Entry, int]]:
        found = plain_files(self.root, follow=True)
        for path in sorted(found.folders):
            yield Entry(composed(path), "", "folder"), 0
        for path in found.plain:
            yield self._entry(path, str(path)), START
        for path, reason in found.left_out.items():
            use: Use = "image" if path.suffix.lower() in SUFFIXES else "other"
            yield Entry(composed(path), "", use, reason), 0

    def read(self, name: str, most: int = MAX_FILE_BYTES + 1) -> bytes:
        try:
            with (self.root / name).open("rb") as file:
                return file.read(most)
        except OSError as error:
            raise Unread(f" cannot be read: {error.strerror}", "Change its rights, or take it away.") from error


class Zip(Container):
    """A zip, whose files are found by its directory."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive

    def entries(self) -> Iterator[tuple[Entry, int]]:
        for member in self.archive.infolist():
            path = PurePosixPath(zip_name(member).replace("\\", "/"))  # some programs on Windows write backslashes
            if member.filename.endswith("/"):  # is_dir() fails at an empty name
                yield Entry(composed(path), "", "folder"), 0
            else:
                yield self._entry(path, member.filename), START

    def read(self, name: str, most: int = MAX_FILE_BYTES + 1) -> bytes:
        if self.archive.getinfo(name).flag_bits & 0x1:
            raise Unread(" in the zip is encrypted", "Unpack it with its password, and name the folder.")
        try:
            with self.archive.open(name) as file:
                return file.read(most)
        except DAMAGED as error:
            raise Unread(f" in the zip is damaged: {error}", "Fetch the zip again, or make it anew.") from error


def zip_name(member: zipfile.ZipInfo) -> str:
    """Return a name that is UTF-8 as UTF-8, also where the zip does not say so and it was read as code page 437."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


class Tar(Container):
    """A tar, plain or packed by gzip, bzip2 or xz, read from its start to its end."""

    in_order = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reading = self._members()

    def entries(self) -> Iterator[tuple[Entry, int]]:
        for member, file in self._members():
            path = PurePosixPath(member.name)
            if member.isdir():
                yield Entry(composed(path), "", "folder"), 0
            elif file is None:
                use: Use = "image" if path.suffix.lower() in SUFFIXES else "other"
                yield Entry(composed(path), "", use, _tar_kind(member)), 0
            else:
                yield known(path, member.name, self._head(file)), member.size

    def read(self, name: str, most: int = MAX_FILE_BYTES + 1) -> bytes:
        for _ in range(2):
            for member, file in self._reading:
                if member.name == name and file is not None:
                    return self._head(file, most)
            self._reading = self._members()  # it lies further up: begin again
        raise Unread(" is no longer in the tar", "Start again with a tar that nobody changes.")

    def _head(self, file: IO[bytes], most: int = START) -> bytes:
        try:
            return file.read(most)
        except TAR_DAMAGED as error:
            raise _no_whole_tar(self.path, error) from error

    def _members(self) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
        """Yield each member, a plain file with its content; whatever is wrong on the way is a SourceError."""
        most = max(GROWTH_FLOOR, GROWTH * self.path.stat().st_size)
        try:
            with tarfile.open(self.path) as tar:
                while (member := tar.next()) is not None:
                    tar.members.clear()  # type: ignore[attr-defined]  # it would keep half a million of them
                    if member.size < 0:
                        raise ValueError("a size below zero")
                    if member.offset_data + member.size > most:  # before it is unpacked
                        raise ValueError(f"it grows more than {GROWTH}-fold when unpacked, as only a bomb does")
                    plain = member.isreg() and not member.issparse()
                    yield member, tar.extractfile(member) if plain else None
                self._check_end(tar)
        except TAR_DAMAGED as error:
            raise _no_whole_tar(self.path, error) from error

    @staticmethod
    def _check_end(tar: tarfile.TarFile) -> None:
        """Refuse what Python takes for an end and is none: it stops without a word at a header that is damaged."""
        file = tar.fileobj
        assert file is not None
        file.seek(tar.offset)
        block = file.read(tarfile.BLOCKSIZE)
        if len(block) < tarfile.BLOCKSIZE or any(block):
            raise EOFError("it ends, or is damaged, before the mark of its end")
        while file.read(1 << 20):  # so that what packs it checks its sum
            if file.tell() - tar.offset > GROWTH_FLOOR:
                raise ValueError("much follows behind its end")


def _tar_kind(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return "a link"
    if member.isfifo():
        return "a pipe"
    return "a sparse file" if member.issparse() else "a device"


def _no_whole_tar(path: Path, error: Exception) -> SourceError:
    return SourceError(f"{path.name} is no whole tar: {error}.", FETCH_AGAIN)
