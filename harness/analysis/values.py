"""A few numbers of every entry on the board, as arrays: all of the report that grows with the board."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.board import rows
from harness.board.visibility import AT_HOME

Key = tuple[str, str]  # split and metric
PREDICTED_FROM = ("val", "val_shifted", "public")


@dataclass(frozen=True)
class Values:
    """Entries in the order in which they came.

    Attributes
    ----------
    ids : ndarray of shape (entries,), int64
    names, times : list of str
        The team, and UTC in ISO 8601.
    withheld, baseline, disqualified, transductive : ndarray of shape (entries,), bool
        Whether the Ladder holds the public score back; whether it is a baseline outside the ranks; whether it was
        taken out of them; whether it has not shown to label each image by itself.
    of : dict of (split, metric) to ndarray of shape (entries,), float64
        0 to 1, nan where there is none.  What the Ladder withholds is not in here, nor what those that are
        disqualified scored on hidden images.
    """

    ids: NDArray[np.int64]
    names: list[str]
    times: list[str]
    withheld: NDArray[np.bool_]
    baseline: NDArray[np.bool_]
    disqualified: NDArray[np.bool_]
    transductive: NDArray[np.bool_]
    of: dict[Key, NDArray[np.float64]]

    def __getitem__(self, key: Key) -> NDArray[np.float64]:
        return self.of[key]

    def measured(self, metric: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return ids, and `metric` on validation, shifted validation and the public half, of those that have all."""
        table = np.column_stack([self.of[split, metric] for split in PREDICTED_FROM])
        known = ~np.isnan(table).any(axis=1)
        return self.ids[known], table[known]


def read_values(board: sqlite3.Connection, contest: str, lock: str, metric: str, splits: Sequence[str] = ()) -> Values:
    """Read what all entries scored by `metric` on the splits that forecasts need, and on `splits`."""
    asked = tuple((split, metric) for split in dict.fromkeys((*PREDICTED_FROM, *splits)))
    found = rows.read_values(board, contest, lock, asked)
    withheld, baseline, disqualified, transductive = np.array([row[3:7] for row in found], bool).reshape(-1, 4).T
    table = np.array([row[7:] for row in found], np.float64).reshape(len(found), len(asked))  # None becomes nan
    for column, (split, _) in enumerate(asked):
        if split not in AT_HOME:
            table[disqualified, column] = np.nan
        if split == "public":
            table[withheld, column] = np.nan
    return Values(
        np.array([row[0] for row in found], np.int64),
        [row[1] for row in found],
        [row[2] for row in found],
        withheld,
        baseline,
        disqualified,
        transductive,
        {key: table[:, column] for column, key in enumerate(asked)},
    )


def read_recipes(board: sqlite3.Connection, contest: str, lock: str) -> dict[int, str]:
    """Return the recipe of each entry, by id, that shares it with another one that was scored."""
    found = list(rows.recipes(board, contest, lock))
    uses = Counter(recipe for _, recipe in found)
    return {number: recipe for number, recipe in found if uses[recipe] > 1}


class Moment(msgspec.Struct, frozen=True):
    """A submission on the way: when, and what it scored on the public half; `best` when it was the best so far."""

    id: int
    name: str
    created_at: str
    value: float
    best: bool


def history(values: Values, metric: str, shown: set[int]) -> tuple[Moment, ...]:
    """Return the entries shown and those that were once the best, in the order in which they came.

    An entry whose public score the Ladder withholds has no place in it.
    """
    public = values["public", metric]
    scored = np.flatnonzero(~np.isnan(public))
    best = np.maximum.accumulate(public[scored]) if len(scored) else public[scored]
    before = np.concatenate([[-1.0], best[:-1]]) if len(best) else best
    return tuple(
        Moment(number, values.names[row], values.times[row], value, is_best)
        for row, number, value, is_best in zip(
            scored.tolist(),
            values.ids[scored].tolist(),
            public[scored].tolist(),
            (public[scored] > before).tolist(),
            strict=True,
        )
        if is_best or number in shown
    )
