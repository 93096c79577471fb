"""What augmentation makes of the images: sheets to look at before a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.figures.style import (
    DPI,
    MARGIN,
    TEXT,
    line_height,
    page,
    place,
    spoken,
    text_width,
    tile,
    tile_side,
    wrapped,
    write,
)

GAP = 0.06  # inches between images
NAME = 1.9  # inches, at most, for the name of a row


def augmented(path: Path, originals: NDArray[np.uint8], versions: NDArray[Any], title: str, note: str) -> None:
    """Draw a column for each image: the original at the top, and its augmented versions below.

    Parameters
    ----------
    originals : ndarray of shape (n, h, w, 3), uint8
    versions : ndarray of shape (m, n, h, w, 3), uint8, or float from 0 to 255
    """
    rows = [("original", originals), *((f"version {number}", row) for number, row in enumerate(versions, 1))]
    _sheet(path, rows, title, note, apart=1)


def gallery(path: Path, rows: Sequence[tuple[str, NDArray[Any]]], title: str) -> None:
    """Draw a row of images for each augmentation, with its name.

    Parameters
    ----------
    rows : sequence of (str, ndarray of shape (n, h, w, 3), uint8, or float from 0 to 255)
    """
    _sheet(path, rows, title)


def _sheet(path: Path, rows: Sequence[tuple[str, NDArray[Any]]], title: str, note: str = "", *, apart: int = 0) -> None:
    """Draw the rows; the first `apart` of them stand apart from the rest."""
    names = [wrapped(spoken(name), NAME, TEXT) for name, _ in rows]
    name_width = max((text_width(line, TEXT) for lines in names for line in lines), default=0)
    side = tile_side(sum(len(images) for _, images in rows))
    step = side / DPI + GAP
    heights = [max(step, line_height(TEXT) * len(lines) + GAP) for lines in names]
    left = MARGIN + name_width + 0.12
    columns = max((len(images) for _, images in rows), default=0)
    width = max(5.2, left + columns * step - GAP + MARGIN)
    height = sum(heights) + (0.1 if apart else 0) + MARGIN
    with page(path, width, height, title, note) as figure:
        y = height
        for number, ((_, images), lines, row_height) in enumerate(zip(rows, names, heights, strict=True)):
            if number == apart > 0:
                y -= 0.1
            weight = "bold" if number < apart else "normal"
            write(figure, left - 0.12, y - side / DPI / 2, "\n".join(lines), ha="right", va="center", weight=weight)
            for column, image in enumerate(images):
                place(figure, tile(image, side), left + column * step, y)
            y -= row_height
