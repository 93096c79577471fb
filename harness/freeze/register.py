"""Make one image lie on another: a shift and a zoom by least squares.

Positions are rounded to a lattice, and sums are of whole numbers, so that all is the same on every processor.

References
----------
B. Lucas, T. Kanade, "An iterative image registration technique" (1981).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FINE = 48  # side of the grid of the verdict
MARGIN = 5  # of its cells on each side, which a moved copy has lost
INNER = FINE - 2 * MARGIN
INSIDE = slice(MARGIN, MARGIN + INNER)
LATTICE = 16  # positions in a cell
ZOOM_UNIT = 256  # a zoom of 1
UNITS = np.array([ZOOM_UNIT, LATTICE, LATTICE])  # of zoom, down and across
LONGEST = np.array([0.04, 1, 1])  # step of them
UPMOST = np.array([1.17, 1.25 * MARGIN, 1.25 * MARGIN]) * UNITS
LOWEST = np.array([0.86, -1.25 * MARGIN, -1.25 * MARGIN]) * UNITS


def sample(planes: NDArray[np.float64], at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the inner grid of (n, 48, 48, channels) after a zoom and a move, by linear interpolation, whole numbers.

    `at` holds zooms in units of 1 / ZOOM_UNIT, and how far down and across in LATTICE positions of a cell.
    """
    zoom, down, across = at.T
    place = (2 * np.arange(INNER) - (INNER - 1)) * LATTICE // 2
    middle = (FINE - 1) * LATTICE // 2
    last = (FINE - 1) * LATTICE - 1
    n, cells = np.arange(len(planes))[:, None], np.arange(INNER)
    planes = planes.transpose(0, 3, 1, 2).astype(np.float32)  # holds sums up to 2**24, of which those are a sixteenth
    for move in (down, across):
        low, share = np.divmod(
            np.clip(np.floor_divide(place[None] * zoom[:, None], ZOOM_UNIT) + middle + move[:, None], 0, last), LATTICE
        )
        weights = np.zeros((len(planes), INNER, FINE), np.float32)
        weights[n, cells, low], weights[n, cells, low + 1] = LATTICE - share, share
        planes = (weights[:, None] @ planes).swapaxes(2, 3)
    return np.floor(planes.transpose(0, 2, 3, 1).astype(np.float64) / LATTICE**2)


def likeness(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlation of (n, rows, columns, channels) of whole numbers, shape (n,)."""
    size = one[0].size
    axes = (1, 2, 3)
    means = one.sum(axis=axes), other.sum(axis=axes)
    products = size * (one * other).sum(axis=axes) - means[0] * means[1]
    squares = [size * (part * part).sum(axis=axes) - mean**2 for part, mean in zip((one, other), means, strict=True)]
    return products / np.sqrt(np.maximum(squares[0], 1) * np.maximum(squares[1], 1))


def registered(one: NDArray[np.float64], other: NDArray[np.float64], at: NDArray[np.int64], steps: int) -> NDArray:
    """Return zoom, down and across, shape (n, 3), that make `other` lie on the inner part of `one` best.

    Both are of shape (n, 48, 48, 1), in sixteenths of grey levels; `at` is where to begin.
    """
    fixed = one[:, INSIDE, INSIDE]
    offset = (2 * np.arange(INNER) - (INNER - 1)).astype(np.float64)
    highest, best = np.full(len(one), -2.0), at
    for step in range(steps + 1):
        moved = sample(other, at)
        height = likeness(fixed, moved)
        best = np.where((height > highest)[:, None], at, best)
        highest = np.maximum(height, highest)
        if step == steps:
            break
        # Least squares of the fixed one on the moved one, its slopes (per two cells) and that of a zoom.
        slopes = np.zeros((2, *moved.shape))
        slopes[0, :, 1:-1] = moved[:, 2:] - moved[:, :-2]
        slopes[1, :, :, 1:-1] = moved[:, :, 2:] - moved[:, :, :-2]
        swelling = slopes[0] * offset[:, None, None] + slopes[1] * offset[:, None]
        terms = np.stack([np.ones_like(moved), moved, *slopes, swelling, fixed], axis=1).reshape(len(one), 6, -1)
        normal = terms @ terms.transpose(0, 2, 1)
        ridge = np.eye(5) * (1 + 1e-9 * np.trace(normal[:, :5, :5], axis1=1, axis2=2))[:, None, None]
        answer = np.linalg.solve(normal[:, :5, :5] + ridge, normal[:, :5, 5:])[..., 0]
        gain = np.where(np.abs(answer[:, 1]) > 0.1, answer[:, 1], np.inf)
        ahead = np.stack([4 * answer[:, 4], 2 * answer[:, 2], 2 * answer[:, 3]], axis=1) / gain[:, None]
        ahead = np.rint(np.clip(ahead, -LONGEST, LONGEST) * UNITS)
        at = np.clip(at + ahead, LOWEST, UPMOST).astype(np.int64)
    return best
