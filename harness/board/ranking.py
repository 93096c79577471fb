"""Who stands where: entries ordered by the primary metric, on the public half while the contest is open."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from harness.board import rows
from harness.board.closing import Closing
from harness.board.rows import Entry
from harness.score.estimate import Estimate

Half = Literal["public", "private"]
Note = Literal["", "not scored", "held", "lesser final", "not final", "late"]


@dataclass(frozen=True)
class Standing:
    """One row of the leaderboard; `rank` is None for an entry that has none, and `note` says why."""

    rank: int | None
    entry: Entry
    public: Estimate | None  # None, too, where the Ladder holds it back
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
    *,
    by: Half | None = None,
    closing: Closing | None = None,
    top: int | None = None,
    others: bool = True,
) -> Leaderboard:
    """Rank the entries of a frozen contest by `metric`.

    While it is open all entries rank by their public score, but for those that the Ladder holds back.  When it is
    closed each team ranks once, by the better private score among its finals.

    Parameters
    ----------
    board : sqlite3.Connection
    contest, lock, metric : str
    by : {"public", "private"}, optional
        The public half where not given, and the private one of a closed contest.
    closing : Closing, optional
        Of a closed contest.
    top : int, optional
        List so many of the best; the others that are ranked are counted alone.
    others : bool
        List those without a rank, too.
    """
    with rows.one_moment(board):
        return _read_leaderboard(
            board, contest, lock, metric, by or ("private" if closing else "public"), closing, top, others
        )


def _read_leaderboard(
    board: sqlite3.Connection,
    contest: str,
    lock: str,
    metric: str,
    half: Half,
    closing: Closing | None,
    top: int | None,
    others: bool,
) -> Leaderboard:
    ids = list(_ids(board, contest, lock, metric, half, closing, top))
    n_ranked = len(ids) if top is None or len(ids) < top else _count(board, contest, lock, half, closing)
    n_all = rows.count_all(board, contest, lock)
    rest: list[Entry] = []
    if others and n_all > n_ranked:
        known = set(ids if top is None else _ids(board, contest, lock, metric, half, closing, None))
        rest = rows.read_some(board, [number for number in rows.all_ids(board, contest, lock) if number not in known])
    return Leaderboard(
        metric,
        half,
        [
            _standing(rank, entry, metric, half, closing)
            for rank, entry in enumerate(rows.read_some(board, ids), start=1)
        ],
        [_standing(None, entry, metric, half, closing) for entry in rest],
        n_ranked,
        n_all - n_ranked,
        closing,
    )


def read_standing(
    board: sqlite3.Connection,
    contest: str,
    lock: str,
    metric: str,
    entry: Entry,
    *,
    by: Half | None = None,
    closing: Closing | None = None,
) -> Standing:
    """Return where one entry stands, without reading the others."""
    half: Half = by or ("private" if closing else "public")
    ids = _ids(board, contest, lock, metric, half, closing, None)
    rank = next((rank for rank, number in enumerate(ids, start=1) if number == entry.id), None)
    return _standing(rank, entry, metric, half, closing)


def _ids(
    board: sqlite3.Connection,
    contest: str,
    lock: str,
    metric: str,
    half: Half,
    closing: Closing | None,
    top: int | None,
) -> Iterator[int]:
    """Yield the ids of those that rank, best first, reading no more of the board than that takes."""
    finals = {number for ids in closing.finals.values() for number in ids} if closing else set()
    teams: set[str] = set()
    taken = 0
    for number, name, held in rows.best_first(board, contest, lock, half, metric):
        if taken == top:
            return
        if closing:
            if number not in finals or name in teams:
                continue
            teams.add(name)
        elif held and half == "public":
            continue
        taken += 1
        yield number


def _count(board: sqlite3.Connection, contest: str, lock: str, half: Half, closing: Closing | None) -> int:
    if closing:
        return len(closing.finals)
    return rows.count_scored(board, contest, lock, held=half == "private")


def _note(entry: Entry, metric: str, half: Half, closing: Closing | None) -> Note:
    if (half, metric) not in entry.scores:
        return "not scored"
    if closing:
        return closing.why_unranked(entry)
    return "held"


def _standing(rank: int | None, entry: Entry, metric: str, half: Half, closing: Closing | None) -> Standing:
    def score(split: str) -> Estimate | None:
        return entry.scores.get((split, metric))

    hidden = entry.held and half == "public" and not closing
    note: Note = "" if rank else _note(entry, metric, half, closing)
    public = None if hidden else score("public")
    return Standing(rank, entry, public, score("private"), score("val"), score("val_shifted"), note)
