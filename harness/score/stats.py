"""Intervals: how far a score on n pictures may be from the score on all pictures of that kind."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from harness.score.metrics import Metric

Z_95 = 1.959963984540054  # the 97.5 % point of the standard normal distribution


def wilson_interval(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share, 0 to 1.

    Parameters
    ----------
    hits, n : int
        Successes and trials, 0 <= hits <= n, n > 0.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927) 209-212.

    Examples
    --------
    >>> low, high = wilson_interval(90, 100)
    >>> f"{low:.4f} {high:.4f}"
    '0.8256 0.9448'
    """
    share, z2 = hits / n, Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def bootstrap_interval(
    confusion: NDArray[np.int64], metric: Metric, rng: np.random.Generator, *, draws: int = 2000
) -> tuple[float, float]:
    """Return the 95 % percentile interval of `metric` by the stratified bootstrap.

    Pictures are drawn anew within each true class.  A metric sees them through the confusion matrix alone, so each
    row of it is drawn from a multinomial distribution: the same as drawing pictures, and as fast for any n.

    Parameters
    ----------
    confusion : ndarray of shape (classes, classes), int64
    metric : callable
        Of `harness.score.metrics`.
    rng : numpy.random.Generator
    draws : int

    References
    ----------
    B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 8 and 13.
    """
    resampled = np.zeros((draws, *confusion.shape), np.int64)
    for true, row in enumerate(confusion):
        if n := int(row.sum()):
            resampled[:, true] = rng.multinomial(n, row / n, size=draws)
    low, high = np.quantile(metric(resampled), [0.025, 0.975])
    return float(low), float(high)


def paired_interval(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return how much more often `one` is right than `other` on the same pictures, with its 95 % interval; -1 to 1.

    Parameters
    ----------
    one, other : ndarray of shape (n,), bool
        Whether each picture's label was right, the pictures in one order.

    References
    ----------
    Tango's and Newcombe's intervals are better below 50 pictures; this is Wald's with Agresti and Min's half a picture
    added to each cell: "Simple improved confidence intervals for comparing matched proportions", Statistics in
    Medicine 24 (2005) 729-740.

    Examples
    --------
    >>> one, other = np.array([True] * 90 + [False] * 10), np.array([True] * 80 + [False] * 20)
    >>> "{:.3f} {:.3f} {:.3f}".format(*paired_interval(one, other))
    '0.100 0.037 0.159'
    """
    gained, lost = int((one & ~other).sum()), int((other & ~one).sum())
    n = len(one) + 2  # half a picture in each of the four cells
    b, c = gained + 0.5, lost + 0.5
    half = Z_95 * sqrt(b + c - (b - c) ** 2 / n) / n
    centre = (b - c) / n
    return (gained - lost) / len(one), max(-1.0, centre - half), min(1.0, centre + half)
