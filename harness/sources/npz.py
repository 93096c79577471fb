"""Arrays of an ``.npz``, checked and read in pieces, so that a file of gigabytes needs only its result in memory.

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from harness.errors import SourceError, did_you_mean

ROWS = 100  # read at once; 22 MB of 96 × 96 RGB as float64
# What zipfile and the header of a .npy raise on bytes that are not what they should be.  RuntimeError stands for
# encryption and unknown compression, ValueError for names that are no UTF-8.
DAMAGED = (zipfile.BadZipFile, RuntimeError, EOFError, OSError, ValueError, zlib.error, lzma.LZMAError)
# NumPy reads a header as Python's own literals, with all that their tokens, nesting and types may bring.
UNREADABLE = (SyntaxError, tokenize.TokenError, TypeError, RecursionError, MemoryError, OverflowError)
GROWTH, GROWTH_FLOOR = 200, 100_000_000  # of an array; images hardly shrink
FETCH_AGAIN = "A download that was cut looks like this: fetch the file again."


@dataclass(frozen=True)
class Npz:
    """An ``.npz`` whose `keys` are known to be there.

    Attributes
    ----------
    path : Path
    archive : ZipFile
    """

    path: Path
    archive: zipfile.ZipFile

    def image_count(self, key: str, image_shape: tuple[int, int, int], hint: str) -> int:
        """Return how many images the header of `key` states, after a look at the rest of it.

        Raises
        ------
        SourceError
            Objects or text in place of numbers; another shape, with `hint` as the way out; no image.
        """
        with self._array(key) as (_, shape, dtype, _):
            self._check_numbers(key, dtype)
            if len(shape) != 4 or shape[1:] != image_shape:
                raise SourceError(
                    f"{key} in {self.path.name} has shape {shape}, "
                    f"expected (n, {', '.join(map(str, image_shape))}): images, height, width, RGB.",
                    hint,
                )
            if not shape[0]:
                raise SourceError(f"{key} in {self.path.name} holds no image.", "Name another file.")
            return shape[0]

    def pixels(self, key: str) -> Iterator[NDArray[np.uint8]]:
        """Yield the images of `key` in order, `ROWS` at a time, each piece of shape (m, h, w, 3), uint8.

        Any number type is accepted as long as every value is one of 0, 1, … 255.

        Raises
        ------
        SourceError
            A value is NaN, beyond 0-255 or not whole, with the place of the first; all lie in 0-1.
        """
        highest, first = 0, 0
        with self._array(key) as (file, shape, dtype, fortran):
            for values in _pieces(file, shape, dtype, fortran):
                with np.errstate(invalid="ignore"):  # what NaN becomes here is caught by the comparison
                    piece = values.astype(np.uint8)
                # One comparison finds NaN, fractions and anything beyond 0-255: none of them survives the way back.
                if not np.array_equal(piece, values):
                    raise self._bad_pixel(key, values, first)
                highest = max(highest, int(piece.max(initial=0)))
                first += len(piece)
                yield piece
        if highest <= 1:
            raise self._scaled(key)

    def labels(self, key: str, n: int, class_names: Sequence[str]) -> NDArray[np.int64]:
        """Return the `n` labels of `key`, shape (n,), int64; (n, 1) is accepted too.

        Raises
        ------
        SourceError
            Another shape, one-hot rows, not numbers, not whole, or beyond the classes.
        """
        with self._array(key) as (file, shape, dtype, fortran):
            self._check_numbers(key, dtype)
            if len(shape) == 2 and shape[1] == len(class_names) and shape[1] > 1:
                raise SourceError(
                    f"{key} in {self.path.name} has shape {shape}, one column for each class, expected one label each.",
                    f"Save {key}.argmax(axis=1) instead.",
                )
            if shape not in ((n,), (n, 1)):
                raise SourceError(
                    f"{key} in {self.path.name} has shape {shape}, expected ({n},) or ({n}, 1): one for each image.",
                    "Save as many labels as images, in the same order.",
                )
            values = np.concatenate(
                [np.empty(0, dtype), *(p.reshape(-1) for p in _pieces(file, shape, dtype, fortran))]
            )
        wrong = ~((values >= 0) & (values < len(class_names)) & (values == np.floor(values)))
        if wrong.any():
            at = int(wrong.argmax())
            raise SourceError(
                f"Label {at} of {key} in {self.path.name} is {values[at].item()}, "
                f"expected a whole number from 0 to {len(class_names) - 1}.",
                f"Number the classes from 0 in this order: {', '.join(class_names)}.",
            )
        return values.astype(np.int64)

    @contextmanager
    def _array(self, key: str) -> Iterator[tuple[IO[bytes], tuple[int, ...], np.dtype, bool]]:
        """Open the member of `key` behind its header."""
        try:
            with self.archive.open(f"{key}.npy") as file:
                shape, fortran, dtype = read_header(file)
                promised = math.prod(shape) * dtype.itemsize
                info = self.archive.getinfo(f"{key}.npy")
                held = info.file_size - file.tell()
                if info.file_size > max(GROWTH_FLOOR, GROWTH * info.compress_size):
                    raise ValueError(f"it grows more than {GROWTH}-fold when unpacked, as only a bomb does")
                if promised != held and not dtype.hasobject:  # checked before memory is set aside for it
                    raise ValueError(f"its header promises {promised} bytes, it has {held}")
                yield file, shape, dtype, fortran
        except DAMAGED as error:
            raise SourceError(f"{key} in {self.path.name} is damaged: {error}.", FETCH_AGAIN) from error

    def _check_numbers(self, key: str, dtype: np.dtype) -> None:
        if dtype.hasobject:
            raise SourceError(
                f"{key} in {self.path.name} holds Python objects, expected numbers; "
                "objects are not read, since reading them can run any program.",
                f"Save np.array({key}.tolist(), dtype=np.uint8) instead: objects often come from rows of unequal size.",
            )
        if dtype.kind not in "uif":
            raise SourceError(
                f"{key} in {self.path.name} has dtype {dtype}, expected numbers such as uint8.",
                "Convert it with .astype(np.uint8).",
            )

    def _bad_pixel(self, key: str, values: NDArray, first: int) -> SourceError:
        finite = np.isfinite(values)
        if finite.all() and values.min() >= 0 and values.max() <= 1:
            return self._scaled(key)
        wrong = ~(finite & (values >= 0) & (values <= 255) & (values == np.floor(values)))
        at = np.unravel_index(int(wrong.argmax()), values.shape)
        return SourceError(
            f"Image {first + int(at[0])} of {key} in {self.path.name} has a pixel of value {values[at].item()}, "
            "expected whole numbers from 0 to 255.",
            "Save the raw images as uint8, before any scaling or normalisation.",
        )

    def _scaled(self, key: str) -> SourceError:
        return SourceError(
            f"The values of {key} in {self.path.name} lie between 0 and 1, expected 0 to 255.",
            f"Save np.rint({key} * 255).astype(np.uint8) instead.",
        )


@contextmanager
def open_npz(path: Path, keys: Sequence[str]) -> Iterator[Npz]:
    """Open an ``.npz`` that must hold `keys`.

    Raises
    ------
    SourceError
        The file is no whole ``.npz``, or lacks a key.
    """
    if not path.is_file():  # a pipe would never end
        raise SourceError(f"{path.name} is no file, expected an .npz.", "Name the file.")
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGED as error:
        raise SourceError(f"{path.name} is no whole .npz: {error}.", FETCH_AGAIN) from error
    with archive:
        found = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        if missing := next((key for key in keys if key not in found), None):
            raise SourceError(
                f"{path.name} has no array {missing!r}; it holds {', '.join(sorted(found)) or 'none'}.",
                f"Expected {', '.join(keys)}. {did_you_mean(missing, found)}".rstrip(),
            )
        yield Npz(path, archive)


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


def digest(path: Path, algorithm: str) -> str:
    """Return the hexadecimal hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _pieces(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype, fortran: bool) -> Iterator[NDArray]:
    """Yield an array from its bytes, some rows at a time."""
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
