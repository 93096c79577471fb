"""Images read at other places: shrunk, turned, zoomed, warped; all in integers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from harness.freeze.corruptions.corruption import Pixels

STEP = 256  # places are given in 1/256 pixel


def pixelate(image: Pixels, height: int, width: int) -> Pixels:
    """Shrink `image` to `height` × `width` by area averages, and enlarge it again by nearest neighbours."""
    small = _box_means(_box_sums(image.astype(np.int64), height, axis=0), width, axis=1, area=image.shape)
    return small[_nearest(height, image.shape[0])][:, _nearest(width, image.shape[1])]


def _box_sums(values: NDArray[np.int64], n: int, axis: int) -> NDArray[np.int64]:
    """Sum `values` over `n` equal stretches of `axis`, in units of 1/n pixel; a pixel on a boundary is shared."""
    size = values.shape[axis]
    values = np.moveaxis(values, axis, 0)
    pixel, part = np.divmod(np.arange(n + 1) * size, n)
    before = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
    shared = values[np.minimum(pixel, size - 1)] * part.reshape(-1, *[1] * (values.ndim - 1))
    return np.moveaxis(np.diff(before[pixel] * n + shared, axis=0), 0, axis)


def _box_means(sums: NDArray[np.int64], n: int, axis: int, area: tuple[int, ...]) -> Pixels:
    whole = area[0] * area[1]
    return ((_box_sums(sums, n, axis) + whole // 2) // whole).astype(np.uint8)


def _nearest(n: int, size: int) -> NDArray[np.int64]:
    """Which of `n` pixels lies at the centre of each of `size` pixels."""
    return (2 * np.arange(size) + 1) * n // (2 * size)


def warp(image: Pixels, y: NDArray[np.int32], x: NDArray[np.int32]) -> Pixels:
    """Return `image` read at the places `y`, `x`, bilinearly; beyond its border it is mirrored.

    Parameters
    ----------
    image : ndarray of shape (h, w, 3), uint8
    y, x : ndarray of shape (h, w), int32
        In 1/256 pixel, from -(size - 1) to 2 (size - 1) pixels.
    """
    height, width, channels = image.shape
    # Planes rather than pixels: long rows to work on, and one weight for all of them.
    planes = image.transpose(2, 0, 1).reshape(channels, -1)
    y, x = y.ravel(), x.ravel()
    part_y, part_x = y % STEP, x % STEP
    top, bottom = (_mirrored(y // STEP + step, height) * width for step in (0, 1))
    left, right = (_mirrored(x // STEP + step, width) for step in (0, 1))
    total = np.full(planes.shape, STEP * STEP // 2, dtype=np.int32)
    for row, weight_y in ((top, STEP - part_y), (bottom, part_y)):
        for column, weight_x in ((left, STEP - part_x), (right, part_x)):
            total += planes.take(row + column, axis=1) * (weight_y * weight_x)
    return (total >> 16).astype(np.uint8).reshape(channels, height, width).transpose(1, 2, 0).copy()


def _mirrored(index: NDArray[np.int32], size: int) -> NDArray[np.int32]:
    """Fold `index` into 0 … size - 1 as a mirror at the outermost pixels does."""
    last = size - 1
    return last - abs(last - abs(index))


@lru_cache(maxsize=64)
def rotation(height: int, width: int, p: int, q: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the places that turn an image about its middle by the angle with half-tangent p/q, for `warp`."""
    cos, sin, whole = q * q - p * p, 2 * p * q, q * q + p * p
    y = 2 * np.arange(height, dtype=np.int64)[:, None] - (height - 1)  # from the middle, in half pixels
    x = 2 * np.arange(width, dtype=np.int64)[None, :] - (width - 1)
    half = STEP // 2
    return (
        (half * (y * cos - x * sin) // whole + half * (height - 1)).astype(np.int32),
        (half * (x * cos + y * sin) // whole + half * (width - 1)).astype(np.int32),
    )


@lru_cache(maxsize=16)
def _zooms(height: int, width: int, percent: int, steps: int) -> NDArray[np.intp]:
    """Which pixel lies at each place of an image enlarged by 0 to `percent` %, of shape (steps, h·w)."""

    def source(size: int) -> NDArray[np.intp]:
        place = 2 * np.arange(size)[None, :] - (size - 1)
        zoom = 100 * (steps - 1) + percent * np.arange(steps)[:, None]
        return (place * 100 * (steps - 1) + size * zoom) // (2 * zoom)

    return (source(height)[:, :, None] * width + source(width)[:, None, :]).reshape(steps, -1)


def zoom_blur(image: Pixels, percent: int, steps: int) -> Pixels:
    """Return the mean of `steps` images, enlarged about the middle by 0 to `percent` %, by nearest neighbours.

    Neighbouring pixels come from other steps, which smooths as interpolation would, at a quarter of its cost.
    """
    pixels = image.reshape(-1, 3)
    total = np.full(pixels.shape, steps // 2, dtype=np.uint16)
    for places in _zooms(*image.shape[:2], percent, steps):
        total += pixels.take(places, axis=0)
    return (total // steps).astype(np.uint8).reshape(image.shape)


@lru_cache(maxsize=64)
def _spline_basis(size: int, intervals: int) -> NDArray[np.int64]:
    """Uniform cubic B-splines at the centres of `size` pixels, of shape (size, intervals + 3), rows sum to 4096."""
    basis = np.zeros((size, intervals + 3), dtype=np.int64)
    d = 2 * size
    for pixel in range(size):
        knot, a = divmod((2 * pixel + 1) * intervals, d)
        cubes = ((d - a) ** 3, 3 * a**3 - 6 * a * a * d + 4 * d**3, 3 * a * d * (d + a) - 3 * a**3 + d**3, a**3)
        weights = [4096 * cube // (6 * d**3) for cube in cubes]
        weights[1] += 4096 - sum(weights)
        basis[pixel, knot : knot + 4] = weights
    return basis


def smooth_surface(control: NDArray[np.int64], height: int, width: int) -> NDArray[np.int64]:
    """Return the cubic B-spline surface over `control`, of shape (a + 3, b + 3), at `height` × `width` pixels."""
    rows = _spline_basis(height, control.shape[0] - 3)
    columns = _spline_basis(width, control.shape[1] - 3)
    return (rows @ control @ columns.T) >> 24  # integers: NumPy's own loops, exact in any order
