"""Arrays of an ``.npz``, opened and read in pieces, so that a file of gigabytes needs only its result in memory.

``numpy.load`` reads a whole member at once: 3 GB for the 13,759 images of a course that were saved as float64.
Nothing here unpickles.
"""

from __future__ import annotations

import hashlib
import lzma
import math
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from harness.errors import SourceError
from harness.sources.other_arrays import refuse_other

ROWS = 100  # read at once; 22 MB of 96 × 96 RGB as float64
# What zipfile and the header of a .npy raise on bytes that are not what they should be.  RuntimeError stands for
# encryption and unknown compression, ValueError for names that are no UTF-8.
DAMAGED = (zipfile.BadZipFile, RuntimeError, EOFError, OSError, ValueError, zlib.error, lzma.LZMAError)
# NumPy reads a header as Python's own literals, with all that their tokens, nesting and types may bring.
UNREADABLE = (SyntaxError, tokenize.TokenError, TypeError, RecursionError, MemoryError, OverflowError)
OTHER_METHODS = {9: "Deflate64, as Windows packs large zips", 93: "Zstandard", 98: "PPMd", 99: "AES, with a password"}
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
GROWTH, GROWTH_FLOOR = 200, 100_000_000  # of an array; images hardly shrink
FETCH_AGAIN = "A download that was cut looks like this: fetch the file again."


@dataclass(frozen=True)
class Header:
    """What an array says of itself: its shape, and the type of its values."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def n(self) -> int:
        """How many rows it has; none where it is a single value."""
        return self.shape[0] if self.shape else 0


@dataclass(frozen=True)
class Npz:
    """An open ``.npz``.

    Attributes
    ----------
    path : Path
    archive : ZipFile
    keys : tuple of str
        The names of its arrays, in alphabetical order.
    """

    path: Path
    archive: zipfile.ZipFile
    keys: tuple[str, ...]

    def header(self, key: str) -> Header:
        """Return shape and dtype of `key`.

        Raises
        ------
        SourceError
            The array is damaged, or holds Python objects.
        """
        with self._array(key) as (_, shape, dtype, _):
            return Header(shape, dtype)

    def pieces(self, key: str) -> Iterator[NDArray]:
        """Yield `key` in order, `ROWS` of its rows at a time."""
        with self._array(key) as (file, shape, dtype, fortran):
            yield from _pieces(file, shape, dtype, fortran)

    def whole(self, key: str) -> NDArray:
        """Return `key` whole: for labels and names, of which there are few."""
        with self._array(key) as (file, shape, dtype, fortran):
            return np.concatenate([np.empty((0, *shape[1:]), dtype), *_pieces(file, shape, dtype, fortran)])

    @contextmanager
    def _array(self, key: str) -> Iterator[tuple[IO[bytes], tuple[int, ...], np.dtype, bool]]:
        """Open the member of `key` behind its header."""
        name = self.path.name
        try:
            info = self.archive.getinfo(f"{key}.npy")
            with self.archive.open(info) as file:
                shape, fortran, dtype = read_header(file)
                promised = math.prod(shape) * dtype.itemsize
                held = info.file_size - file.tell()
                if info.file_size > max(GROWTH_FLOOR, GROWTH * info.compress_size):
                    raise ValueError(f"it grows more than {GROWTH}-fold when unpacked, as only a bomb does")
                if dtype.hasobject:
                    raise SourceError(
                        f"{key} in {name} holds Python objects, expected numbers or text; "
                        "objects are not read, since reading them can run any program.",
                        f"If you trust who made it: python -c \"import numpy as np; f = np.load('{name}', "
                        "allow_pickle=True); np.savez('NEW.npz', **{k: np.array(f[k].tolist()) for k in f})\"",
                    )
                if promised != held:  # checked before memory is set aside for it
                    raise ValueError(f"its header promises {promised} bytes, it has {held}")
                yield file, shape, dtype, fortran
        except DAMAGED as error:
            raise SourceError(f"{key} in {name} is damaged: {error}.", FETCH_AGAIN) from error


@contextmanager
def open_npz(path: Path) -> Iterator[Npz]:
    """Open an ``.npz``.

    Raises
    ------
    SourceError
        The file is no whole ``.npz``: what else it is, and how an ``.npz`` is made of it.
    """
    refuse_other(path)
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGED as error:
        raise SourceError(f"{path.name} is no whole .npz: {error}.", FETCH_AGAIN) from error
    with archive:
        names = archive.namelist()
        keys = tuple(sorted({name.removesuffix(".npy") for name in names if name.endswith(".npy")}))
        if not keys:
            refuse_other(path, names)
        check_methods(
            archive, path.name, f"Unpack it with 7-Zip (7z x {path.name}): python -m zipfile -c NEW.npz *.npy"
        )
        yield Npz(path, archive, keys)


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return shape, order (True: Fortran's) and dtype from the start of a ``.npy`` file, and stop behind them.

    Raises
    ------
    ValueError
        It is no such header.
    """
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(file)
    if version not in readers:
        raise ValueError(f"unknown .npy version {version}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that Python 2 wrote it, which may be
            return readers[version](file)
    except UNREADABLE as error:
        raise ValueError("its header describes no array") from error


def check_methods(archive: zipfile.ZipFile, name: str, hint: str) -> None:
    """Refuse a zip that is whole, but packed in a way that Python does not read.

    Raises
    ------
    SourceError
        With `hint` as the way out.
    """
    for method in {member.compress_type for member in archive.infolist()} - METHODS:
        named = OTHER_METHODS.get(method, f"method {method}")
        raise SourceError(f"{name} is packed by {named}, which is not read in place; it is not damaged.", hint)


def digest(path: Path, algorithm: str) -> str:
    """Return the hexadecimal hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _pieces(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype, fortran: bool) -> Iterator[NDArray]:
    """Yield an array from its bytes, some rows at a time."""
    if not shape:
        raise ValueError("it is a single value, expected one for each image")
    row_shape = shape[1:]
    if fortran and row_shape:
        # Its first axis runs fastest, so that no row is whole before the last byte is read.
        values = np.frombuffer(_exactly(file, math.prod(shape) * dtype.itemsize), dtype).reshape(shape, order="F")
        for first in range(0, shape[0], ROWS):
            yield values[first : first + ROWS]
        return
    row_bytes = math.prod(row_shape) * dtype.itemsize
    for first in range(0, shape[0], ROWS):
        n = min(ROWS, shape[0] - first)
        yield np.frombuffer(_exactly(file, n * row_bytes), dtype).reshape(n, *row_shape)


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise EOFError(f"it ends {size - len(data)} bytes early")
    return data
