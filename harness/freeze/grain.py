"""Tell a copy from another drawing of the same shape, by the grain: speckle, noise and the finest detail.

A copy has the grain of its original, even after a JPEG or a change of size.  Two drawings of one shape, two digits or
two X-rays may agree in all that is rough, but the grain of each is its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.freeze.signature import box

FAINT = 0.2  # grey levels, root mean square: below it there is no grain
QUIET = 0.25  # share of the cells with grain that are compared: those without edges, which drawings have in common
GRAINY = 0.5  # share of the cells that must have grain


def grain(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlation of the grain of pairs that lie on each other; NaN where too little of them has any.

    It is what differs from the mean of 3 × 3 cells, in the quietest quarter of the cells where both have any.

    Parameters
    ----------
    one, other : ndarray of shape (n, rows, columns, 1)
        Brightness in sixteenths of grey levels, whole numbers, so that all sums are exact.
    """
    fine = [(9 * planes - box(planes, 1))[:, 2:-2, 2:-2] for planes in (one, other)]
    energy = [box(part * part, 1).reshape(len(part), -1) for part in fine]
    first, second = (part.reshape(len(part), -1) for part in fine)
    cells = energy[0].shape[1]
    live = np.minimum(*energy) > 9 * (9 * 16 * FAINT) ** 2
    both = np.where(live, energy[0] + energy[1], np.inf)
    count = live.sum(axis=1)
    last = np.maximum((QUIET * count).astype(np.int64) - 1, 0)
    quiet = live & (both <= np.sort(both, axis=1)[np.arange(len(both)), last, None])
    first, second = first * quiet, second * quiet
    product = (first * second).sum(axis=1)
    sizes = np.sqrt((first * first).sum(axis=1)) * np.sqrt((second * second).sum(axis=1))
    likeness = product / np.maximum(sizes, 1)
    return np.where(count >= GRAINY * cells, likeness, np.nan)
