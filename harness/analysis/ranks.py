"""Which ranks an entry may hold, who cannot be told from the first, and what the seeds of one recipe say together."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot, nan, sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.score.card import Estimate


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
    """What `n` seeds of one recipe scored: mean, sample standard deviation, and the 95 % interval of the recipe.

    With one seed nothing is known of the spread: `sd` is nan, and the interval is that of the pictures alone.
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


def pool_seeds(scores: Sequence[Estimate]) -> Pooled:
    """Pool the scores of entries of one recipe.

    Notes
    -----
    The interval is for the mean over all seeds and all pictures of this kind, as in a model with random effects of
    both: limits of the mean over seeds (Student's) and over pictures (the mean of the entries' own) are joined as
    independent ones are.  Seeds are measured on the same pictures and mostly miss the same, so more seeds do not make
    the pictures' part smaller; where they do miss different ones, the interval is wider than it need be.

    References
    ----------
    G. Y. Zou, A. Donner, "Construction of confidence limits about effect measures: a general approach", Statistics in
    Medicine 27 (2008) 1693-1702, for limits of a sum from those of its parts.

    Examples
    --------
    >>> pooled = pool_seeds([Estimate(value, value - 0.03, value + 0.03, 1000) for value in (0.70, 0.74, 0.72)])
    >>> f"{pooled.mean:.2f} ± {pooled.sd:.2f} ({pooled.low:.2f}–{pooled.high:.2f}, n = {pooled.n})"
    '0.72 ± 0.02 (0.66–0.78, n = 3)'
    """
    from scipy.special import stdtrit

    n = len(scores)
    mean, low, high = (float(np.mean([getattr(one, name) for one in scores])) for name in ("value", "low", "high"))
    if n == 1:
        return Pooled(mean, nan, 1, low, high)
    sd = float(np.std([one.value for one in scores], ddof=1))
    luck = float(stdtrit(n - 1, 0.975)) * sd / sqrt(n)
    return Pooled(mean, sd, n, max(0.0, mean - hypot(luck, mean - low)), min(1.0, mean + hypot(luck, high - mean)))
