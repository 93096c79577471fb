"""Ranks: those that the comparisons leave open to an entry, and who is not significantly different from rank 1."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray


class RankRange(msgspec.Struct, frozen=True):
    """The best and the worst rank that the comparisons leave open.

    Examples
    --------
    >>> print(RankRange(2, 4), RankRange(1, 1))
    2–4 1
    """

    best: int
    worst: int

    def __str__(self) -> str:
        return str(self.best) if self.best == self.worst else f"{self.best}–{self.worst}"


def rank_ranges(better: NDArray[np.bool_]) -> list[RankRange]:
    """Return the range of ranks of each entry.

    The best rank is 1 + the entries significantly better, the worst is the number of entries - those significantly
    worse.

    Parameters
    ----------
    better : ndarray of shape (entries, entries), bool
        Of `harness.analysis.compare.Pairs`: whether the row is better than the column.

    Notes
    -----
    Where the chance of any false "different" on the board is at most 5 %, all ranges hold the true ranks at once
    with 95 %.

    References
    ----------
    M. Mogstad, J. P. Romano, A. M. Shaikh, D. Wilhelm, "Inference for ranks with applications to mobility across
    neighbourhoods and academic achievement across countries", Review of Economic Studies 91 (2024) 476-518.  They
    step down over bootstrapped maxima; Holm's correction needs no assumption and gives slightly wider ranges.

    Examples
    --------
    >>> better = np.array([[0, 0, 1], [0, 0, 0], [0, 0, 0]], bool)  # the first is better than the third, no more
    >>> [str(ranks) for ranks in rank_ranges(better)]
    ['1–2', '1–3', '2–3']
    """
    entries = len(better)
    above, below = better.sum(axis=0).tolist(), better.sum(axis=1).tolist()
    return [RankRange(1 + more, entries - fewer) for more, fewer in zip(above, below, strict=True)]


def not_distinguishable_from_first(better: NDArray[np.bool_], scores: NDArray) -> list[int]:
    """Return the first entry and those it is not significantly better than, best score first; ties: earlier first.

    Parameters
    ----------
    better : ndarray of shape (entries, entries), bool
        Of `harness.analysis.compare.Pairs`.
    scores : ndarray of shape (entries,)
        Unrounded; entries stand in the order in which they came.

    Examples
    --------
    >>> better = np.array([[0, 0, 0], [0, 0, 0], [1, 0, 0]], bool)
    >>> not_distinguishable_from_first(better, np.array([0.5, 0.6, 0.7]))
    [2, 1]
    """
    order = np.argsort(-scores, kind="stable")
    return [int(entry) for entry in order if not better[order[0], entry]]


def ranks_of(scores: NDArray) -> NDArray[np.int64]:
    """Return ranks of scores of shape (..., entries), 1 the highest; of equal ones the earlier first.

    Examples
    --------
    >>> ranks_of(np.array([0.5, 0.9, 0.9])).tolist()
    [3, 1, 2]
    """
    order = np.argsort(-scores, axis=-1, kind="stable")
    ranks = np.empty(scores.shape, np.int64)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(1, scores.shape[-1] + 1), scores.shape), axis=-1)
    return ranks
