"""The zip check: a submission is let in whole, or refused whole with the reason and the remedy."""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.contest import Limits
from harness.errors import RefusedZip, UnreadableError
from harness.limited import Bounds, Reader
from harness.sandbox.contents import name_code
from harness.words import printable

MB = 1_000_000
CHUNK = 1 << 20  # bytes inflated between two looks at the limits

# Deflate cannot pass 1032:1 and weights stay near 1.1:1.  The ratio is taken per member, because an aggregate would
# let a bomb be diluted with noise, and only past a size that could do harm, because a file of zeros is no crime.
MAX_RATIO = 200
RATIO_FLOOR = 20 * MB

# The directory of a zip is read into memory before a single member: this many bytes for each file allowed.
DIRECTORY_BYTES_PER_FILE = 512

PACK = "Make the zip with: hemobench pack FOLDER -o ZIP"
FIX_COMMAND = "hemobench pack entry.zip --fix -o fixed.zip"

PREDICTIONS = (".csv", ".tsv", ".txt", ".json", ".npy", ".xlsx", ".parquet")

# What else students upload, by its first bytes.
OTHER_ARCHIVES = {
    b"\x1f\x8b": "a gzip file (.tar.gz)",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\x89HDF": "an HDF5 file (weights alone)",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
}


def unpack(zip_path: Path, folder: Path, limits: Limits) -> tuple[str, ...]:
    """Unpack a submission into an empty folder, in a process of its own, and return notes: see `unpacked`."""
    with unpacked(zip_path, folder, limits) as (notes, _):
        return notes


@contextlib.contextmanager
def unpacked(zip_path: Path, folder: Path, limits: Limits) -> Iterator[tuple[tuple[str, ...], Reader]]:
    """Unpack a submission into an empty folder, and give the process that did so, to ask more of it.

    Parameters
    ----------
    zip_path : Path
        The submission, trusted in nothing.
    folder : Path
        Exists and is empty.  Files get mode 0644 and folders 0755, whatever the zip says.
    limits : Limits
        `zip_mb`, `unpacked_mb` (megabytes of 10**6 bytes, counted while inflating) and `files`.

    Yields
    ------
    tuple of str
        What was ignored, and which code lies beside ``.py`` files, one sentence each.
    Reader

    Raises
    ------
    RefusedZip
        Reason and remedy.  `folder` may then hold a part of the zip and is to be removed.
    """
    with Reader(bounds(limits)) as reader:
        try:
            notes = reader.call(zip_path.name, unpack_here, zip_path, folder, limits)
        except UnreadableError as error:
            raise RefusedZip(error.message, error.hint) from error
        yield notes, reader


def bounds(limits: Limits) -> Bounds:
    """Return what letting a submission in may cost: a second for 100 MB on a slow machine, and 20 for all else."""
    seconds = 20 + limits.unpacked_mb // 100
    return Bounds(cpu_s=seconds, wall_s=20 * seconds, file_mb=limits.unpacked_mb + 1)


def unpack_here(zip_path: Path, folder: Path, limits: Limits) -> tuple[str, ...]:
    """Do what `unpack` does, in this process."""
    with open_submission(zip_path, limits) as submission:
        _check_model_py(submission.files)
        for name in submission.folders:
            (folder / name).mkdir(parents=True, exist_ok=True)
        submission.inflate(folder, {name: name for name in submission.files}, limits)
        return (*submission.notes, *name_code(folder))


@dataclass(frozen=True)
class SubmissionZip:
    """An open zip whose directory holds nothing hostile; its content is metered by `inflate`.

    Attributes
    ----------
    archive : ZipFile
    files : dict of str to ZipInfo
        By a name that is safe to join to a folder, and that no other file has on any system.
    folders : tuple of str
        Those that the zip lists; files may lie in others, too.
    notes : tuple of str
        What was ignored, one sentence each.
    """

    archive: zipfile.ZipFile
    files: dict[str, zipfile.ZipInfo]
    folders: tuple[str, ...]
    notes: tuple[str, ...]

    def inflate(self, folder: Path, names: Mapping[str, str], limits: Limits) -> None:
        """Write files into an empty folder: of those whose names are keys of `names`, each under the name given there.

        Raises
        ------
        RefusedZip
            A member is damaged, or more comes out of it than the limits allow.
        """
        room = limits.unpacked_mb * MB
        for name, target in names.items():
            room -= _inflate(self.archive, self.files[name], folder / target, name, room, limits)


@contextlib.contextmanager
def open_submission(zip_path: Path, limits: Limits, *, slashes: bool = False) -> Iterator[SubmissionZip]:
    """Open a submission, with or without a ``model.py``; where `slashes`, a backslash in a name is taken for a slash.

    Raises
    ------
    RefusedZip
        It is no whole zip, is too large, or lists something that must not be unpacked.
    """
    _check_file(zip_path, limits)
    with contextlib.ExitStack() as stack:
        with _refusing_damage():
            archive = stack.enter_context(zipfile.ZipFile(zip_path))
        infos = archive.infolist()
        if sum(info.compress_size for info in infos) > zip_path.stat().st_size:
            raise RefusedZip("The members of the zip overlap, as only those of a bomb do.", PACK)
        yield SubmissionZip(archive, *_check_members(infos, limits, slashes))


@contextlib.contextmanager
def _refusing_damage() -> Iterator[None]:
    """Refuse the zip for whatever the standard library raises at a damaged one.

    It must hold reading alone: an `OSError` of writing, such as a full disk, is a fault of ours.
    """
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, struct.error, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # EINVAL: the zip points before its own start
            raise
        raise RefusedZip(f"The zip is damaged: {printable(str(error))}.", f"Upload it again, or: {PACK}") from error


def _check_file(zip_path: Path, limits: Limits) -> None:
    """Look at the file from outside: its size, its first bytes, and the size of its directory.

    `zipfile.ZipFile` reads the directory into memory at once, ten million names if the file has them, so its length
    is taken from the end record here, by the rules of the standard library but without its tolerance.
    """
    if not zip_path.is_file():  # a pipe would never end
        raise RefusedZip(
            f"{printable(zip_path.name)} is no plain file, expected a zip with model.py at its root.", PACK
        )
    size = zip_path.stat().st_size
    if size > limits.zip_mb * MB:
        raise RefusedZip(
            f"The zip has {size / MB:.1f} MB, expected at most {limits.zip_mb} MB.",
            "Leave out data, checkpoints and optimizer state; save weights as float16.",
        )
    with zip_path.open("rb") as file:
        start = file.read(8)
        file.seek(max(0, size - 22 - 65535))
        tail = file.read()
    if not start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        what = next((name for magic, name in OTHER_ARCHIVES.items() if start.startswith(magic)), "no zip file")
        why = ": code is scored, not predictions" if zip_path.suffix.casefold() in PREDICTIONS else ""
        raise RefusedZip(f"{printable(zip_path.name)} is {what}, expected a zip with model.py at its root{why}.", PACK)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22 or len(tail) - at - 22 != struct.unpack_from("<H", tail, at + 20)[0]:
        raise RefusedZip(
            "The zip is cut short, or has something after its end.", "Upload it again; compare the size with yours."
        )
    if tail[:at][-20:].startswith(b"PK\x06\x07"):
        raise RefusedZip("The zip is of the kind Zip64, which only more than 4 GB or 65,535 files need.", PACK)
    n_files, directory_bytes = struct.unpack_from("<HI", tail, at + 10)
    if n_files > 2 * limits.files or directory_bytes > limits.files * DIRECTORY_BYTES_PER_FILE + 65536:
        raise _too_many(n_files, limits)


def _too_many(n_files: int, limits: Limits) -> RefusedZip:
    return RefusedZip(
        f"The zip lists {n_files} files, expected at most {limits.files}.",
        "Leave out data sets, caches and virtual environments.",
    )


def _check_members(
    infos: list[zipfile.ZipInfo], limits: Limits, slashes: bool
) -> tuple[dict[str, zipfile.ZipInfo], tuple[str, ...], tuple[str, ...]]:
    """Return the files by name, the folders and the notes, or refuse at the first bad member."""
    if len(infos) > limits.files:
        raise _too_many(len(infos), limits)
    files: dict[str, zipfile.ZipInfo] = {}
    folders: list[str] = []
    ignored: dict[str, int] = {}
    seen: dict[str, str] = {}
    for info in infos:
        name = _name(info, slashes)
        _check_kind(info, name)
        if junk := _junk(name):
            ignored[junk] = ignored.get(junk, 0) + 1
            continue
        path = name.rstrip("/")
        key = _key(path)
        if key in seen:
            raise _collide(path, seen[key])
        seen[key] = path
        if name.endswith("/"):
            folders.append(path)
        else:
            files[path] = info
    file_keys = {_key(path): path for path in files}
    for path in list(seen.values()):
        for parent in map(str, PurePosixPath(path).parents[:-1]):  # folders that may not be listed
            if _key(parent) in file_keys:
                raise RefusedZip(f"{file_keys[_key(parent)]!r} is a file and a folder at once.", PACK)
            if seen.setdefault(_key(parent), parent) != parent:
                raise _collide(parent, seen[_key(parent)])
    notes = tuple(f"{junk} ignored ({n} {'item' if n == 1 else 'items'})." for junk, n in ignored.items())
    return files, tuple(folders), notes


def _key(path: str) -> str:
    """Return what is equal for names that some file system takes for one: an entry must not depend on the machine."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _collide(path: str, other: str) -> RefusedZip:
    return RefusedZip(
        f"{path!r} and {other!r} stand in the zip under one name"
        + ("." if path == other else ", once upper and lower case are one."),
        f"Rename or remove one of them. {PACK}",
    )


def _name(info: zipfile.ZipInfo, slashes: bool) -> str:
    """Return the member's name, safe to join to a folder, or refuse."""
    name = info.filename
    if not info.flag_bits & 0x800:  # not declared UTF-8: zipfile has read it as code page 437
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeEncodeError:
            pass  # a Unicode Path extra field has already replaced it
        except UnicodeDecodeError:
            raise RefusedZip(
                f"The name {printable(name)!r} is not UTF-8.", "Use plain letters in file names and zip again."
            ) from None
    shown = repr(printable(name))
    if "\0" in info.orig_filename or any(unicodedata.category(letter) in ("Cc", "Cf", "Cs") for letter in name):
        raise RefusedZip(f"The name {shown} holds invisible characters.", "Rename the file and zip again.")
    if slashes:
        name = name.replace("\\", "/")
    parts = name.rstrip("/").split("/")
    if not name or name.startswith("/") or ".." in parts or (len(name) > 1 and name[1] == ":"):
        raise RefusedZip(f"The name {shown} leads out of the submission.", PACK)
    if "\\" in name:
        raise RefusedZip(f"The name {shown} has a backslash; expected '/' between folders.", f"Type: {FIX_COMMAND}")
    if "" in parts or "." in parts:
        raise RefusedZip(f"The name {shown} has an empty or '.' part.", PACK)
    if len(name) > 1000 or any(len(os.fsencode(part)) > 255 for part in parts) or len(parts) > 32:
        raise RefusedZip(f"The name {shown[:80]}… is too long or too deep.", "Shorten it and zip again.")
    return name


def _check_kind(info: zipfile.ZipInfo, name: str) -> None:
    """Refuse all but plain files and folders, stored or deflated, in clear."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise RefusedZip(f"{name!r} is a symbolic link, expected a file.", f"Copy the file itself there. {PACK}")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise RefusedZip(f"{name!r} is a device, pipe or socket, expected a file.", PACK)
    if info.flag_bits & (0x1 | 0x40 | 0x2000):
        raise RefusedZip(f"{name!r} is encrypted.", "Zip without a password.")
    # bzip2 and LZMA inflate a whole input block at once, past any count of ours.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise RefusedZip(f"{name!r} is compressed by method {info.compress_type}, expected deflate or none.", PACK)


def _junk(name: str) -> str | None:
    """Name the leftover of a desktop that a member is, if it is one.

    Examples
    --------
    >>> _junk("__MACOSX/._model.py"), _junk("a/.DS_Store"), _junk("model.py")
    ('__MACOSX/', '.DS_Store', None)
    """
    parts = PurePosixPath(name).parts
    if parts[0] == "__MACOSX":
        return "__MACOSX/"
    return ".DS_Store" if parts[-1] == ".DS_Store" else None


def _check_model_py(files: dict[str, zipfile.ZipInfo]) -> None:
    """Refuse a zip without ``model.py`` at its root, and say where it was instead."""
    if "model.py" in files:
        return
    if not files:
        raise RefusedZip("The zip holds no file, expected model.py at its root.", PACK)
    elsewhere = sorted((name for name in files if PurePosixPath(name).name == "model.py"), key=lambda n: n.count("/"))
    if elsewhere:
        folder = str(PurePosixPath(elsewhere[0]).parent)
        raise RefusedZip(
            f"model.py lies in the folder {folder!r}, expected it at the root of the zip.",
            f"Zip the content of the folder, not the folder, or type: {FIX_COMMAND}",
        )
    if close := misspelt(files):
        fixable = close.casefold().endswith((".py", ".py.txt"))
        raise RefusedZip(
            f"The zip has no model.py, but {close!r}. Did you mean model.py?",
            f"Rename it to model.py, in small letters, and zip again, or type: {FIX_COMMAND}"
            if fixable
            else "Save it as a Python file named model.py; for a notebook: jupyter nbconvert --to script model.ipynb",
        )
    some = ", ".join(repr(name) for name in sorted(files)[:5])
    if inner := inner_zips(files):
        raise RefusedZip(
            f"The zip has no model.py; it holds {'a zip' if len(inner) == 1 else 'zips'}: {some}.",
            f"Hand in the inner zip, if it is the entry, or type: {FIX_COMMAND}"
            if len(inner) == 1
            else "Unpack it, and hand in the one that is the entry.",
        )
    raise RefusedZip(
        f"The zip has no model.py at its root; it has {some}{' …' if len(files) > 5 else ''}.",
        ("Code is scored, not predictions. " if all(name.casefold().endswith(PREDICTIONS) for name in files) else "")
        + "Write model.py with a class Model; hemobench new NAME writes one to start from.",
    )


def inner_zips(names: Iterable[str]) -> list[str]:
    """Return the files that are zips by their names."""
    return [name for name in names if name.casefold().endswith(".zip")]


def misspelt(names: Iterable[str]) -> str:
    """Return the name at the root that was most likely meant to be ``model.py``; empty where there is none.

    Examples
    --------
    >>> misspelt(["a/model.py", "Model.py", "weights.npz"]), misspelt(["network.py"])
    ('Model.py', '')
    """
    at_root = {name.casefold(): name for name in names if "/" not in name}
    close = difflib.get_close_matches("model.py", sorted(at_root), n=1, cutoff=0.7)
    return at_root[close[0]] if close else ""


def _inflate(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, name: str, room: int, limits: Limits) -> int:
    """Write one member and return its true size; the header's claim is not believed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with contextlib.ExitStack() as stack:
        with _refusing_damage():
            source = stack.enter_context(archive.open(info))
        target = stack.enter_context(path.open("xb"))
        while True:
            with _refusing_damage():
                chunk = source.read(CHUNK)
            if not chunk:
                break
            size += len(chunk)
            if size > room:
                raise RefusedZip(
                    f"The zip unpacks to more than {limits.unpacked_mb} MB.",
                    "Leave out data, checkpoints and optimizer state.",
                )
            if size > RATIO_FLOOR and size > MAX_RATIO * info.compress_size:
                raise RefusedZip(
                    f"{name!r} grows more than {MAX_RATIO}-fold when unpacked, as only a bomb does.",
                    "Leave the file out, or store real content in it.",
                )
            target.write(chunk)
    return size
