"""Seeds of one recipe, pooled over all of the board."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from math import hypot, nan, sqrt

import msgspec
import numpy as np

from harness.analysis.predictions import scores_of
from harness.analysis.values import Values
from harness.board.rows import read_some
from harness.score.estimate import Estimate
from harness.score.stats import student_95

SHOWN = 30  # recipes, the best by their mean


class Pooled(msgspec.Struct, frozen=True):
    """What `n` seeds of one recipe scored: mean, sample standard deviation, and the 95 % interval of the recipe.

    With one seed nothing is known of the spread: `sd` is nan, and the interval is that of the images alone.
    """

    mean: float
    sd: float
    n: int
    low: float
    high: float


class Seeds(msgspec.Struct, frozen=True):
    """Entries of one recipe that differ by their seed: by split, the metric that ranks."""

    name: str  # of the first of them
    entries: tuple[int, ...]
    scores: dict[str, Pooled]


def pool_seeds(scores: Sequence[Estimate]) -> Pooled:
    """Pool the scores of entries of one recipe.

    Notes
    -----
    The interval is for the mean over all seeds and all images of this kind, as in a model with random effects of
    both: limits of the mean over seeds (Student's) and over images (the mean of the entries' own) are joined as
    independent ones are.  Seeds are measured on the same images and mostly miss the same, so more seeds do not make
    the images' part smaller; where they do miss different ones, the interval is wider than it need be.

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
    n = len(scores)
    mean, low, high = (float(np.mean([getattr(one, name) for one in scores])) for name in ("value", "low", "high"))
    if n == 1:
        return Pooled(mean, nan, 1, low, high)
    sd = float(np.std([one.value for one in scores], ddof=1))
    margin = student_95(n - 1) * sd / sqrt(n)
    return Pooled(mean, sd, n, max(0.0, mean - hypot(margin, mean - low)), min(1.0, mean + hypot(margin, high - mean)))


def pool(
    board: sqlite3.Connection, values: Values, recipes: dict[int, str], splits: Sequence[str], metric: str
) -> tuple[Seeds, ...]:
    """Return mean and spread of each recipe that has two seeds or more, best mean on the last of `splits` first.

    A recipe goes by the name of its first entry.  Entries without a score on one of the splits are left out, as are
    those that the Ladder withholds: pooled scores would tell theirs.
    """
    table = np.column_stack([values[split, metric] for split in splits])
    whole = ~np.isnan(table).any(axis=1) & ~values.withheld
    members: dict[str, list[int]] = {}
    for row in np.flatnonzero(whole).tolist():
        if recipe := recipes.get(int(values.ids[row])):
            members.setdefault(recipe, []).append(row)
    several = [rows for rows in members.values() if len(rows) > 1]
    best = sorted(several, key=lambda rows: -float(table[rows, -1].mean()))[:SHOWN]
    return tuple(_pool(board, values, rows, splits, metric) for rows in best)


def _pool(board: sqlite3.Connection, values: Values, rows: list[int], splits: Sequence[str], metric: str) -> Seeds:
    ids = values.ids[rows].tolist()
    scores = [scores_of(entry, splits) for entry in read_some(board, ids)]
    return Seeds(
        values.names[rows[0]],
        tuple(ids),
        {split: pool_seeds([of[split][metric] for of in scores]) for split in splits},
    )
