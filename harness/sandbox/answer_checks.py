"""Whether what an entry returned is what it was asked for.  Part of its process: see `child.py`.

A failure has a code beside its words, for programs: the doctor decides by codes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

SUM_WITHIN = 1e-3  # of 1: what sums of float16 miss it by, and no more


class Failure(Exception):
    """The end of a run that did not score.

    Parameters
    ----------
    outcome : str
        Its word, see `harness.sandbox.outcome.Outcome`.
    code : str
        The reason, for programs.
    message, hint : str
        What happened and what to do, for people.
    subject : str, optional
        The file, package or argument that it is about.
    """

    def __init__(self, outcome: str, code: str, message: str, hint: str, subject: str = "") -> None:
        super().__init__(message)
        self.outcome, self.code, self.message, self.hint, self.subject = outcome, code, message, hint, subject


def check_labels(returned: Any, n: int, n_classes: int, split: str = "val") -> NDArray[np.int64]:
    """Return what `predict` gave as labels, or say what it is instead.

    Parameters
    ----------
    returned : array-like
        Expected: integers of shape (n,), each from 0 to `n_classes` - 1.
    n, n_classes : int
    split : str
        For the message.

    Returns
    -------
    ndarray of shape (n,), int64

    Raises
    ------
    Failure
        With outcome ``bad_output``.

    Examples
    --------
    >>> check_labels([0, 7, 3], n=3, n_classes=8)
    array([0, 7, 3])
    >>> check_labels([0.0, 7.0, 3.0], n=3, n_classes=8)
    Traceback (most recent call last):
    harness.sandbox.answer_checks.Failure: predict(X) on val returned float64 of shape (3,), expected ...
    """
    expected = f"expected integers of shape ({n},)"

    def bad(code: str, what: str, hint: str) -> Failure:
        return Failure("bad_output", code, f"predict(X) on {split} returned {what}, {expected}.", hint)

    if returned is None:
        raise bad("returned_none", "None", "Add the return statement: return labels")
    found = plain_copy(returned, max(n, 1) * n_classes, bad, f"Return one label for each of the {n} images.")
    got = f"{found.dtype} of shape {found.shape}"
    if found.dtype.kind in "USOTVMm":
        raise bad(
            "class_names" if found.dtype.kind == "U" and found.ndim == 1 else "no_numbers",
            f"a {type(returned).__name__} that becomes {got}",
            f"Return the class as a number from 0 to {n_classes - 1}, not its name or an object.",
        )
    if found.dtype.kind == "f" and found.size and not np.isfinite(found).all():
        raise bad(
            "not_finite",
            f"{got} with NaN or infinite values",
            "Look for a division by zero, or for weights that diverged.",
        )
    if found.shape == (n, n_classes):
        rows = found.sum(axis=1) if found.size else np.ones(0)
        one_hot = set(np.unique(found)) <= {0, 1} and (rows == 1).all()
        code, what = ("one_hot", "one-hot rows") if one_hot else ("class_scores", "scores or probabilities")
        raise bad(code, f"{got}, {what} for {n_classes} classes", "Return the labels: scores.argmax(axis=1)")
    if found.shape == (n, 1):
        raise bad("column", got, "Drop the last axis: labels.ravel()")
    if found.ndim != 1:
        raise bad(
            "wrong_shape",
            got,
            "Return one label per image: for scores of shape (n, classes) that is scores.argmax(axis=1)",
        )
    if len(found) != n:
        raise bad(
            "wrong_length",
            got,
            f"Return one label for each of the {n} images, in their order; look at the last batch.",
        )
    if found.dtype.kind not in "iu":
        raise bad(
            "fractions" if found.dtype.kind == "f" else "no_integers",
            got,
            "Cast the labels to integers: labels.astype(int)",
        )
    if n and not 0 <= found.min() <= found.max() < n_classes:
        raise bad(
            "counted_from_1" if found.min() >= 1 and found.max() == n_classes else "out_of_range",
            f"labels from {found.min()} to {found.max()}",
            f"Number the classes from 0 to {n_classes - 1}.",
        )
    return found.astype(np.int64)


def check_probabilities(returned: Any, n: int, n_classes: int, split: str = "val") -> NDArray[np.float32]:
    """Return what `predict_proba` gave as probabilities, or say what it is instead.

    Parameters
    ----------
    returned : array-like
        Expected: floats of shape (n, n_classes), not negative; each row sums to 1, within `SUM_WITHIN`.
    n, n_classes, split
        As in `check_labels`.

    Returns
    -------
    ndarray of shape (n, n_classes), float32

    Raises
    ------
    Failure
        With outcome ``bad_output``; it ends nothing, since only labels are scored.

    Examples
    --------
    >>> check_probabilities([[0.25, 0.75]], n=1, n_classes=2)
    array([[0.25, 0.75]], dtype=float32)
    >>> check_probabilities([0.25, 0.75], n=1, n_classes=2)
    Traceback (most recent call last):
    harness.sandbox.answer_checks.Failure: predict_proba(X) on val returned float64 of shape (2,), expected ...
    """

    def bad(code: str, what: str, hint: str = "Return probabilities, as a softmax gives them.") -> Failure:
        expected = f"expected floats of shape ({n}, {n_classes}) from 0 to 1 in rows that sum to 1"
        return Failure("bad_output", code, f"predict_proba(X) on {split} returned {what}, {expected}.", hint)

    if returned is None:
        raise bad("returned_none", "None")
    found = plain_copy(returned, n * n_classes, bad)
    got = f"{found.dtype} of shape {found.shape}"
    if found.dtype.kind != "f" or found.shape != (n, n_classes):
        raise bad("wrong_shape", got)
    if not np.isfinite(found).all():
        raise bad("not_finite", f"{got} with NaN or infinite values")
    low, high = found.min(initial=0), found.max(initial=0)
    if low < 0 or high > 1 + SUM_WITHIN:
        raise bad("out_of_range", f"{got} with values from {low:.4g} to {high:.4g}")
    sums = found.sum(axis=1, dtype=np.float64)
    if (abs(sums - 1) > SUM_WITHIN).any():
        raise bad("wrong_sums", f"{got} with rows that sum to {sums.min():.4g} to {sums.max():.4g}")
    return found.astype(np.float32)


def plain_copy(
    returned: Any, n_most: int, bad: Callable[[str, str, str], Failure], hint: str = "Return a NumPy array."
) -> NDArray[Any]:
    """Return a copy of `returned` as an array; raise what `bad` makes of no array, or of more than `n_most` values.

    A subclass of an array could answer differently at each look; a plain copy cannot.
    """
    try:
        found = np.asarray(returned)
    except MemoryError:
        raise
    except Exception as error:
        raise bad(
            "no_array", f"a {type(returned).__name__} that is no array ({describe(error)})", "Return a NumPy array."
        ) from None
    if found.size > n_most:  # before the copy: it may claim more than there is memory
        raise bad("too_many_values", f"{found.dtype} of shape {found.shape}", hint)
    return np.array(found, dtype=found.dtype, copy=True, subok=False)


def describe(error: BaseException) -> str:
    """Return type and text of an exception, whatever its class does when it is printed."""
    try:
        text = " ".join(str(error).split())
    except BaseException:
        text = "its text cannot be printed"
    name = type(error).__name__
    return f"{name}: {text[:300]}{'…' if len(text) > 300 else ''}" if text else name
