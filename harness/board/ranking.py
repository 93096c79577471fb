"""Who stands where: entries ordered by the primary metric, on the public half while the contest is open."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from harness.board import rows
from harness.board.closing import Closing
from harness.board.rows import Entry
from harness.board.visibility import Half, Visibility
from harness.score.estimate import Estimate

Note = Literal["", "not scored", "withheld", "lesser final", "not final", "late"]


@dataclass(frozen=True)
class Standing:
    """One row of the leaderboard; `rank` is None for an entry that has none, and `note` says why.

    `entry` has the scores that are shown, and no other.
    """

    rank: int | None
    entry: Entry
    public: Estimate | None  # None, too, where it is not shown, as those below
    private: Estimate | None
    val: Estimate | None
    val_shifted: Estimate | None
    note: Note = ""

    @property
    def gap(self) -> float | None:
        """Validation score minus public score: what the team could not see at home."""
        return self.val.value - self.public.value if self.val and self.public else None


@dataclass(frozen=True)
class Leaderboard:
    """The best of a frozen contest, and those without a rank.

    Attributes
    ----------
    metric : str
        The one that ranks, and that every score here is by.
    by : {"public", "private"}
        The half that ranks.
    ranked : list of Standing
        Best first; of equal scores, compared unrounded, the earlier entry stands first.
    others : list of Standing
        In the order in which they came.
    n_ranked, n_others : int
        How many there are of both, listed or not.
    """

    metric: str
    by: Half
    ranked: list[Standing]
    others: list[Standing]
    n_ranked: int
    n_others: int
    closing: Closing | None

    @property
    def standings(self) -> list[Standing]:
        return [*self.ranked, *self.others]


def read_leaderboard(
    board: sqlite3.Connection,
    contest: str,
    lock: str,
    metric: str,
    visible: Visibility,
    *,
    top: int | None = None,
    others: bool = True,
) -> Leaderboard:
    """Rank the entries of a frozen contest by `metric`.

    While it is open all entries rank by their public score, but for those that the Ladder withholds.  When it is closed
    each team ranks once, by the better private score among its finals.

    Parameters
    ----------
    board : sqlite3.Connection
    contest, lock, metric : str
    visible : Visibility
        What the reader may be shown: scores of other splits are in none of the rows.
    top : int, optional
        List so many of the best; the others that are ranked are counted alone.
    others : bool
        List those without a rank, too.
    """
    with rows.one_moment(board):
        ids = list(_ids(board, contest, lock, metric, visible, top))
        n_ranked = len(ids) if top is None or len(ids) < top else _count(board, contest, lock, visible)
        n_all = rows.count_all(board, contest, lock)
        rest: list[Entry] = []
        if others and n_all > n_ranked:
            known = set(ids if top is None else _ids(board, contest, lock, metric, visible, None))
            unknown = [number for number in rows.all_ids(board, contest, lock) if number not in known]
            rest = rows.read_some(board, unknown)
        return Leaderboard(
            metric,
            visible.by,
            [_standing(rank, one, metric, visible) for rank, one in enumerate(rows.read_some(board, ids), start=1)],
            [_standing(None, one, metric, visible) for one in rest],
            n_ranked,
            n_all - n_ranked,
            visible.closing,
        )


def read_standing(
    board: sqlite3.Connection, contest: str, lock: str, metric: str, entry: Entry, visible: Visibility
) -> Standing:
    """Return where one entry stands, without reading the others."""
    ids = _ids(board, contest, lock, metric, visible, None)
    rank = next((rank for rank, number in enumerate(ids, start=1) if number == entry.id), None)
    return _standing(rank, entry, metric, visible)


def _ids(
    board: sqlite3.Connection, contest: str, lock: str, metric: str, visible: Visibility, top: int | None
) -> Iterator[int]:
    """Yield the ids of those that rank, best first, reading no more of the board than that takes."""
    closing = visible.closing
    finals = {number for ids in closing.finals.values() for number in ids} if closing else set()
    teams: set[str] = set()
    taken = 0
    for number, name, withheld in rows.best_first(board, contest, lock, visible.by, metric):
        if taken == top:
            return
        if closing:
            if number not in finals or name in teams:
                continue
            teams.add(name)
        elif withheld and not visible.ranks_withheld:
            continue
        taken += 1
        yield number


def _count(board: sqlite3.Connection, contest: str, lock: str, visible: Visibility) -> int:
    if visible.closing:
        return len(visible.closing.finals)
    return rows.count_scored(board, contest, lock, withheld=visible.ranks_withheld)


def _standing(rank: int | None, entry: Entry, metric: str, visible: Visibility) -> Standing:
    shown = visible.shown(entry)
    public, private, val, val_shifted = (
        shown.scores.get((split, metric)) for split in ("public", "private", "val", "val_shifted")
    )
    return Standing(rank, shown, public, private, val, val_shifted, "" if rank else _note(entry, metric, visible))


def _note(entry: Entry, metric: str, visible: Visibility) -> Note:
    if (visible.by, metric) not in entry.scores:
        return "not scored"
    return visible.closing.why_unranked(entry) if visible.closing else "withheld"
