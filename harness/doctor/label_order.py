"""Answers of a submission under trial: how right they are, and whether its classes stand in another order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.score.metrics import confusion_matrix
from harness.score.stats import paired_interval

# A difference counts as clear when its 95 % interval lies above this: one image in a hundred.
CLEAR = 0.01
# An order of classes that leaves half of the labels wrong explains nothing.
EXPLAINS = 0.5

Labels = NDArray[np.int64]
Hits = NDArray[np.bool_]


@dataclass(frozen=True)
class Gain:
    """How much more often one way of answering is right than another on `n` images, and its 95 % interval."""

    before: float
    after: float
    low: float
    high: float
    n: int

    @property
    def clear(self) -> bool:
        return self.low > CLEAR

    def told(self) -> str:
        """Return the difference in words.

        Examples
        --------
        >>> Gain(0.76, 0.98, 0.18, 0.26, 200).told()
        '+22.0 points, 95 % interval +18.0 to +26.0, the same 200 images each way'
        """
        low, high = 100 * self.low, 100 * self.high
        return (
            f"{100 * (self.after - self.before):+.1f} points, 95 % interval {low:+.1f} to {high:+.1f}, "
            f"the same {self.n} images each way"
        )


def gain(before: Hits, after: Hits) -> Gain:
    """Compare two ways by the images that each has right, both of shape (n,)."""
    _, low, high = paired_interval(after, before)
    return Gain(float(before.mean()), float(after.mean()), low, high, len(before))


def assign(true: Labels, said: Labels, n_classes: int) -> NDArray[np.int64]:
    """Return, for each class that is said, the true class it stands for: the assignment with the most right labels.

    A class that is never said keeps its number where that is free.

    Notes
    -----
    The Hungarian method (Kuhn 1955), as SciPy has it.

    Examples
    --------
    >>> assign(np.array([0, 1, 2, 2]), np.array([1, 2, 0, 0]), 3).tolist()
    [2, 0, 1]
    """
    from scipy.optimize import linear_sum_assignment

    counts = confusion_matrix(true, said, n_classes) + 0.5 * np.eye(n_classes)  # a tie leaves a class where it is
    rows, columns = linear_sum_assignment(counts, maximize=True)
    order = np.empty(n_classes, np.int64)
    order[columns] = rows
    return order


def assigned_hits(true: Labels, said: Labels, n_classes: int) -> Hits:
    """Return which labels are right after the best assignment, each half of the images by what the other half says.

    Fitted and measured on the same images, an assignment would make anything look better.
    """
    hits = np.empty(len(true), np.bool_)
    half = np.arange(len(true)) % 2 == 0
    for mine, others in ((half, ~half), (~half, half)):
        order = assign(true[others], said[others], n_classes)
        hits[mine] = order[said[mine]] == true[mine]
    return hits


def order_of(true: Labels, said: Labels, n_classes: int) -> tuple[tuple[int, ...], Gain] | None:
    """Return the order of classes that makes answers clearly better, and by how much; None where theirs is right."""
    found = gain(said == true, assigned_hits(true, said, n_classes))
    order = tuple(assign(true, said, n_classes).tolist())
    is_it = found.clear and found.after > EXPLAINS and order != tuple(range(n_classes))
    return (order, found) if is_it else None


def in_order(said: Labels, order: tuple[int, ...]) -> Labels:
    """Return labels in the contest's order; an empty `order` leaves them."""
    return np.array(order, np.int64)[said] if order else said


def name_order(order: tuple[int, ...], class_names: tuple[str, ...]) -> str:
    """Say in words how classes are out of order.

    Examples
    --------
    >>> name_order((2, 0, 1), ("a", "b", "c"))
    'each label is one too high, counted in a circle'
    >>> name_order((1, 0, 2), ("a", "b", "c"))
    'it says a for b, b for a'
    """
    n = len(order)
    shifts = {(said - true) % n for said, true in enumerate(order)}
    if shifts == {1}:
        return "each label is one too high, counted in a circle"
    if shifts == {n - 1}:
        return "each label is one too low, counted in a circle"
    moved = [(said, true) for said, true in enumerate(order) if said != true]
    shown = ", ".join(f"{class_names[said]} for {class_names[true]}" for said, true in moved)
    return f"it says {shown}".replace("_", " ")


def percent(share: float) -> str:
    """Write a share as a percentage.

    Examples
    --------
    >>> percent(0.9841)
    '98.4 %'
    """
    return f"{100 * share:.1f} %"
