"""Find the images that may be near duplicates, without comparing each with each.

A signature hardly changes where an image is turned, mirrored, moved, zoomed or put into other light: magnitudes of low
frequencies in brightness and colour.  The nearest signatures are found cell by cell (inverted file), so that time
grows as n to the power 1.5.  Zooms are met by queries of the middle of each image.

All sums are of whole numbers small enough to be exact in floating point: they depend neither on the processor nor on
how a library orders them.

References
----------
J. Sivic, A. Zisserman, "Video Google: A text retrieval approach to object matching in videos" (2003).
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.float64, np.int64)

CHUNK = 32  # images at once: what is derived from them stays in the processor's cache
BLOCK = 1024  # signatures at once
CELLS = 24  # side of the grid
ZOOMS = (100, 95, 90)  # percent of the side of a query that are compared with whole images
HIGHEST = 4  # frequency, periods in a side
NEAREST = 8  # candidates of a query; more where there are few images
FEW = 4000  # candidates of all queries together that cost nothing
PROBES = 24  # cells that a query looks into
FAR = 2.0**52
WIDEST = 400  # distance of a candidate; of changed copies of real cells 98 % are nearer than 260


def _weights(side: int, cells: int, percent: int) -> NDArray[np.float64]:
    """Return how much of each pixel lies in each cell of the middle `percent` of a side, whole (cells, side)."""
    start, step, pixel = side * (100 - percent) * cells, 2 * side * percent, 200 * cells
    unit = math.gcd(start, step, pixel)
    edges = (start + step * np.arange(cells + 1)) // unit
    pixels = pixel // unit * np.arange(side + 1)
    overlap = np.minimum(edges[1:, None], pixels[None, 1:]) - np.maximum(edges[:-1, None], pixels[None, :-1])
    return np.maximum(overlap, 0).astype(np.float64)


def reduced(images: NDArray[np.uint8], cells: int, percent: int = 100) -> NDArray[np.float64]:
    """Return the middle of images as cells × cells means, 16 times grey levels, whole numbers (n, cells, cells, 3)."""
    n, height, width = images.shape[:3]
    down, across = _weights(height, cells, percent), _weights(width, cells, percent)
    area = int(down[0].sum() * across[0].sum())
    kind = np.float32 if 255 * area < 2**24 else np.float64  # sums are exact in it
    down, across = down.astype(kind), across.astype(kind)
    out = np.empty((n, cells, cells, 3))
    for start in range(0, n, CHUNK):
        block = images[start : start + CHUNK].astype(kind)
        rows = np.matmul(down, block.reshape(len(block), height, -1)).reshape(len(block), cells, width, 3)
        out[start : start + CHUNK] = np.floor(np.matmul(across, rows).astype(np.float64) * 16 / area)
    return out


def box(planes: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    """Return sums over windows of (2 radius + 1)² cells of (n, rows, columns, channels); edges are repeated."""
    for axis in (1, 2):
        lines = planes.swapaxes(1, axis)
        size = lines.shape[1]
        padded = lines[:, np.clip(np.arange(-radius, size + radius), 0, size - 1)]
        total = padded[:, :size].copy()
        for step in range(1, 2 * radius + 1):
            total += padded[:, step : step + size]
        planes = total.swapaxes(1, axis)
    return planes


def turned(planes: NDArray[Number], turn: int) -> NDArray[Number]:
    """Turn and mirror (n, side, side, channels) as `harness.freeze.near.NearPair` says."""
    return np.rot90(planes[:, :, ::-1] if turn >= 4 else planes, turn % 4, axes=(1, 2))


_PLACES = (np.arange(CELLS) + 0.5) / CELLS
_WINDOW = np.rint(64 * np.sin(np.pi * _PLACES))  # what a moved copy has lost at its border hardly counts
_PLANE = np.outer(_WINDOW, _WINDOW)
_WAVES = np.array(
    [
        np.rint(64 * np.sin(np.pi * _PLACES) * wave(2 * np.pi * k * (_PLACES - 0.5)))
        for k in range(HIGHEST + 1)
        for wave in (np.cos, np.sin)
    ]
)


def signature(grids: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return what an image and its changed copies have nearly in common, whole numbers of shape (n, 48), -511 to 511.

    Of brightness, red − blue and green − magenta, in units of the standard deviation: the mean, the spread, and the
    magnitude of each frequency up to 4 × 4, summed over turns and mirrors, which make it the same to the bit.  A
    frequency counts by its height, since high ones are small; colour counts more than twice.

    Parameters
    ----------
    grids : ndarray of shape (n, 24, 24, 3)
        From `reduced`.
    """
    whole = 3 * _PLANE.sum()
    out = []
    for start in range(0, len(grids), CHUNK):
        block = grids[start : start + CHUNK]
        block = block - np.rint((block.sum(axis=3) * _PLANE).sum(axis=(1, 2)) / whole)[:, None, None, None]
        spread = np.sqrt(((block * block).sum(axis=3) * _PLANE).sum(axis=(1, 2)) / whole)
        block = np.rint(block * (32 / np.maximum(spread, 16))[:, None, None, None])
        red, green, blue = (block[..., channel] for channel in range(3))
        features = []
        for plane, scale in ((red + green + blue, 1.0), (red - blue, 2.5), (2 * green - red - blue, 2.0)):
            waves = (_WAVES @ plane @ _WAVES.T).reshape(len(plane), HIGHEST + 1, 2, HIGHEST + 1, 2)
            cos_cos, cos_sin, sin_cos, sin_sin = (waves[:, :, i, :, j] for i in (0, 1) for j in (0, 1))
            power = (cos_cos - sin_sin) ** 2 + (cos_sin + sin_cos) ** 2
            power += (cos_cos + sin_sin) ** 2 + (cos_sin - sin_cos) ** 2
            power += power.transpose(0, 2, 1)
            features.append(scale * cos_cos[:, 0, 0])
            features += [
                scale * (1 + u + v) * np.sqrt(power[:, u, v]) / 2
                for u in range(HIGHEST + 1)
                for v in range(u + 1)
                if u + v
            ]
            features.append(2 * scale * np.sqrt((plane * plane * _PLANE).sum(axis=(1, 2)) * _PLANE.sum()))
        out.append(np.clip(np.rint(np.stack(features, axis=1) * (4 / _PLANE.sum())), -511, 511))
    return np.concatenate(out).astype(np.float32)


def _squared(rows: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the squared distances of whole numbers, exact: sums of 48 products below 2**19 fit in float32."""
    products = (rows @ others.T).astype(np.float64)
    lengths = [(part.astype(np.float64) ** 2).sum(axis=1) for part in (rows, others)]
    return lengths[0][:, None] + lengths[1][None] - 2 * products


def _smallest(keys: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    return np.partition(keys, count - 1, axis=1)[:, :count] if keys.shape[1] > count else keys


def nearest(queries: NDArray[np.float32], points: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return pairs (query, point) of near signatures, shape (m, 2): the nearest of each query, none beyond WIDEST.

    Query i is of image i, which is no candidate of itself.  The points are dealt to cells around √n of them; a query
    looks into the PROBES cells nearest to it.
    """
    n = len(points)
    pivots = points[:: max(1, math.isqrt(n))]
    probes = min(PROBES, len(pivots))
    most = max(NEAREST, FEW // n)
    home = np.empty(n, np.int64)
    looks: list[NDArray[np.int64]] = []
    places = np.arange(len(pivots))
    for start in range(0, max(n, len(queries)), BLOCK):
        part = slice(start, start + BLOCK)
        home[part] = _squared(points[part], pivots).argmin(axis=1)
        # Distance and place in one number: no two are equal, so that no sort has a choice.
        keys = _squared(queries[part], pivots) * len(pivots) + places
        looks.append(_smallest(keys, probes).astype(np.int64) % len(pivots))
    look = np.concatenate(looks)
    best = np.full((len(queries), probes * most), FAR)
    by_home, by_look = np.argsort(home, kind="stable"), np.argsort(look, axis=None, kind="stable")
    homes, cells = home[by_home], look.ravel()[by_look]
    for cell in range(len(pivots)):
        members = by_home[slice(*np.searchsorted(homes, [cell, cell + 1]))]
        asking = by_look[slice(*np.searchsorted(cells, [cell, cell + 1]))]
        for start in range(0, len(asking) if len(members) else 0, BLOCK):
            rows, probe = np.divmod(asking[start : start + BLOCK], probes)
            keys = _squared(queries[rows], points[members])
            keys = _smallest(np.where(keys <= WIDEST**2, keys * n + members, FAR), most + 1)
            keys[keys % n == rows[:, None]] = FAR  # itself
            keys = _smallest(np.sort(keys, axis=1), most)
            places_of = probe[:, None] * most + np.arange(keys.shape[1])
            best[rows[:, None], places_of] = keys
    keys = np.sort(best, axis=1)[:, :most]
    rows, columns = np.nonzero(keys < FAR)
    return np.stack([rows, (keys[rows, columns] % n).astype(np.int64)], axis=1)


def candidates(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return (zoomed row, zoom, whole row) of pairs that may be near duplicates, shape (m, 3).

    Its second column is a position in ZOOMS.
    """
    points = signature(reduced(images, CELLS))
    found = []
    for place, percent in enumerate(ZOOMS):
        queries = points if percent == 100 else signature(reduced(images, CELLS, percent))
        pairs = nearest(queries, points)
        found.append(np.insert(pairs, 1, place, axis=1))
    return np.concatenate(found)
