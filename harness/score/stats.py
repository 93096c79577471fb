"""Intervals: how far a score on n images may be from the score on all images of that kind."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from harness.score.metrics import METRICS, SLOPES

Z_95 = 1.959963984540054  # the 97.5 % point of the standard normal distribution

# Of `metric_interval`.
SPARE = 0.5
SEEN = 0.2
REACH = 9.0  # tilts reach to sinh 9, some 4,000: beyond what double precision tells apart from the end
HALVINGS = 28


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


def metric_interval(confusion: NDArray[np.int64], name: str) -> tuple[float, float]:
    """Return the 95 % interval of a metric of classes: Wilson's, carried over to any smooth function of a table.

    It is for the metric of the population at these numbers of images a class: images are thought of as drawn anew
    within each true class.

    Parameters
    ----------
    confusion : ndarray of shape (classes, classes), int64
    name : str
        Of `harness.score.metrics.METRICS`.

    Returns
    -------
    tuple of float
        Limits, 0 to 1, with the metric of `confusion` between them.

    Notes
    -----
    Wilson's limits of a share are the populations at which the share seen lies 1.96 standard errors away, the error
    taken there.  Many populations share one value of a metric.  Those looked at are the ones nearest to what was seen:
    each row of the table tilted by exp(t slope), the least favourable family, in which the metric is as hard to
    estimate as in all populations.

    Three numbers were chosen by simulation (``python -m tests.analysis.coverage``).  `SPARE` images a class, spread
    over the classes that occur, leave room for answers that were possible and not seen.  A fifth of the variance is
    that of what was seen, where that is more: this moves a limit near the end to where Brown, Cai and DasGupta put
    Wilson's.  n / (n - 1) makes the variance of a class unbiased.

    A constant entry, and a perfect one, has an interval too: of answers that it may give and did not.  What is measured
    comes in steps.  Where fewer than some five images differ from such an entry's, no interval holds 95 % at each
    truth: this one then holds 90 to 100 %.

    References
    ----------
    E. B. Wilson (1927), see `wilson_interval`; T. J. DiCiccio, J. P. Romano, "Nonparametric confidence limits by
    resampling methods and least favorable families", International Statistical Review 58 (1990) 59-76; L. D. Brown,
    T. T. Cai, A. DasGupta, "Interval estimation for a binomial proportion", Statistical Science 16 (2001) 101-133.

    Examples
    --------
    >>> "{:.3f} {:.3f}".format(*metric_interval(np.array([[90, 10], [20, 80]]), "balanced_accuracy"))
    '0.794 0.894'
    """
    metric, slope_of = METRICS[name], SLOPES[name]
    value = float(metric(confusion))
    n = confusion.sum(axis=1, keepdims=True)
    possible = confusion.sum(axis=1) + confusion.sum(axis=0) > 0  # classes that occur or are predicted
    possible |= possible.sum() == 1  # one alone says nothing of mistakes
    share = np.where(possible, confusion + SPARE / possible.sum(), 0.0)
    share /= share.sum(axis=1, keepdims=True)
    slope = np.where(possible, slope_of(n * share), 0.0)
    slope -= slope.sum(axis=1, keepdims=True) / possible.sum() * possible
    slope /= abs(slope).max() or 1.0

    def variance(share: NDArray[np.float64], slope: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return that of the metric, of which `slope` is the gain by one more image in each cell."""
        around = slope - (share * slope).sum(axis=-1, keepdims=True)
        within = (share * around**2).sum(axis=-1)
        return (within * (n * n / np.maximum(n - 1, 1))[:, 0]).sum(axis=-1)

    seen = variance(confusion / np.maximum(n, 1), slope_of(confusion))
    side = np.array([-1.0, 1.0])  # both limits are looked for at once
    near, far = np.full(2, -REACH), np.full(2, REACH)
    limits = np.full(2, value)
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        exponent = (side * np.sinh(middle))[:, None, None] * slope
        exponent -= exponent.max(axis=-1, keepdims=True)
        # Without the bound a cell becomes 0, and its class may drop out of the metric.
        tilted = share * np.exp(np.maximum(exponent, -600))
        tilted /= tilted.sum(axis=-1, keepdims=True)
        expected = n * tilted
        limits, there = metric(expected), variance(tilted, slope_of(expected))
        error = np.sqrt(np.maximum(there, there + SEEN * (seen - there)))
        beyond = side * (limits - value) > Z_95 * error
        near, far = np.where(beyond, near, middle), np.where(beyond, middle, far)
    return max(0.0, min(value, float(limits[0]))), min(1.0, max(value, float(limits[1])))


def effective_number(value: float, low: float, high: float) -> float:
    """Return the number of images on which a share of this value has a Wilson interval as wide as this one.

    Examples
    --------
    >>> round(effective_number(0.9, *wilson_interval(90, 100)), 6)
    100.0
    """
    width2 = min(high - low, 0.999) ** 2
    middle = 4 * value * (1 - value) - 2 * width2
    # With a = z² / n the squared width is a (4 p (1 - p) + a) / (1 + a)²: a quadratic equation in a.
    a = (sqrt(middle**2 + 4 * (1 - width2) * width2) - middle) / (2 * (1 - width2))
    return Z_95**2 / a


def paired_interval(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return how much more often `one` is right than `other` on the same images, with its 95 % interval; -1 to 1.

    Parameters
    ----------
    one, other : ndarray of shape (n,), bool
        Whether each image's label was right, the images in one order.

    References
    ----------
    Tango's and Newcombe's intervals are better below 50 images; this is Wald's with Agresti and Min's half an image
    added to each cell: "Simple improved confidence intervals for comparing matched proportions", Statistics in
    Medicine 24 (2005) 729-740.

    Examples
    --------
    >>> one, other = np.array([True] * 90 + [False] * 10), np.array([True] * 80 + [False] * 20)
    >>> "{:.3f} {:.3f} {:.3f}".format(*paired_interval(one, other))
    '0.100 0.037 0.159'
    """
    gained, lost = int((one & ~other).sum()), int((other & ~one).sum())
    low, high = paired_limits(gained, lost, len(one))
    return (gained - lost) / len(one), float(low), float(high)


def paired_limits(
    gained: NDArray[np.int64] | int, lost: NDArray[np.int64] | int, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the limits of `paired_interval`, for one pair or an array of them.

    Parameters
    ----------
    gained, lost : int or ndarray of one shape
        Of `n` images, those that only the first has right, and those that only the second has.
    """
    b, c, n = gained + 0.5, lost + 0.5, n + 2  # half an image in each of the four cells
    half = Z_95 * np.sqrt(b + c - (b - c) ** 2 / n) / n
    return np.maximum(-1.0, (b - c) / n - half), np.minimum(1.0, (b - c) / n + half)
