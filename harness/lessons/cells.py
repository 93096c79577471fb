"""The images of the lessons, and what a small model sees of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness import api
from harness.errors import WorkspaceError
from harness.freeze.frozen import Frozen

if TYPE_CHECKING:  # so that `hemobench lesson list` needs none
    import numpy as np
    from numpy.typing import NDArray

CONTEST = Path(__file__).with_name("cells.toml")
GRID, LEVELS = 8, 16


def open_cells(workspace: Path) -> Frozen:
    """Return the contest of the lessons, frozen in `workspace` the first time: a quarter of a minute."""
    try:
        return api.open_contest(workspace, "lessons")
    except WorkspaceError:
        return api.freeze(workspace, str(CONTEST))


def features(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the mean colours of an 8 × 8 grid and a histogram of 16 levels of each channel.

    Parameters
    ----------
    images : ndarray of shape (n, h, w, 3), uint8
        Sides are multiples of 8.

    Returns
    -------
    ndarray of shape (n, 240), float32
        All from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> features(np.full((2, 16, 16, 3), 255, np.uint8)).sum(axis=1).tolist()  # 192 white cells, 3 full levels
    [195.0, 195.0]
    """
    import numpy as np

    n, height, width, channels = images.shape
    top, left = np.arange(GRID) * height // GRID, np.arange(GRID) * width // GRID
    sums = np.add.reduceat(np.add.reduceat(images, top, axis=1, dtype=np.uint32), left, axis=2)
    grid = sums.reshape(n, -1) * (GRID**2 / (255 * height * width))
    cells = (images // (256 // LEVELS)).reshape(n, -1, channels) + np.arange(channels) * LEVELS
    counts = [np.bincount(one.ravel(), minlength=channels * LEVELS) for one in cells]
    return np.hstack([grid, np.array(counts).reshape(n, -1) / (height * width)]).astype(np.float32)
