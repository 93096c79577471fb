"""Images that another process decodes: a stranger's image may crash its decoder, and takes no other work with it.

The pixels lie in memory that both processes see, so that nothing is copied; every byte of them is a valid pixel,
whatever the other process wrote.  One process decodes all images, with as many threads as there are processors.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from harness.limited import Bounds, Reader

THREADS = min(os.cpu_count() or 1, 16)
# A thread may hold the largest file and the largest image several times over; so long a time is for one image alone.
DECODING = Bounds(cpu_s=60, wall_s=1200, memory_mb=1000 + 700 * THREADS)
ARRAYS = Bounds(cpu_s=60, wall_s=1200, memory_mb=6000)  # an array in Fortran's order is read as a whole


@contextmanager
def shared_memory() -> Iterator[int]:
    """Give a file descriptor of memory without a name, empty at first."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("hemobench-images")
    else:  # macOS
        fd, path = tempfile.mkstemp(prefix="hemobench-images-")
        os.unlink(path)  # noqa: PTH108 - a string
    try:
        yield fd
    finally:
        os.close(fd)


def view(fd: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return shared memory as an array of this shape, grown to its size; it lives on when `fd` is closed."""
    size = int(np.prod(shape, dtype=object))
    if not size:
        return np.empty(shape, np.uint8)
    if os.fstat(fd).st_size < size:
        os.ftruncate(fd, size)
    return np.frombuffer(mmap.mmap(fd, size), np.uint8).reshape(shape)


@contextmanager
def reader_of(bounds: Bounds) -> Iterator[tuple[Reader, int]]:
    """Give a process that reads, and the descriptor of the memory it shares."""
    with shared_memory() as fd, Reader(bounds, pass_fds=(fd,)) as reader:
        yield reader, fd
