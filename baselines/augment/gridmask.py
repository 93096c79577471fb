"""GridMask: squares on a turned grid hide a part of the image."""

from __future__ import annotations

from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

from baselines.augment.operations import Pixels

RATIO = 0.6  # share of a pitch that is kept along one side: (1 - 0.6) ** 2 = 16 % of an image is hidden on average
PITCH = (96 / 224, 1.0)  # bounds, in shorter sides: the paper draws 96 to 224 pixels for images of 224
PROBABILITY = 0.8

# The paper writes 0 after normalisation, and so the mean colour; in raw images 0 would be black, which no cell is.
# Hence the mean of ImageNet, that the paper's normalisation takes to 0.
FILL = np.array([124, 116, 104], np.uint8)

TURN = 1 << 16  # one pitch in whole numbers, so that sums of 16 bits begin anew after each


def gridmask(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Hide squares of side ``(1 - RATIO) * d`` on a grid of pitch d, turned and shifted, in four images of five.

    Notes
    -----
    Unlike the paper, the probability does not rise with the epochs (0 to 0.8 in the first 240 of 300), and d, the angle
    and the shift are no whole numbers.

    References
    ----------
    Chen, Liu, Zhao, Jia: GridMask Data Augmentation, arXiv 2001.04086; values of its published training script
    (github.com/dvlab-research/GridMask).
    """
    masked = image.copy()
    if rng.random() < PROBABILITY:
        masked[hidden(image.shape[:2], rng)] = FILL
    return masked


def hidden(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.bool]:
    """Draw which pixels of an image of `shape` (height, width) are hidden."""
    pitch, angle = rng.uniform(*PITCH) * min(shape), radians(rng.uniform(0, 360))
    y, x = (np.arange(side) * (TURN / pitch) for side in shape)
    along = _sums(sin(angle) * y + rng.integers(TURN), cos(angle) * x)
    across = _sums(cos(angle) * y + rng.integers(TURN), -sin(angle) * x)
    return np.minimum(along, across) >= int(RATIO * TURN)


def _sums(rows: NDArray[np.floating], columns: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Return the sum of each row's and each column's value, modulo `TURN`."""
    return rows.astype(np.int64).astype(np.uint16)[:, None] + columns.astype(np.int64).astype(np.uint16)
