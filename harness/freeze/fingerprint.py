"""What an image is known by: its exact pixels, its rough structure, and its appearance.

All three are computed in integers, so that they are the same on every processor: which image is removed, and
into which split it falls, must not depend on the machine that freezes.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

APPEARANCE_SIDE = 6
CHUNK = 256  # images at once: what is derived from them stays in the processor's cache


def pixel_hashes(images: NDArray[np.uint8]) -> list[bytes]:
    """Return the SHA-256 of each image's pixels, images of shape (n, h, w, 3), uint8."""
    return [hashlib.sha256(image.tobytes()).digest() for image in images]


def _edges(length: int, cells: int) -> NDArray[np.intp]:
    return (np.arange(cells) * length) // cells


def _cell_sums(planes: NDArray[np.integer], rows: int, columns: int) -> NDArray[np.int64]:
    """Sum (n, h, w) integers over a grid of rows × columns cells."""
    across = np.add.reduceat(planes, _edges(planes.shape[2], columns), axis=2, dtype=np.int64)
    return np.add.reduceat(across, _edges(planes.shape[1], rows), axis=1)


def luminance(images: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return 1000 times the luma of ITU-R BT.601, shape (n, h, w)."""
    red, green, blue = (images[..., channel].astype(np.uint32) for channel in range(3))
    return 299 * red + 587 * green + 114 * blue


def appearance(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return colour and texture of each image on a 6 × 6 grid, shape (n, 144), integral values 0-127.

    The values are so small that sums of their products stay below 2**24, hence exact in float32 whatever the
    order of summation: BLAS may be used on them.
    """
    grid = (APPEARANCE_SIDE, APPEARANCE_SIDE)
    height, width = images.shape[1:3]
    cells = np.outer(
        np.diff(np.append(_edges(height, grid[0]), height)), np.diff(np.append(_edges(width, grid[1]), width))
    )
    features = np.empty((len(images), 4 * grid[0] * grid[1]), np.float32)
    for start in range(0, len(images), CHUNK):
        block = images[start : start + CHUNK]
        colour = [_cell_sums(block[..., channel], *grid) // (2 * cells) for channel in range(3)]
        green = block[..., 1].astype(np.int16)
        slope = np.zeros(green.shape, np.int16)
        slope[:, :, 1:] += np.abs(np.diff(green, axis=2))
        slope[:, 1:] += np.abs(np.diff(green, axis=1))
        texture = np.minimum(2 * _cell_sums(slope, *grid) // cells, 127)
        features[start : start + CHUNK] = np.stack([*colour, texture], axis=1).reshape(len(block), -1)
    return features


def isolation(features: NDArray[np.float32], neighbour: int = 5) -> NDArray[np.float64]:
    """Return the distance of each row to its `neighbour`-th nearest other row, shape (n,).

    References
    ----------
    S. Ramaswamy, R. Rastogi, K. Shim, "Efficient algorithms for mining outliers from large data sets" (2000).
    """
    neighbour = min(neighbour, len(features) - 1)
    squares = (features * features).sum(axis=1)
    distances = np.empty(len(features), np.float64)
    for start in range(0, len(features), CHUNK):
        block = slice(start, start + CHUNK)
        squared = squares[block, None] + squares[None] - 2 * features[block] @ features.T
        # Position 0 of the ordered distances is the row itself.
        distances[block] = np.partition(squared, neighbour, axis=1)[:, neighbour]
    return np.sqrt(distances)


def is_grey(images: NDArray[np.uint8], rows: NDArray[np.intp]) -> bool:
    """Return whether the three channels of each of these images are equal."""
    blocks = (images[rows[start : start + CHUNK]] for start in range(0, len(rows), CHUNK))
    return all(bool((block == block[..., :1]).all()) for block in blocks)


def contrast(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the standard deviation of the luminance of each image, shape (n,), grey levels 0-255."""
    spread = np.empty(len(images), np.float64)
    pixels = images.shape[1] * images.shape[2]
    for start in range(0, len(images), CHUNK):
        grey = luminance(images[start : start + CHUNK]).reshape(-1, pixels).astype(np.int64)
        scatter = pixels * (grey * grey).sum(axis=1) - grey.sum(axis=1) ** 2
        spread[start : start + CHUNK] = np.sqrt(scatter.astype(np.float64)) / (1000 * pixels)
    return spread
