"""Seeds of one recipe, pooled over all of the board."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from harness.report.structure import Seeds
from harness.report.values import Values
from harness.score.ranges import Pooled, pool_seeds

SHOWN = 30  # recipes, the best by their mean


def pool(values: Values, recipes: dict[int, str], splits: Sequence[str], metric: str) -> tuple[Seeds, ...]:
    """Return mean and spread of each recipe that has two seeds or more, best mean on the last of `splits` first.

    A recipe goes by the name of its first entry.  Entries without a score on one of the splits are left out, as are
    those that the Ladder holds back: pooled scores would tell theirs.
    """
    table = np.column_stack([values[split, metric] for split in splits])
    whole = ~np.isnan(table).any(axis=1) & ~values.held
    members: dict[str, list[int]] = {}
    for row in np.flatnonzero(whole).tolist():
        if recipe := recipes.get(int(values.ids[row])):
            members.setdefault(recipe, []).append(row)
    rows = [row for found in members.values() if len(found) > 1 for row in found]
    names = [recipes[int(values.ids[row])] for row in rows]
    pooled = [
        {recipe: _within(found) for recipe, found in pool_seeds(names, table[rows, column].tolist()).items()}
        for column in range(len(splits))
    ]
    made = [
        Seeds(
            values.names[members[recipe][0]],
            tuple(values.ids[members[recipe]].tolist()),
            {split: of[recipe] for split, of in zip(splits, pooled, strict=True)},
        )
        for recipe in dict.fromkeys(names)
    ]
    return tuple(sorted(made, key=lambda seeds: -seeds.scores[splits[-1]].mean)[:SHOWN])


def _within(pooled: Pooled) -> Pooled:
    """Cut the interval to what a mean of shares can be: with two seeds Student's is wider than that."""
    return msgspec.structs.replace(pooled, low=max(0.0, pooled.low), high=min(1.0, pooled.high))
