"""What in a submission is code beside ``.py`` files: allowed in the sandbox, and named on the card.

A pickle, a Lambda layer or a native library does whatever its maker chose once the entry loads it.  The sandbox holds
it as it holds ``model.py``; it is named because weights travel, and whoever loads them elsewhere has no sandbox.

Nothing is unpickled, unpacked or parsed as HDF5 here, and what an archive inside the entry may cost is bounded: the
process that looks is the one that reads the labels.
"""

from __future__ import annotations

import io
import json
import mmap
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

PICKLE = "Holds pickles, which run code when they are loaded"
KERAS = "Holds Keras models with code of their own"
NATIVE = "Holds native code"
UNSEARCHED = "Not searched for code"

START = 4096  # bytes that tell what a file is; the header of an array fits in
MEMBER = 46  # bytes that a zip's directory needs for a member, at least
BUDGET = 64_000_000  # bytes read out of all archives inside an entry together, START for each member
CONFIG = 2_000_000  # bytes of a .keras file's config.json; DenseNet121, with 427 layers, has a fifth
NAMED = 5  # files named of each kind

PICKLE_SUFFIXES = {".pkl", ".pickle", ".joblib", ".dill"}  # protocol 0 begins with no mark, and some are compressed
PICKLE_STARTS = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
HDF5_SUFFIXES = {".h5", ".hdf5", ".hdf", ".keras"}
HDF5_START = b"\x89HDF\r\n\x1a\n"
NATIVE_STARTS = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")  # Linux; macOS, one or several processors
NATIVE_SUFFIXES = {".so", ".pyd", ".dll", ".dylib"}
PACKED_STARTS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c", b"Rar!")

# Classes of Keras itself that carry foreign code: marshalled functions, pickled PyTorch modules, saved graphs.
CODE_CLASSES = ("Lambda", "__lambda__", "TorchModuleWrapper", "TFSMLayer")
OWN_MODULES = {"keras", "builtins"}
# In HDF5 the configuration is one JSON attribute in clear.  A class name with an escape in it has something to hide.
CODE_IN_HDF5 = re.compile(rb'"class_name":\s*"(?:(' + "|".join(CODE_CLASSES).encode() + rb')"|[^"]{0,200}\\)')

# What the standard library raises at a damaged, encrypted or unknown archive.
DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError)

Finding = tuple[str, str]  # a kind, and which code of that kind where it has a name


@dataclass
class _Budget:
    """What may still be read out of the archives inside one entry, bytes."""

    left: int = BUDGET

    def take(self, n_bytes: int) -> bool:
        """Tell whether so much may be read, and count it."""
        if n_bytes > self.left:
            return False
        self.left -= n_bytes
        return True


def name_code(folder: Path) -> tuple[str, ...]:
    """Return one sentence for each kind of code beside ``.py`` files below `folder`, with the files that hold it.

    Parameters
    ----------
    folder : Path
        An unpacked submission: plain files and folders alone.

    Returns
    -------
    tuple of str
        Printable; empty where there is no such code.  What cannot be searched is named, too.

    Notes
    -----
    Whoever wants to hide code can: inside a file that only `model.py` can read, for one.  This tells of what the usual
    formats carry; what code may do is the sandbox's business.
    """
    budget = _Budget()
    named: dict[str, list[str]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for kind, what in dict.fromkeys(_look(path, budget)):
            name = path.relative_to(folder).as_posix()
            shown = repr(name if len(name) <= 60 else f"…{name[-59:]}")
            named.setdefault(kind, []).append(f"{shown} ({what})" if what else shown)
    return tuple(f"{kind}: {_enumerate(named[kind])}." for kind in (PICKLE, KERAS, NATIVE, UNSEARCHED) if kind in named)


def _enumerate(names: list[str]) -> str:
    """Join names, the first few of many.

    Examples
    --------
    >>> _enumerate(list("abcdefg"))
    'a, b, c, d, e and 2 more'
    """
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _look(path: Path, budget: _Budget) -> Iterator[Finding]:
    """Yield what a file holds, by its first bytes, and by its name where those say nothing."""
    with path.open("rb") as file:
        start = file.read(START)
    if start.startswith(b"PK\x03\x04"):
        yield from _in_archive(path, budget)
    elif start.startswith(HDF5_START) or path.suffix.casefold() in HDF5_SUFFIXES:
        yield from _in_hdf5(path)
    else:
        yield from _by_start(PurePosixPath(path.name), start)


def _by_start(name: PurePosixPath, start: bytes) -> Iterator[Finding]:
    suffixes = {suffix.casefold() for suffix in name.suffixes}
    if start.startswith(PICKLE_STARTS) or suffixes & PICKLE_SUFFIXES:
        yield PICKLE, ""
    elif start.startswith(b"\x93NUMPY"):
        yield from _in_array(start)
    elif start.startswith(NATIVE_STARTS) or suffixes & NATIVE_SUFFIXES:
        yield NATIVE, ""
    elif start.startswith((*PACKED_STARTS, b"PK\x03\x04")) or start[257:262] == b"ustar":
        yield UNSEARCHED, "an archive"


def _in_array(start: bytes) -> Iterator[Finding]:
    from harness.sources.npz import read_header  # late: NumPy, for entries that hold arrays

    try:
        _, _, dtype = read_header(io.BytesIO(start))
    except ValueError:
        yield UNSEARCHED, "an array with a damaged header"
        return
    if dtype.hasobject:
        yield PICKLE, "an array of objects"


def _in_archive(path: Path, budget: _Budget) -> Iterator[Finding]:
    """Look at the first bytes of each member of a zip: ``.npz``, PyTorch's ``.pt`` and Keras' ``.keras`` are zips."""
    try:
        # The directory is read whole when the zip is opened, whatever number of members it claims to have.
        if not budget.take(START * (1 + _directory_bytes(path) // MEMBER)):
            yield UNSEARCHED, "too much to search"
            return
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # the others cannot be metered
                    yield UNSEARCHED, "compressed in an unusual way"
                    continue
                with archive.open(info) as member:
                    start = member.read(START)
                    yield from _by_start(PurePosixPath(info.filename), start)
                    if info.filename == "config.json":
                        yield from _in_config(start + member.read(CONFIG + 1), budget)
    except DAMAGED:
        yield UNSEARCHED, "a damaged archive"


def _directory_bytes(path: Path) -> int:
    """Return the length of a zip's directory, as `zipfile` will find it.

    PyTorch writes the form for large zips, Zip64, whatever their size.
    """
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - 22 - 65535 - 76))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise zipfile.BadZipFile("no end record")
    if tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        if not tail[max(0, at - 76) :].startswith(b"PK\x06\x06"):
            raise zipfile.BadZipFile("no end record of the large form")
        return int(struct.unpack_from("<Q", tail, at - 76 + 40)[0])
    return int(struct.unpack_from("<I", tail, at + 12)[0])


def _in_config(text: bytes, budget: _Budget) -> Iterator[Finding]:
    """Search the configuration of a ``.keras`` file for layers that carry or need code."""
    if len(text) > CONFIG or not budget.take(len(text)):
        yield UNSEARCHED, "too much to search"
        return
    try:
        pending = [json.loads(text)]
    except (ValueError, RecursionError):
        yield UNSEARCHED, "a damaged config.json"
        return
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if what := _code_of(value):
                yield KERAS, what
            pending += value.values()
        elif isinstance(value, list):
            pending += value


def _code_of(serialized: dict[str, object]) -> str:
    """Return what code an object in a ``.keras`` configuration brings or needs; empty for what Keras has itself.

    Examples
    --------
    >>> _code_of({"module": "keras.layers", "class_name": "Dense", "config": {}, "registered_name": None})
    ''
    >>> _code_of({"module": None, "class_name": "Half", "config": {}, "registered_name": "mine>Half"})
    'custom objects'
    """
    name, module, registered = (serialized.get(key) for key in ("class_name", "module", "registered_name"))
    if name in CODE_CLASSES:
        return "Lambda" if name == "__lambda__" else str(name)
    own = isinstance(module, str) and module.partition(".")[0] in OWN_MODULES
    return "custom objects" if name and (module or registered) and not own else ""


def _in_hdf5(path: Path) -> Iterator[Finding]:
    """Search the bytes of an HDF5 file for a Lambda layer.

    A parser of HDF5 is a large body of C that has to be kept from strangers' files; the search finds the same, since
    the attribute is never compressed, and costs a second for each gigabyte that the limit on unpacking lets in.
    """
    if not path.stat().st_size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = {(match[1] or b"an escaped class name").decode() for match in CODE_IN_HDF5.finditer(content)}
    for what in sorted({"Lambda" if name == "__lambda__" else name for name in found}):
        yield KERAS, what
