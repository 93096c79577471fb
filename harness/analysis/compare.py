"""Comparisons on the same images: two entries, and all pairs of a board without being fooled by their number."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.score.metrics import METRICS, Metric, confusion_matrix
from harness.score.stats import by_group, metric_gains, student_95

LEVEL = 0.05  # how often a board of equal entries may call any two of them different
PAIRS_AT_ONCE = 4_000_000  # numbers of each of some arrays: 32 MB
AT_ONCE = 32_000_000  # cells of confusion matrices held at once while a board is drawn anew: 128 MB


class Difference(msgspec.Struct, frozen=True):
    """How much more one entry scored than another on the same images, with its 95 % interval, all -1 to 1."""

    value: float
    low: float
    high: float


class Pairs(msgspec.Struct, frozen=True):
    """All pairs of a board's entries, by row and column.

    Attributes
    ----------
    p : ndarray of shape (entries, entries), float64
        Two-sided p-value of each pair by itself; 1 on the diagonal.
    adjusted : ndarray of shape (entries, entries), float64
        The same after Holm's correction over all pairs.
    better : ndarray of shape (entries, entries), bool
        Whether the row is better than the column by more than chance explains, at `LEVEL` over the whole board.
    """

    p: NDArray[np.float64]
    adjusted: NDArray[np.float64]
    better: NDArray[np.bool_]


def mcnemar(gained: NDArray[np.int64] | int, lost: NDArray[np.int64] | int) -> NDArray[np.float64]:
    """Return the two-sided p-value of the exact McNemar test, for one pair or an array of them.

    Parameters
    ----------
    gained, lost : int or ndarray of one shape
        Images that only the first entry had right, and those that only the second had.

    Notes
    -----
    Where both are equally good, each image that divides them falls to either as a coin does.  The p-value is twice
    the binomial tail, at most 1; it is 1 where no image divides them.  The tail is an incomplete beta function, so
    that millions of images cost what ten do.

    References
    ----------
    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12 (1947) 153-157.  The exact form errs on the safe side: M. W. Fagerland, S. Lydersen, P. Laake, "The
    McNemar test for binary matched-pairs data", BMC Medical Research Methodology 13 (2013) 91.

    Examples
    --------
    >>> print(f"{mcnemar(8, 1):.4f}")
    0.0391
    """
    from scipy.special import bdtr

    fewer, either = np.minimum(gained, lost), np.add(gained, lost)
    return np.minimum(1.0, 2 * bdtr(fewer.astype(float), either, 0.5))


def mcnemar_by_group(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the two-sided p-value of McNemar's test for images that come in groups, for one pair or an array of them.

    Parameters
    ----------
    differences : ndarray of shape (..., groups), whole numbers
        Of each group, the images that only the first entry had right less those that only the second had.

    Notes
    -----
    Where both are equally good, the difference of a whole group falls to either as a coin does: the sum of all is
    compared with those after every choice of signs.  With groups of one image this is `mcnemar`, and with many it is
    the test of Yang and others, who leave the sum of squared differences as its variance.  It is exact, and takes no
    group for more than one observation: of 5 groups no p-value is below 0.06.

    The 2 to the number of groups sums need not be listed: their characteristic function is a product of cosines, and
    the share of those below a bound its inverse transform.

    References
    ----------
    Z. Yang, X. Sun, J. W. Hardin, "A note on the tests for clustered matched-pair binary data", Biometrical Journal 52
    (2010) 638-652; A. M. Winkler et al., "Multi-level block permutation", NeuroImage 123 (2015) 253-268, for flipping
    the signs of whole blocks.  Compared with N. A. Obuchowski, "On the comparison of correlated proportions for
    clustered data", Statistics in Medicine 17 (1998) 1495-1507, it needs no large number of groups.

    Examples
    --------
    >>> print(f"{mcnemar_by_group(np.array([1.0] * 8 + [-1.0])):.4f} {mcnemar_by_group(np.array([4.0, 4.0, 1.0])):.4f}")
    0.0391 0.2500
    """
    sums = np.abs(differences.sum(axis=-1)).ravel()
    sizes = np.abs(differences).reshape(len(sums), -1)
    width = int(sizes.sum(axis=1).max(initial=0))
    if not width:
        return np.ones(differences.shape[:-1])
    frequencies = 2 * np.pi * np.arange(width + 1) / (2 * width + 1)  # half of them: it is the same of the others
    kinds = np.arange(1, int(sizes.max()) + 1)
    cosines = np.cos(np.outer(kinds, frequencies))
    p = np.ones(len(sums))
    for rows in np.array_split(np.arange(len(sums)), 1 + len(sums) * width // PAIRS_AT_ONCE):
        many = np.array([(sizes[rows] == kind).sum(axis=1) for kind in kinds], float).T
        products = np.exp(many @ np.log(np.abs(cosines))) * np.where((many @ (cosines < 0)) % 2, -1, 1)
        steps = sums[rows, None] - 0.5
        kernel = np.empty_like(products)
        kernel[:, 0] = 2 * steps[:, 0]
        kernel[:, 1:] = 2 * np.sin(steps * frequencies[1:]) / np.sin(frequencies[1:] / 2)
        p[rows] = 1 - (products * kernel).sum(axis=1) / (2 * width + 1)
    p[sums == 0] = 1
    least = 2.0 ** (1 - (sizes > 0).sum(axis=1))  # of all signs alike; what is below is rounding
    return np.clip(p, np.minimum(least, 1), 1).reshape(differences.shape[:-1])


def clustered_difference(
    y_true: NDArray[np.int64],
    one: NDArray[np.int64],
    other: NDArray[np.int64],
    metric: str,
    n_classes: int,
    groups: NDArray[np.intp],
) -> Difference:
    """Return how much more `one` scores than `other` by a metric of classes, on images that come in `groups`.

    The interval is Student's, with the cluster-robust variance of the linearised difference, as in
    `harness.score.stats.metric_stretch`: the bootstrap of some ten groups is too narrow.

    References
    ----------
    D. A. Binder, "On the variances of asymptotically normal estimators from complex surveys", International Statistical
    Review 51 (1983) 279-292.
    """
    values = [METRICS[metric](confusion_matrix(y_true, said, n_classes)) for said in (one, other)]
    value = float(values[0] - values[1])
    gains = [metric_gains(y_true, said, metric, n_classes) for said in (one, other)]
    sums = by_group(gains[0] - gains[1], groups)
    if len(sums) < 2:
        return Difference(value, -1.0, 1.0)
    half = student_95(len(sums) - 1) * float(np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()))
    return Difference(value, max(-1.0, value - half), min(1.0, value + half))


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values of shape (m,), adjusted so that the chance of any false "different" stays at the level.

    References
    ----------
    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979)
    65-70.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    factors = np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * p[order]))
    return adjusted


def paired_bootstrap(
    y_true: NDArray[np.int64],
    one: NDArray[np.int64],
    other: NDArray[np.int64],
    metric: Metric,
    rng: np.random.Generator,
    *,
    n_classes: int,
    draws: int = 2000,
) -> Difference:
    """Return how much more `one` scores than `other`, with the 95 % percentile interval of the paired bootstrap.

    Parameters
    ----------
    y_true, one, other : ndarray of shape (n,), int64
        True labels, and those of two entries, the images in one order.
    metric : callable
        Of `harness.score.metrics`.
    rng : numpy.random.Generator
    n_classes, draws : int

    Notes
    -----
    Images are drawn anew within each true class, as for `harness.score.stats.metric_interval`.  Both entries see
    the same draw.  All that matters of an image is the pair of labels it got, so each class is one multinomial draw
    over the pairs that occur.  Below some hundred images plain percentiles are too narrow, as few images divide
    two entries: half an image is added to each of the cells both right, one right, other right and none right, as
    `harness.score.stats.paired_interval` does, and one image fewer than a class holds is drawn of it.

    References
    ----------
    B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 8 and 13; A. Agresti, Y. Min, "Simple
    improved confidence intervals for comparing matched proportions", Statistics in Medicine 24 (2005) 729-740, for
    the half image; J. N. K. Rao, C. F. J. Wu, "Resampling inference with complex survey data", JASA 83 (1988)
    231-241, for the image fewer.
    """
    resampled = np.zeros((2, draws, n_classes, n_classes), np.int64)
    observed = np.zeros((2, n_classes, n_classes), np.int64)
    for true in np.unique(y_true):
        of_class = y_true == true
        cells = one[of_class] * n_classes + other[of_class]
        counts = np.bincount(cells, minlength=n_classes**2)
        n, wrong = len(cells), (true + 1) % n_classes  # the next class, so that no class is said more than others
        shares = counts.astype(float)
        shares[np.add.outer(np.array([true, wrong]) * n_classes, [true, wrong])] += 0.5 * n / len(y_true)
        pairs = np.flatnonzero(shares)
        drawn = rng.multinomial(max(1, n - 1), shares[pairs] / shares.sum(), size=draws)
        for entry, said in enumerate(divmod(pairs, n_classes)):
            where = np.eye(n_classes, dtype=np.int64)[said]  # which column of the confusion matrix each pair falls into
            resampled[entry, :, true] = drawn @ where
            observed[entry, true] = counts[pairs] @ where
    scores, values = metric(resampled), metric(observed)
    low, high = np.quantile(scores[0] - scores[1], [0.025, 0.975])
    return Difference(float(values[0] - values[1]), float(low), float(high))


def compare_all(right: NDArray[np.bool_], groups: NDArray[np.intp] | None = None) -> Pairs:
    """Compare all pairs of entries by accuracy: exact McNemar tests under Holm's correction.

    Parameters
    ----------
    right : ndarray of shape (entries, n), bool
        Whether each entry's label of each image was right.
    groups : ndarray of shape (n,), intp, optional
        The group of each image, where they come in groups.

    Notes
    -----
    The counts of all pairs are one product of matrices, so that 100 entries on 2,000 images take a tenth of a
    second.

    Examples
    --------
    >>> right = np.zeros((3, 60), bool)
    >>> right[0], right[1, :40], right[2, :35] = True, True, True
    >>> compare_all(right).better.astype(int).tolist()
    [[0, 1, 1], [0, 0, 0], [0, 0, 0]]
    """
    if groups is None:
        gained = only_first(right)
        return decide(mcnemar(gained, gained.T), right.sum(axis=1))
    one, other = np.triu_indices(len(right), 1)
    hits, p = by_group(right, groups), np.ones((len(right), len(right)))
    p[one, other] = p[other, one] = mcnemar_by_group(hits[one] - hits[other])
    return decide(p, right.sum(axis=1))


def compare_all_clustered(
    y_true: NDArray[np.int64], labels: NDArray[np.int64], metric: str, n_classes: int, groups: NDArray[np.intp]
) -> Pairs:
    """Compare all pairs of entries, labels of shape (entries, n), by a metric of classes, on images in groups.

    Notes
    -----
    As of two entries in `clustered_difference`: what each group adds to each entry's score takes the place of draws,
    whose covariance is that of the scores.
    """
    scores = METRICS[metric](np.array([confusion_matrix(y_true, said, n_classes) for said in labels]))
    added = by_group(np.array([metric_gains(y_true, said, metric, n_classes) for said in labels]), groups)
    n_groups = added.shape[1]
    if n_groups < 2:
        return decide(np.ones((len(labels), len(labels))), scores)
    return compare_all_drawn(scores, np.sqrt(n_groups) * added.T)


def compare_all_drawn(scores: NDArray[np.float64], drawn: NDArray[np.float64]) -> Pairs:
    """Compare all pairs of entries by any metric, from scores drawn together by `draw_scores`.

    Parameters
    ----------
    scores : ndarray of shape (entries,)
        What each entry scored.
    drawn : ndarray of shape (draws, entries)
        Scores of bootstrap draws that all entries share.

    Notes
    -----
    The p-value is Student's, with the bootstrap's standard error of the difference and as many degrees of freedom as
    that is known with: the draws less one.  A share of draws would not do: Holm's correction over the 4,950 pairs of
    100 entries asks for p below 0.00001.
    """
    from scipy.special import stdtr

    covariance = np.atleast_2d(np.cov(drawn, rowvar=False))
    variance = np.diag(covariance)
    error = np.sqrt(np.maximum(variance[:, None] + variance - 2 * covariance, 0))
    difference = np.abs(scores[:, None] - scores)
    sure = error < 1e-9  # entries that agree, or differ, in the same way in every draw
    t = np.divide(difference, error, out=np.where(difference > 1e-9, np.inf, 0.0), where=~sure)
    return decide(2 * stdtr(len(drawn) - 1, -t), scores)


def decide(p: NDArray[np.float64], scores: NDArray) -> Pairs:
    """Say which entries are better than which, from p-values of shape (entries, entries) and scores (entries,)."""
    entries = len(scores)
    pairs = np.triu_indices(entries, 1)
    adjusted = np.ones((entries, entries))
    adjusted[pairs] = holm(p[pairs])
    adjusted = np.minimum(adjusted, adjusted.T)
    return Pairs(p, adjusted, (adjusted <= LEVEL) & (scores[:, None] > scores))


def draw_scores(
    y_true: NDArray[np.int64],
    labels: NDArray[np.int64],
    metric: Metric,
    rng: np.random.Generator,
    *,
    n_classes: int,
    draws: int = 2000,
) -> NDArray[np.float64]:
    """Score every entry on the same bootstrap draws of the images, drawn within each true class.

    Parameters
    ----------
    y_true : ndarray of shape (n,), int64
    labels : ndarray of shape (entries, n), int64
    metric : callable
        Of `harness.score.metrics`.
    rng : numpy.random.Generator
    n_classes, draws : int

    Returns
    -------
    ndarray of shape (draws, entries), float64

    Notes
    -----
    Of each class one image fewer than it holds is drawn, which makes the variance unbiased; see `paired_bootstrap`.
    """
    step = max(1, AT_ONCE // (len(labels) * n_classes**2))
    sizes = [min(step, draws - start) for start in range(0, draws, step)]
    said = list(_by_class(y_true, labels, n_classes))
    scores = []
    for size in sizes:
        confusion = np.zeros((size, len(labels), n_classes, n_classes), np.float32)
        for true, one_hot in said:
            n = len(one_hot)
            taken = rng.integers(n, size=(size, max(1, n - 1))) + n * np.arange(size)[:, None]
            weights = np.bincount(taken.ravel(), minlength=size * n).reshape(size, n).astype(np.float32)
            confusion[:, :, true] = (weights @ one_hot).reshape(size, len(labels), n_classes)
        scores.append(metric(confusion))
    return np.concatenate(scores).astype(np.float64)


def _by_class(
    y_true: NDArray[np.int64], labels: NDArray[np.int64], n_classes: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield each class that occurs, and what entries said of its images as a matrix (n, entries × classes)."""
    for true in np.unique(y_true):
        said = labels[:, y_true == true].T
        yield int(true), np.eye(n_classes, dtype=np.float32)[said].reshape(len(said), -1)


def only_first(right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the images that the row has right and the column has not, shape (entries, entries)."""
    hits = right.astype(np.float32)  # exact below 16 million images, and BLAS knows no integers
    return np.rint(hits @ (1 - hits).T).astype(np.int64)
