"""The metrics, as functions of confusion matrices.

A confusion matrix has shape (..., classes, classes), rows are true classes and columns predicted ones.  The leading
axes are free, so that a metric of 2,000 resampled matrices is one call.  Every metric here lies between 0 and 1 and is
better when larger; the first line of its docstring is what exported pages say of it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Metric = Callable[[NDArray], NDArray[np.float64]]
DECIMALS = 10  # of a score on record, as Codabench keeps it: scores that are equal here are equal there


def confusion_matrix(y_true: NDArray[np.int64], y_pred: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Count pairs of true and predicted class, both of shape (n,), values 0 to n_classes - 1.

    Examples
    --------
    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    return np.bincount(y_true * n_classes + y_pred, minlength=n_classes**2).reshape(n_classes, n_classes)


def accuracy(confusion: NDArray) -> NDArray[np.float64]:
    """Share of images whose label is right."""
    return np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum(axis=(-2, -1))


def recall(confusion: NDArray) -> NDArray[np.float64]:
    """Share found of each class, shape (..., classes); nan where a class has no image."""
    true = confusion.sum(axis=-1)
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return np.divide(hits, true, out=np.full(true.shape, np.nan), where=true > 0)


def balanced_accuracy(confusion: NDArray) -> NDArray[np.float64]:
    """Mean over classes of the share found.

    Notes
    -----
    As scikit-learn's ``balanced_accuracy_score`` with ``adjusted=False``: of the classes that occur.
    """
    return np.nanmean(recall(confusion), axis=-1)


def macro_f1(confusion: NDArray) -> NDArray[np.float64]:
    """Mean over classes of F1 = 2 hits / (true + predicted).

    Notes
    -----
    As scikit-learn's ``f1_score`` with ``average="macro"``: a class that is neither true nor predicted is left out,
    one that is true but never predicted counts 0.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    either = confusion.sum(axis=-1) + confusion.sum(axis=-2)
    return np.nanmean(np.divide(2 * hits, either, out=np.full(either.shape, np.nan), where=either > 0), axis=-1)


def balanced_accuracy_slope(confusion: NDArray) -> NDArray[np.float64]:
    """How much balanced accuracy gains by one more image in each cell, the numbers of a class held."""
    true = confusion.sum(axis=-1, keepdims=True)
    gain = np.divide(1.0, true, out=np.zeros(true.shape), where=true > 0)
    return np.eye(confusion.shape[-1]) * gain / (true > 0).sum(axis=-2, keepdims=True)


def macro_f1_slope(confusion: NDArray) -> NDArray[np.float64]:
    """How much macro-F1 gains by one more image in each cell, the numbers of a class held.

    Notes
    -----
    The image is predicted as the class of its column, which adds to what F1 of that class is divided by.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)[..., None, :]
    either = (confusion.sum(axis=-1) + confusion.sum(axis=-2))[..., None, :]
    share = np.divide(1.0, either, out=np.zeros(either.shape), where=either > 0)
    return (2 * np.eye(confusion.shape[-1]) * share - 2 * hits * share**2) / (either > 0).sum(axis=-1, keepdims=True)


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    "balanced_accuracy": balanced_accuracy,
}
SLOPES: dict[str, Metric] = {  # of those that are no plain share: see `harness.score.stats.metric_interval`
    "macro_f1": macro_f1_slope,
    "balanced_accuracy": balanced_accuracy_slope,
}
