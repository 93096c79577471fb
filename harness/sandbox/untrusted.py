"""Reading what a stranger's code may have written: labels, probabilities, a report.

Part of the programs on a server, too: standard library and NumPy only.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

REPORT_BYTES = 64_000  # an honest report has a tenth of it
SUM_WITHIN = 1e-3  # of 1: the sum of a row of probabilities


def read_predictions(file: BinaryIO, n: int, n_classes: int, *, n_needed: int | None = None) -> NDArray[np.int64] | str:
    """Return the labels in a ``.npy`` file written by a stranger, or what is wrong with it.

    Parameters
    ----------
    file : binary file
    n, n_classes : int
    n_needed : int, optional
        After so many labels -1 may stand, too, for an image without an answer; `n` where not given.

    Returns
    -------
    ndarray of shape (n,), int64, each from 0 to `n_classes` - 1; or str
    """
    n_needed = n if n_needed is None else n_needed
    labels = _read_array(file, (n,), "<i8")
    if labels is None:
        return f"the file of predictions is not the one array of {n} integers it must be"
    if n and not (-1 <= labels.min() <= labels.max() < n_classes and labels[:n_needed].min(initial=0) >= 0):
        return f"labels run from {labels.min()} to {labels.max()}, expected 0 to {n_classes - 1}"
    return labels


def read_probabilities(file: BinaryIO, n: int, n_classes: int) -> NDArray[np.float32] | str:
    """Return the probabilities in a ``.npy`` file written by a stranger, or what is wrong with it.

    Parameters
    ----------
    file : binary file
    n, n_classes : int

    Returns
    -------
    ndarray of shape (n, n_classes), float32, each row sums to 1 within `SUM_WITHIN`; or str
    """
    found = _read_array(file, (n, n_classes), "<f4")
    if found is None:
        return f"the file of probabilities is not the one array of {n} × {n_classes} float32 it must be"
    if not np.isfinite(found).all():
        return "the file of probabilities holds NaN or infinite values"
    low, high = found.min(initial=0), found.max(initial=0)
    if low < 0 or high > 1 + SUM_WITHIN:
        return f"probabilities run from {low:.4g} to {high:.4g}, expected 0 to 1"
    sums = found.sum(axis=1, dtype=np.float64)
    if (abs(sums - 1) > SUM_WITHIN).any():
        return f"rows of probabilities sum to {sums.min():.4g} to {sums.max():.4g}, expected 1"
    return found


def _read_array(file: BinaryIO, shape: tuple[int, ...], dtype: str) -> NDArray[Any] | None:
    """Return the one array of this shape and dtype, little-endian, that a ``.npy`` file must be; None where it is not.

    Nothing is unpickled and nothing is allocated by the header's word: the only file accepted is, byte for byte up to
    its data, the one that NumPy writes for such an array.
    """
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": dtype, "fortran_order": False, "shape": shape})
    size = header.tell() + math.prod(shape) * np.dtype(dtype).itemsize
    file.seek(0)
    data = file.read(size + 1)
    if len(data) != size or not data.startswith(header.getvalue()):
        return None
    found = np.frombuffer(data, dtype, offset=header.tell()).reshape(shape)
    return found.astype(found.dtype.newbyteorder("="))


def newest_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a report, the last one first; none of one that was flooded.

    What follows the last newline was cut by a kill.
    """
    file.seek(0)
    data = file.read(REPORT_BYTES + 1)
    if len(data) <= REPORT_BYTES:
        yield from reversed(data.split(b"\n")[:-1])
