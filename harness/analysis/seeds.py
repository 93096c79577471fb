"""Seeds of one recipe, pooled over all of the board."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from harness.analysis.document import Seeds
from harness.analysis.predictions import scores_of
from harness.analysis.ranks import pool_seeds
from harness.analysis.values import Values
from harness.board.rows import read_some

SHOWN = 30  # recipes, the best by their mean


def pool(
    board: sqlite3.Connection, values: Values, recipes: dict[int, str], splits: Sequence[str], metric: str
) -> tuple[Seeds, ...]:
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
