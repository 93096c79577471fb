"""SHA-256 of arrays and files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.freeze.lock import ArrayHash


def hash_array(array: NDArray) -> ArrayHash:
    """Hash an array by content, little-endian whatever the machine; unicode arrays as UTF-8 lines.

    Examples
    --------
    >>> hash_array(np.arange(3, dtype=np.int64)).sha256[:12]
    'ab25350e3e65'
    """
    if array.dtype.kind == "U":
        content = "\n".join(array.tolist()).encode()
        return ArrayHash(array.shape, "text", hashlib.sha256(content).hexdigest())
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    return ArrayHash(array.shape, array.dtype.name, hashlib.sha256(little.data).hexdigest())


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
