"""Comparisons on the same images: two entries, and all pairs of a board without being fooled by their number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.score.metrics import Metric
from harness.score.stats import paired_limits

LEVEL = 0.05  # how often a board of equal entries may call any two of them different
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


def compare_all(right: NDArray[np.bool_]) -> Pairs:
    """Compare all pairs of entries by accuracy: exact McNemar tests under Holm's correction.

    Parameters
    ----------
    right : ndarray of shape (entries, n), bool
        Whether each entry's label of each image was right.

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
    gained = _only_first(right)
    return decide(mcnemar(gained, gained.T), right.sum(axis=1))


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


class Pairwise(msgspec.Struct, frozen=True):
    """What divides two entries, by split, for each pair of `rows` with the first before the second.

    Attributes
    ----------
    rows : tuple of int
        Of the board, best first.
    gained, lost : dict of str to tuple of int
        Images that only the first has right, and those that only the second has.
    low, high : dict of str to tuple of float
        95 % interval of the difference of their accuracies, first - second.
    p : dict of str to tuple of float
        Of the exact McNemar test, two-sided, for the pair alone.
    adjusted : tuple of float
        Holm's p-value over all pairs, on the split that ranks.
    """

    rows: tuple[int, ...]
    gained: dict[str, tuple[int, ...]]
    lost: dict[str, tuple[int, ...]]
    low: dict[str, tuple[float, ...]]
    high: dict[str, tuple[float, ...]]
    p: dict[str, tuple[float, ...]]
    adjusted: tuple[float, ...]


def compare_pairwise(rows: Sequence[int], right: Mapping[str, NDArray[np.bool_]], pairs: Pairs) -> Pairwise:
    """Count, for each two entries, the images that only one of them has right, and say what that shows.

    Only counts leave here: which image of the hidden test an entry has right would tell its label to whoever submits
    entries made to find out.

    Parameters
    ----------
    rows : sequence of int
        Where each entry stands on the board, best first.
    right : mapping of str to ndarray of shape (entries, n), bool
        By split.
    pairs : Pairs
        Of the same entries on the split that ranks.
    """
    one, other = np.triu_indices(len(rows), 1)
    found: dict[str, dict[str, tuple]] = {name: {} for name in ("gained", "lost", "low", "high", "p")}
    for split, hits in right.items():
        only = _only_first(hits)
        gained, lost = only[one, other], only[other, one]
        values = (gained, lost, *paired_limits(gained, lost, hits.shape[1]), mcnemar(gained, lost))
        for of, value in zip(found.values(), values, strict=True):
            of[split] = tuple(value.tolist())
    return Pairwise(tuple(rows), **found, adjusted=tuple(pairs.adjusted[one, other].tolist()))


def _only_first(right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the images that the row has right and the column has not, shape (entries, entries)."""
    hits = right.astype(np.float32)  # exact below 16 million images, and BLAS knows no integers
    return np.rint(hits @ (1 - hits).T).astype(np.int64)
