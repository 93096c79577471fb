"""Blur kernels as integers, and the blur itself."""

from __future__ import annotations

from collections import defaultdict
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.freeze.corruptions.corruption import Pixels, scaled

UNIT = 1 << 16  # what the weights of a kernel sum to: 255 times it fits 32 bits with room to spare
SUBSAMPLES = 16  # along each side of a pixel, where a disk covers it in part

# A weight with all the offsets (down, right) that share it: they are added first and multiplied once.
Kernel: TypeAlias = tuple[tuple[int, tuple[tuple[int, int], ...]], ...]


@lru_cache(maxsize=256)
def disk_cover(radius: Fraction) -> NDArray[np.int32]:
    """Return how much of each pixel a disk around the middle one covers, of shape (odd, odd), int32, 0 to 256.

    Examples
    --------
    >>> disk_cover(Fraction(1))
    array([[ 21, 118,  21],
           [118, 256, 118],
           [ 21, 118,  21]], dtype=int32)
    """
    side = 2 * ceil(radius - Fraction(1, 2)) + 1
    n = side * SUBSAMPLES
    place = 2 * np.arange(n, dtype=np.int64) + 1 - n  # of the subsamples, in 1/32 pixel from the middle
    inside = place[:, None] ** 2 + place[None, :] ** 2 <= floor((2 * SUBSAMPLES * radius) ** 2)
    return inside.reshape(side, SUBSAMPLES, side, SUBSAMPLES).sum(axis=(1, 3), dtype=np.int32)


@lru_cache(maxsize=64)
def disk(radius: Fraction) -> Kernel:
    """Return the kernel of a lens out of focus: a disk, smooth at its edge, `radius` in pixels."""
    cover = disk_cover(radius)
    middle = len(cover) // 2
    return _kernel({(y - middle, x - middle): Fraction(int(cover[y, x])) for y, x in np.ndindex(cover.shape)})


@lru_cache(maxsize=512)
def streak(radius: int, sigma: int, slope: Fraction, height: int) -> Kernel:
    """Return the kernel of a motion: a one-sided Gaussian along a line.

    Parameters
    ----------
    radius, sigma : int
        As ImageMagick takes them, for images 224 high: 2 `radius` + 1 taps one pixel apart, weighted by a Gaussian.
    slope : Fraction
        Tangent of half the line's angle to the horizontal, which gives its sine and cosine as fractions.
    height : int, pixels
        Of the image.  The taps move together as it shrinks; each is shared by the four pixels around it.
    """
    cos, sin = (1 - slope**2) / (1 + slope**2), 2 * slope / (1 + slope**2)
    shares: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
    for tap in range(2 * radius + 1):
        with localcontext(Context(prec=30)):
            weight = Fraction(int((Decimal(-tap * tap) / Decimal(2 * sigma * sigma)).exp() * 10**12))
        down, right = scaled(tap, height) * sin, scaled(tap, height) * cos
        top, left = floor(down), floor(right)
        for y, share_y in ((top, top + 1 - down), (top + 1, down - top)):
            for x, share_x in ((left, left + 1 - right), (left + 1, right - left)):
                shares[y, x] += weight * share_y * share_x
    return _kernel(shares)


def _kernel(shares: dict[tuple[int, int], Fraction]) -> Kernel:
    """Scale `shares` to whole weights that sum to `UNIT`; the middle takes what rounding leaves over."""
    whole = sum(shares.values())
    weights = {offset: round(share * UNIT / whole) for offset, share in shares.items()}
    weights[0, 0] += UNIT - sum(weights.values())
    alike: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for offset, weight in weights.items():
        if weight:
            alike[weight].append(offset)
    return tuple((weight, tuple(offsets)) for weight, offsets in alike.items())


def blur(image: Pixels, kernel: Kernel) -> Pixels:
    """Return `image` correlated with `kernel`; beyond its border it is mirrored."""
    height, width, channels = image.shape
    reach = max(max(abs(y), abs(x)) for _, offsets in kernel for y, x in offsets)
    padded = np.pad(image, ((reach, reach), (reach, reach), (0, 0)), mode="reflect").astype(np.int32)
    rows = padded.reshape(height + 2 * reach, -1)  # long rows: NumPy is slow over a last axis of 3

    def shifted(offset: tuple[int, int]) -> NDArray[np.int32]:
        y, x = offset[0] + reach, channels * (offset[1] + reach)
        return rows[y : y + height, x : x + channels * width]

    total = np.full((height, channels * width), UNIT // 2, dtype=np.int32)
    term = np.empty_like(total)
    for weight, offsets in kernel:
        np.copyto(term, shifted(offsets[0]))
        for offset in offsets[1:]:
            term += shifted(offset)
        term *= weight
        total += term
    return (total >> 16).astype(np.uint8).reshape(image.shape)
