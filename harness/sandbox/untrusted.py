"""Reading what a stranger's code may have written: labels, a report, text.

Part of the programs on a server, too: standard library and NumPy only.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

REPORT_BYTES = 64_000  # an honest report has a tenth of it
TEXT_LENGTH = 2000  # characters of a message or hint that are kept


def read_predictions(file: BinaryIO, n: int, n_classes: int, *, n_needed: int | None = None) -> NDArray[np.int64] | str:
    """Return the labels in a ``.npy`` file written by a stranger, or what is wrong with it.

    Nothing is unpickled and nothing is allocated by the header's word: the only file accepted is, byte for byte up to
    its data, the one that NumPy writes for `n` labels.

    Parameters
    ----------
    file : binary file
    n, n_classes : int
    n_needed : int, optional
        After so many labels -1 may stand, too, for a picture without an answer; `n` where not given.

    Returns
    -------
    ndarray of shape (n,), int64, each from 0 to `n_classes` - 1; or str
    """
    n_needed = n if n_needed is None else n_needed
    expected = io.BytesIO()
    np.lib.format.write_array(expected, np.zeros(n, dtype="<i8"), allow_pickle=False)
    header = expected.getvalue()[: len(expected.getvalue()) - 8 * n]
    file.seek(0)
    data = file.read(len(header) + 8 * n + 1)
    if len(data) != len(header) + 8 * n or not data.startswith(header):
        return f"the file of predictions is not the one array of {n} integers it must be"
    labels = np.frombuffer(data, dtype="<i8", offset=len(header)).astype(np.int64)
    if n and not (-1 <= labels.min() <= labels.max() < n_classes and labels[:n_needed].min(initial=0) >= 0):
        return f"labels run from {labels.min()} to {labels.max()}, expected 0 to {n_classes - 1}"
    return labels


def newest_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a report, the last one first; none of one that was flooded.

    What follows the last newline was cut by a kill.
    """
    file.seek(0)
    data = file.read(REPORT_BYTES + 1)
    if len(data) <= REPORT_BYTES:
        yield from reversed(data.split(b"\n")[:-1])


def printable(text: object) -> str:
    """Return text in one line with nothing that steers a terminal, cut at `TEXT_LENGTH`.

    Examples
    --------
    >>> printable("a\\x1b[31mb\\nc")
    'a?[31mb c'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(str(text)[:TEXT_LENGTH].split()))
