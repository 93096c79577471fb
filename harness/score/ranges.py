"""Which ranks an entry may hold, who cannot be told from the first, and what the seeds of one recipe say together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import nan, sqrt
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

Key = TypeVar("Key", bound=Hashable)


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


class Pooled(msgspec.Struct, frozen=True):
    """What `n` seeds of one recipe scored: mean, sample standard deviation, and the 95 % interval of the mean.

    With one seed nothing is known of the spread: `sd`, `low` and `high` are nan.
    """

    mean: float
    sd: float
    n: int
    low: float
    high: float


def rank_ranges(better: NDArray[np.bool_]) -> list[RankRange]:
    """Return the range of ranks of each entry.

    The best rank is 1 + the entries significantly better, the worst is the number of entries - those significantly
    worse.

    Parameters
    ----------
    better : ndarray of shape (entries, entries), bool
        Of `harness.score.compare.Pairs`: whether the row is better than the column.

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
        Of `harness.score.compare.Pairs`.
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


def pool_seeds(recipes: Sequence[Key], values: Sequence[float]) -> dict[Key, Pooled]:
    """Pool the scores of entries that share a recipe, in the order in which recipes first came.

    Notes
    -----
    The interval is Student's, for the mean over all seeds on these pictures: it tells of the luck of the seed, not of
    the choice of pictures.

    Examples
    --------
    >>> pooled = pool_seeds(["a", "b", "a", "a"], [0.70, 0.5, 0.74, 0.72])["a"]
    >>> f"{pooled.mean:.2f} ± {pooled.sd:.2f} (n = {pooled.n})"
    '0.72 ± 0.02 (n = 3)'
    """
    members: dict[Key, list[float]] = {}
    for recipe, value in zip(recipes, values, strict=True):
        members.setdefault(recipe, []).append(value)
    return {recipe: _pool(scores) for recipe, scores in members.items()}


def _pool(scores: list[float]) -> Pooled:
    from scipy.special import stdtrit

    n, mean = len(scores), float(np.mean(scores))
    if n == 1:
        return Pooled(mean, nan, 1, nan, nan)
    sd = float(np.std(scores, ddof=1))
    half = float(stdtrit(n - 1, 0.975)) * sd / sqrt(n)
    return Pooled(mean, sd, n, mean - half, mean + half)
