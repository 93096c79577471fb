"""Chance as tables: a uniform integer picks a row, so that no logarithm or cosine is taken per pixel."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from functools import lru_cache
from itertools import count

import numpy as np
from numpy.typing import NDArray

NORMAL_DRAWS = 1 << 16
POISSON_DRAWS = 1 << 12
_EXACT = Context(prec=40)  # of our own: a program may have changed the precision of its thread
_INVERSE_ROOT_TWO_PI = Decimal("0.3989422804014326779399460599343818684759")


@lru_cache(maxsize=8)
def normal_quantiles(sigma: Decimal) -> NDArray[np.int16]:
    """Return 65,536 equally likely values of a Gaussian of mean 0 and `sigma`, rounded, ascending.

    Examples
    --------
    >>> values = normal_quantiles(Decimal(10))
    >>> int(values.sum()), int((abs(values) <= 10).sum())
    (0, 46286)
    """
    with localcontext(_EXACT):
        below = []  # how many draws are at most 0, 1, 2, …
        for value in count():
            below.append(round(NORMAL_DRAWS * _normal_cdf((value + Decimal("0.5")) / sigma)))
            if below[-1] == NORMAL_DRAWS:
                break
    ends = [NORMAL_DRAWS - end for end in reversed(below)] + below  # of -n, …, -1, then 0, …, n
    return np.repeat(np.arange(-len(below) + 1, len(below), dtype=np.int16), np.diff(ends))


def _normal_cdf(x: Decimal) -> Decimal:
    """Standard normal distribution function for x ≥ 0, by its series (Abramowitz and Stegun, 26.2.11)."""
    term = total = x
    k = 1
    while term > Decimal("1e-20"):
        k += 2
        term = term * x * x / k
        total += term
    return Decimal("0.5") + _INVERSE_ROOT_TWO_PI * (-x * x / 2).exp() * total


@lru_cache(maxsize=8)
def poisson_levels(photons: int) -> NDArray[np.uint8]:
    """Return grey levels as a sensor counts them that gets `photons` from a white pixel.

    Returns
    -------
    ndarray of shape (256, 4096), uint8
        For each true level, 4,096 equally likely counted ones, ascending, clipped at 255.
    """
    levels = np.empty((256, POISSON_DRAWS), dtype=np.uint8)
    with localcontext(_EXACT):
        for level in range(256):
            mean = Decimal(level * photons) / 255
            chance = below = (-mean).exp()
            ends = [0, round(POISSON_DRAWS * below)]
            for n in count(1):
                if ends[-1] == POISSON_DRAWS:
                    break
                chance = chance * mean / n
                below += chance
                ends.append(round(POISSON_DRAWS * below))
            counted = [min(255, (2 * 255 * n + photons) // (2 * photons)) for n in range(len(ends) - 1)]
            levels[level] = np.repeat(np.array(counted, dtype=np.uint8), np.diff(ends))
    return levels
