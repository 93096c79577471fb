"""Intervals: how far a score on n images may be from the score on all images of that kind."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from harness.score.metrics import METRICS, SLOPES, confusion_matrix

Z_95 = 1.959963984540054  # the 97.5 % point of the standard normal distribution

# Of `metric_interval`.
SPARE = 0.5
SEEN = 0.2
REACH = 9.0  # tilts reach to sinh 9, some 4,000: beyond what double precision tells apart from the end
HALVINGS = 28

# Of `stretch_of`.
NARROWEST = 0.25
WIDE = 0.4
MANY_GROUPS = 12


def wilson_interval(hits: int, n: int, stretch: float = 1.0) -> tuple[float, float]:
    """Return the 95 % score interval of a share, 0 to 1.

    Parameters
    ----------
    hits, n : int
        Successes and trials, 0 <= hits <= n, n > 0.
    stretch : float
        Of `stretch_of`, where images come in groups.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927) 209-212.

    Examples
    --------
    >>> low, high = wilson_interval(90, 100)
    >>> f"{low:.4f} {high:.4f}"
    '0.8256 0.9448'
    """
    if stretch == inf:
        return 0.0, 1.0
    share, z2 = hits / n, (stretch * Z_95) ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = sqrt(z2) / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def metric_interval(confusion: NDArray[np.int64], name: str, stretch: float = 1.0) -> tuple[float, float]:
    """Return the 95 % interval of a metric of classes: Wilson's, carried over to any smooth function of a table.

    It is for the metric of the population at these numbers of images a class: images are thought of as drawn anew
    within each true class.

    Parameters
    ----------
    confusion : ndarray of shape (classes, classes), int64
    name : str
        Of `harness.score.metrics.METRICS`.
    stretch : float
        Of `metric_stretch`, where images come in groups.

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
        beyond = side * (limits - value) > stretch * Z_95 * error
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


def stretch_of(
    between: NDArray | float,
    within: NDArray | float,
    events: NDArray | float,
    events_squared: NDArray | float,
    sizes: NDArray,
) -> NDArray[np.float64]:
    """Return by what to multiply 1.96 standard errors of independent images where these come in groups; at least 1/2.

    Everything but `sizes` may be an array, of as many estimates.

    Parameters
    ----------
    between, within : float
        Of what each image adds to an estimate, less the mean of that: the sum over groups of the squared sum over the
        images of a group, and the sum over images of its square.
    events, events_squared : float
        The sum over groups, and the sum of squares, of the number of images with the rarer outcome: those that are
        missed, or those that only one of two entries has right.
    sizes : ndarray of shape (groups,)
        Images of each group.  With one group nothing is known of how groups differ: infinite.

    Notes
    -----
    The design effect, by how much groups raise the variance, is the cluster-robust variance over that of independent
    images; Student's t with one degree of freedom fewer than groups takes the place of 1.96.  An interval of n images
    at a design effect of d is that of n / d images, the effective sample size.

    Where few groups hold the rare outcome, what they show of the design effect is little, and mostly too low.  As these
    are effectively fewer than `MANY_GROUPS`, and than half of the groups, it is drawn towards `WIDE` times its largest
    value: the size of the group that an image is in, on average.  This and `NARROWEST`, below which a design effect is
    chance, were chosen by simulation (``python -m tests.analysis.coverage``).

    References
    ----------
    E. L. Korn, B. I. Graubard, "Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data", Survey Methodology 24 (1998) 193-201, for the effective sample size and the degrees of
    freedom, there with Clopper and Pearson's interval; N. Dean, M. Pagano, "Evaluating confidence interval methods for
    binomial proportions in clustered surveys", Journal of Survey Statistics and Methodology 3 (2015) 484-503, who find
    Wilson's with them the best.  Unlike theirs, a design effect may be below 1.
    """
    groups = len(sizes)
    if groups < 2:
        return np.full(np.shape(within), inf)
    within, events_squared = np.asarray(within, float), np.asarray(events_squared, float)
    known = within > 1e-12
    effect = np.where(known, groups / (groups - 1) * between / np.where(known, within, 1), 1.0)
    holders = np.asarray(events, float) ** 2 / np.maximum(events_squared, 1)
    trust = np.minimum(1.0, holders / min(MANY_GROUPS, groups / 2))
    largest = (sizes.astype(float) ** 2).sum() / sizes.sum()
    effect = trust * effect + (1 - trust) * np.maximum(effect, WIDE * largest)
    return np.sqrt(np.maximum(effect, NARROWEST)) * (student_95(groups - 1) / Z_95)


def student_95(freedom: int) -> float:
    """Return the 97.5 % point of Student's distribution.

    References
    ----------
    M. Abramowitz, I. A. Stegun, "Handbook of Mathematical Functions" (1964), 26.7.5; below five degrees of freedom,
    where the series is too far off, from their table 26.10.

    Examples
    --------
    >>> [round(student_95(freedom), 3) for freedom in (1, 10, 30)]
    [12.706, 2.228, 2.042]
    """
    if freedom < 5:
        return (12.706204736, 4.302652730, 3.182446305, 2.776445105)[freedom - 1]
    z, x = Z_95, 1 / freedom
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term * x**power for power, term in enumerate(terms, start=1))


def by_group(values: NDArray, groups: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the sums over the images of each group that occurs, shape (..., groups), of values of shape (..., n)."""
    numbers = np.unique(groups, return_inverse=True)[1]
    n_groups = numbers.max(initial=-1) + 1
    rows = values.reshape(-1, len(groups)).astype(np.float64)
    sums = np.array([np.bincount(numbers, row, n_groups) for row in rows])
    return sums.reshape(*values.shape[:-1], n_groups)


def share_stretch(right: NDArray[np.bool_], groups: NDArray[np.intp] | None) -> float:
    """Return the `stretch_of` a share of images, shape (n,), of these groups; 1 without groups."""
    if groups is None:
        return 1.0
    sizes, hits, share = by_group(np.ones(len(right)), groups), by_group(right, groups), right.mean()
    rarer = hits if share < 0.5 else sizes - hits
    between, within = ((hits - share * sizes) ** 2).sum(), len(right) * share * (1 - share)
    return float(stretch_of(between, within, rarer.sum(), (rarer**2).sum(), sizes))


def metric_stretch(
    y_true: NDArray[np.int64], y_pred: NDArray[np.int64], name: str, n_classes: int, groups: NDArray[np.intp] | None
) -> float:
    """Return the `stretch_of` a metric of classes; 1 without groups.

    An image adds to the metric the slope at its cell of the confusion matrix, less the mean of its true class, as in
    `metric_interval`.
    """
    if groups is None:
        return 1.0
    gains = metric_gains(y_true, y_pred, name, n_classes)
    missed = by_group(y_true != y_pred, groups)
    sizes = by_group(np.ones(len(y_true)), groups)
    rarer = missed if missed.sum() < sizes.sum() / 2 else sizes - missed
    between, within = (by_group(gains, groups) ** 2).sum(), (gains**2).sum()
    return float(stretch_of(between, within, rarer.sum(), (rarer**2).sum(), sizes))


def metric_gains(
    y_true: NDArray[np.int64], y_pred: NDArray[np.int64], name: str, n_classes: int
) -> NDArray[np.float64]:
    """Return what each image adds to a metric, shape (n,), less the mean of its true class: they sum to 0."""
    confusion = confusion_matrix(y_true, y_pred, n_classes)
    slope = SLOPES[name](confusion) if name in SLOPES else np.eye(n_classes) / len(y_true)
    mean = (confusion * slope).sum(axis=1) / np.maximum(confusion.sum(axis=1), 1)
    if name not in SLOPES:  # of a plain share classes are not held
        mean = np.full(n_classes, (confusion * slope).sum() / len(y_true))
    return slope[y_true, y_pred] - mean[y_true]


def paired_stretch(one: NDArray[np.bool_], other: NDArray[np.bool_], groups: NDArray[np.intp] | None) -> float:
    """Return the `stretch_of` the difference of two shares of the same images, shape (n,); 1 without groups."""
    if groups is None:
        return 1.0
    difference = one.astype(float) - other
    centred = difference - difference.mean()
    divided, sizes = by_group(one != other, groups), by_group(np.ones(len(one)), groups)
    between = (by_group(centred, groups) ** 2).sum()
    return float(stretch_of(between, (centred**2).sum(), divided.sum(), (divided**2).sum(), sizes))


def paired_interval(
    one: NDArray[np.bool_], other: NDArray[np.bool_], groups: NDArray[np.intp] | None = None
) -> tuple[float, float, float]:
    """Return how much more often `one` is right than `other` on the same images, with its 95 % interval; -1 to 1.

    Parameters
    ----------
    one, other : ndarray of shape (n,), bool
        Whether each image's label was right, the images in one order.
    groups : ndarray of shape (n,), intp, optional
        The group of each image, where they come in groups.

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
    low, high = paired_limits(gained, lost, len(one), paired_stretch(one, other, groups))
    return (gained - lost) / len(one), float(low), float(high)


def paired_limits(
    gained: NDArray[np.int64] | int, lost: NDArray[np.int64] | int, n: int, stretch: NDArray[np.float64] | float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the limits of `paired_interval`, for one pair or an array of them.

    Parameters
    ----------
    gained, lost : int or ndarray of one shape
        Of `n` images, those that only the first has right, and those that only the second has.
    stretch : float or ndarray of that shape
        Of `paired_stretch`.
    """
    b, c, n = gained + 0.5, lost + 0.5, n + 2  # half an image in each of the four cells
    half = stretch * Z_95 * np.sqrt(b + c - (b - c) ** 2 / n) / n
    return np.maximum(-1.0, (b - c) / n - half), np.minimum(1.0, (b - c) / n + half)
