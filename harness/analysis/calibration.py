"""Whether an entry is right as often as it says: reliability, expected calibration error, log loss, Brier score.

Probabilities have shape (n, classes), float, rows sum to 1.  The label of an image is its most probable class, of
equal ones the first, and its confidence is that class's probability.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.score.card import share_right

BINS = 15
DIGITS = 3  # of losses on hidden images


class Bin(msgspec.Struct, frozen=True):
    """Images of like confidence: how sure the entry was on average, how often it was right, and the 95 % interval.

    `low` and `high` are of the accuracy; all but `n` are 0 to 1.
    """

    n: int
    confidence: float
    accuracy: float
    low: float
    high: float


def reliability(
    probabilities: NDArray, y_true: NDArray[np.int64], *, bins: int = BINS, groups: NDArray[np.intp] | None = None
) -> tuple[Bin, ...]:
    """Return the bins of a reliability diagram, of equally many images give or take one, least confidence first.

    Parameters
    ----------
    probabilities : ndarray of shape (n, classes)
    y_true : ndarray of shape (n,), int64
    bins : int
        With fewer images, as many as there are.
    groups : ndarray of shape (n,), intp, optional
        The group of each image, where they come in groups.

    References
    ----------
    K. Nguyen, B. O'Connor, "Posterior calibration and exploratory analysis for natural language processing models",
    EMNLP 2015.

    Examples
    --------
    >>> sure = np.array([[0.9, 0.1]] * 10)
    >>> [(found.n, found.accuracy) for found in reliability(sure, np.array([0] * 7 + [1] * 3), bins=1)]
    [(10, 0.7)]
    """
    confidence, right = probabilities.max(axis=1).astype(np.float64), probabilities.argmax(axis=1) == y_true
    parts = np.array_split(np.argsort(confidence, kind="stable"), bins)
    return tuple(
        _bin(confidence[rows], right[rows], None if groups is None else groups[rows]) for rows in parts if len(rows)
    )


def _bin(confidence: NDArray[np.float64], right: NDArray[np.bool_], groups: NDArray[np.intp] | None) -> Bin:
    share = share_right(right, groups)
    return Bin(share.n, float(confidence.mean()), share.value, share.low, share.high)


def expected_calibration_error(bins: tuple[Bin, ...]) -> float:
    """Return the mean over images of ``|accuracy - confidence|`` of their bin, 0 to 1.

    Notes
    -----
    Of bins of equal mass, which have a smaller bias than those of equal width.  Even a perfectly calibrated entry
    has one above 0, about sqrt(2 bins p (1 - p) / (pi n)).

    References
    ----------
    R. Roelofs, N. Cain, J. Shlens, M. C. Mozer, "Mitigating bias in calibration error estimation", AISTATS 2022.
    """
    n = sum(found.n for found in bins)
    return sum(found.n * abs(found.accuracy - found.confidence) for found in bins) / n


def log_loss(probabilities: NDArray, y_true: NDArray[np.int64]) -> float:
    """Return the mean of -ln p of the true class, in nats; p is cut off at the smallest step of float64, 2.2e-16.

    Notes
    -----
    As scikit-learn's ``log_loss`` for float64.

    Examples
    --------
    >>> f"{log_loss(np.array([[0.5, 0.5], [0.8, 0.2]]), np.array([0, 1])):.4f}"
    '1.1513'
    """
    true = probabilities[np.arange(len(y_true)), y_true].astype(np.float64)
    eps = np.finfo(np.float64).eps
    return float(-np.log(np.clip(true, eps, 1 - eps)).mean())


def brier_loss(probabilities: NDArray, y_true: NDArray[np.int64]) -> float:
    """Return the mean over images of the squared distance between probabilities and the truth, 0 to 2.

    References
    ----------
    G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78 (1950) 1-3:
    the sum over all classes, twice what is often reported for two classes.

    Examples
    --------
    >>> f"{brier_loss(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 1])):.1f}"
    '1.0'
    """
    truth = np.eye(probabilities.shape[1])[y_true]
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())


class Calibration(msgspec.Struct, frozen=True):
    """Whether an entry is right as often as it says: `bins` of equally many images, and three numbers, 0 the best.

    `ece` is the expected calibration error over these bins; log loss is in nats, and the Brier score 0 to 2.
    """

    bins: tuple[Bin, ...]
    ece: float
    log_loss: float
    brier: float


def calibrate(
    probabilities: NDArray[np.float32],
    y_true: NDArray[np.int64],
    groups: NDArray[np.intp] | None = None,
    *,
    hidden: bool = False,
) -> Calibration:
    """Return how far probabilities of shape (n, classes) may be believed, in bins of equally many images.

    Notes
    -----
    Of hidden images no number is told more finely than to three digits: probabilities can be made up so that the
    digits of an exact log loss spell the labels of single images, and those of a bin's mean confidence the bins.

    References
    ----------
    J. Whitehill, "Climbing the Kaggle leaderboard by exploiting the log-loss oracle", AAAI workshops 2018.
    """
    bins = reliability(probabilities, y_true, groups=groups)
    found = Calibration(
        bins, expected_calibration_error(bins), log_loss(probabilities, y_true), brier_loss(probabilities, y_true)
    )
    if not hidden:
        return found
    return msgspec.structs.replace(
        found,
        ece=round(found.ece, DIGITS),
        log_loss=round(found.log_loss, DIGITS),
        brier=round(found.brier, DIGITS),
    )
