"""Whether an entry is right as often as it says: reliability, expected calibration error, log loss, Brier score.

Probabilities have shape (n, classes), float, rows sum to 1.  The label of a picture is its most probable class, of
equal ones the first, and its confidence is that class's probability.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.score.stats import wilson_interval

Cut = Literal["mass", "width"]


class Bin(msgspec.Struct, frozen=True):
    """Pictures of like confidence: how sure the entry was on average, how often it was right, and the 95 % interval.

    `low` and `high` are of the accuracy; all but `n` are 0 to 1.
    """

    n: int
    confidence: float
    accuracy: float
    low: float
    high: float


def reliability(
    probabilities: NDArray, y_true: NDArray[np.int64], *, bins: int = 15, cut: Cut = "mass"
) -> tuple[Bin, ...]:
    """Return the bins of a reliability diagram, least confidence first, empty ones left out.

    Parameters
    ----------
    probabilities : ndarray of shape (n, classes)
    y_true : ndarray of shape (n,), int64
    bins : int
    cut : {"mass", "width"}
        Bins of equally many pictures, give or take one, or equally wide ones of (0, 1], each with its upper end.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017, whose bins are
    of equal width; K. Nguyen, B. O'Connor, "Posterior calibration and exploratory analysis for natural language
    processing models", EMNLP 2015, for those of equal mass.

    Examples
    --------
    >>> sure = np.array([[0.9, 0.1]] * 10)
    >>> [(found.n, found.accuracy) for found in reliability(sure, np.array([0] * 7 + [1] * 3), cut="width")]
    [(10, 0.7)]
    """
    confidence, right = confidence_and_right(probabilities, y_true)
    order = np.argsort(confidence, kind="stable")
    if cut == "mass":
        parts = np.array_split(order, bins)
    else:
        number = np.clip(np.ceil(confidence[order] * bins).astype(int) - 1, 0, bins - 1)
        parts = np.split(order, np.searchsorted(number, np.arange(1, bins)))
    return tuple(_bin(confidence[rows], right[rows]) for rows in parts if len(rows))


def _bin(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> Bin:
    hits, n = int(right.sum()), len(right)
    return Bin(n, float(confidence.mean()), hits / n, *wilson_interval(hits, n))


def expected_calibration_error(bins: tuple[Bin, ...]) -> float:
    """Return the mean over pictures of |accuracy - confidence| of their bin, 0 to 1.

    Notes
    -----
    It depends on the cut, so say which: bins of equal mass have the smaller bias.  Even a perfectly calibrated entry
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
    """Return the mean over pictures of the squared distance between probabilities and the truth, 0 to 2.

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


def confidence_and_right(
    probabilities: NDArray, y_true: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the confidence of each picture and whether its label is right, both of shape (n,)."""
    return probabilities.max(axis=1).astype(np.float64), probabilities.argmax(axis=1) == y_true
