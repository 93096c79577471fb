"""The logo of an exported contest: a stained cell, drawn from integers so that its pixels are the same everywhere."""

from __future__ import annotations

import io
import zlib

import numpy as np
from numpy.typing import NDArray

SIZE, SUB = 240, 3  # pixels, and samples a pixel along each side
BACKGROUND, CYTOPLASM, NUCLEUS, RED = (250, 244, 240), (203, 178, 214), (88, 42, 120), (226, 150, 146)


def draw_logo(name: str) -> bytes:
    """Return a PNG of 240 × 240 pixels; the contest's name decides where the red cells lie.

    Examples
    --------
    >>> draw_logo("blood-cells")[:4]
    b'\\x89PNG'
    """
    from PIL import Image

    side = SIZE * SUB
    canvas = np.empty((side, side, 3), np.uint8)
    canvas[:] = BACKGROUND
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    for _ in range(14):
        x, y = rng.integers(0, side, 2).tolist()
        _disk(canvas, x, y, side // 9, RED)
        _disk(canvas, x, y, side // 22, (238, 188, 184))
    centre = side // 2
    _disk(canvas, centre, centre, side * 34 // 100, CYTOPLASM)
    for dx, dy in ((-11, -8), (9, -11), (12, 8), (-5, 13)):  # the lobes of a neutrophil
        _disk(canvas, centre + dx * side // 100, centre + dy * side // 100, side * 12 // 100, NUCLEUS)
    small = canvas.reshape(SIZE, SUB, SIZE, SUB, 3).astype(np.int64).sum(axis=(1, 3)) // SUB**2
    buffer = io.BytesIO()
    # Stored, not compressed: a compressor's output differs between its versions.
    Image.fromarray(small.astype(np.uint8)).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def _disk(canvas: NDArray[np.uint8], x: int, y: int, radius: int, colour: tuple[int, int, int]) -> None:
    rows, columns = np.ogrid[: canvas.shape[0], : canvas.shape[1]]
    canvas[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = colour
