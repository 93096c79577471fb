"""Who stands where: entries ordered by the primary metric, on the public half while the contest is open."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from harness.board import rows
from harness.board.closing import Closing
from harness.board.rows import Entry
from harness.board.visibility import Half, Visibility
from harness.score.estimate import Estimate

Note = Literal[
    "", "not scored", "withheld", "lesser final", "not final", "late", "baseline", "disqualified", "transductive"
]


@dataclass(frozen=True)
class Standing:
    """One row of the leaderboard; `rank` is None for an entry that has none, and `note` says why.

    `entry` has the scores that are shown, and no other.  `same_as` is the first entry of another team whose zip holds
    the same files, however they were packed.  `rank_apart` is the rank among those that the rules rank apart.
    """

    rank: int | None
    entry: Entry
    public: Estimate | None  # None, too, where it is not shown, as those below
    private: Estimate | None
    val: Estimate | None
    val_shifted: Estimate | None
    note: Note = ""
    same_as: int | None = None
    rank_apart: int | None = None

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
        Best first; of equal scores, compared unrounded, the one that came earlier stands first.
    baselines : list of Standing
        Those that were scored and stand outside the ranks, best first.
    apart : list of Standing
        Those that are ranked among themselves, best first, since they have not shown to label each image by itself.
    others : list of Standing
        In the order in which they came.
    n_ranked, n_others : int
        How many there are with a rank, and of the others, listed or not.
    transductive : {'ranked', 'apart', 'unranked'}
        The rule, see `harness.contest_rules.BoardRules`.
    """

    metric: str
    by: Half
    ranked: list[Standing]
    baselines: list[Standing]
    apart: list[Standing]
    others: list[Standing]
    n_ranked: int
    n_others: int
    closing: Closing | None
    transductive: str

    @property
    def standings(self) -> list[Standing]:
        """All that are listed, baselines and those ranked apart at the place that their score would have."""
        placed = sorted([*self.ranked, *self.baselines, *self.apart], key=self._place)
        return [*placed, *self.others]

    def _place(self, standing: Standing) -> tuple[float, str, int]:
        score = standing.private if self.by == "private" else standing.public
        return -score.value if score else 1.0, standing.entry.came, standing.entry.id


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
    rule = visible.transductive
    with rows.one_moment(board):
        ids = list(_ids(board, contest, lock, metric, visible, top))
        n_ranked = len(ids) if top is None or len(ids) < top else _count(board, contest, lock, metric, visible)
        baselines = _baselines(board, contest, lock, visible)
        apart = list(_ids(board, contest, lock, metric, visible, top, per_image=False)) if rule == "apart" else []
        n_others = rows.count_all(board, contest, lock) - n_ranked - len(baselines) - len(apart)
        rest: list[Entry] = []
        if others and n_others:
            known = {*(ids if top is None else _ids(board, contest, lock, metric, visible, None)), *baselines, *apart}
            unknown = [number for number in rows.all_ids(board, contest, lock) if number not in known]
            rest = rows.read_some(board, unknown)
        same = rows.same_content(board, contest, lock)
        found = Leaderboard(
            metric,
            visible.by,
            [_standing(rank, one, metric, visible, same) for rank, one in enumerate(rows.read_some(board, ids), 1)],
            [_standing(None, one, metric, visible, same) for one in rows.read_some(board, baselines)],
            [
                replace(_standing(None, one, metric, visible, same), rank_apart=rank)
                for rank, one in enumerate(rows.read_some(board, apart), 1)
            ],
            [_standing(None, one, metric, visible, same) for one in rest],
            n_ranked,
            n_others,
            visible.closing,
            rule,
        )
    found.baselines.sort(key=found._place)
    return found


def _baselines(board: sqlite3.Connection, contest: str, lock: str, visible: Visibility) -> list[int]:
    """Return the baselines outside the ranks; of a contest that was closed before a team had entered they rank."""
    finals = {number for ids in visible.closing.finals.values() for number in ids} if visible.closing else set()
    return [number for number in rows.unranked_baselines(board, contest, lock) if number not in finals]


def read_standing(
    board: sqlite3.Connection, contest: str, lock: str, metric: str, entry: Entry, visible: Visibility
) -> Standing:
    """Return where one entry stands, without reading the others."""
    ids = _ids(board, contest, lock, metric, visible, None)
    rank = next((rank for rank, number in enumerate(ids, start=1) if number == entry.id), None)
    return _standing(rank, entry, metric, visible, rows.same_content(board, contest, lock))


def _ids(
    board: sqlite3.Connection,
    contest: str,
    lock: str,
    metric: str,
    visible: Visibility,
    top: int | None,
    *,
    per_image: bool = True,
) -> Iterator[int]:
    """Yield the ids of those that rank, best first, reading no more of the board than that takes.

    Where the rules rank by how an entry labels, they are those that label `per_image`, or the others.
    """
    closing = visible.closing
    finals = {number for ids in closing.finals.values() for number in ids} if closing else set()
    teams: set[str] = set()
    taken = 0
    labelling = None if visible.transductive == "ranked" else per_image
    best = rows.best_first(board, contest, lock, visible.by, metric, baselines=bool(closing), per_image=labelling)
    for number, name, when, withheld in best:
        if taken == top:
            return
        if closing:
            if number not in finals or name in teams:
                continue
            teams.add(name)
        elif (withheld and not visible.ranks_withheld) or visible.deadline.is_late(name, when):
            continue
        taken += 1
        yield number


def _count(board: sqlite3.Connection, contest: str, lock: str, metric: str, visible: Visibility) -> int:

    if visible.closing:
        here = set(rows.all_ids(board, contest, lock)) - set(rows.disqualified_ids(board, contest, lock))
        if visible.transductive != "ranked":
            here.difference_update(rows.transductive_ids(board, contest, lock))
        return sum(not here.isdisjoint(ids) for ids in visible.closing.finals.values())
    if visible.deadline.rules.deadline:
        return sum(1 for _ in _ids(board, contest, lock, metric, visible, None))
    per_image = None if visible.transductive == "ranked" else True
    return rows.count_ranking(board, contest, lock, withheld=visible.ranks_withheld, per_image=per_image)


def _standing(rank: int | None, entry: Entry, metric: str, visible: Visibility, same: Mapping[int, int]) -> Standing:
    shown = visible.shown(entry)
    public, private, val, val_shifted = (
        shown.scores.get((split, metric)) for split in ("public", "private", "val", "val_shifted")
    )
    note = "" if rank else why_unranked(entry, metric, visible)
    return Standing(rank, shown, public, private, val, val_shifted, note, same.get(entry.id))


def why_unranked(entry: Entry, metric: str, visible: Visibility) -> Note:
    """Say why an entry has no rank; one that has none by its rank in `read_leaderboard`."""
    if entry.disqualified:
        return "disqualified"
    if (visible.by, metric) not in entry.scores:
        return "not scored"
    if not visible.ranks_as_all(entry):
        return "transductive"
    if visible.closing and visible.closing.is_late(entry):
        return "late"
    if entry.baseline:
        return "baseline"
    if visible.deadline.is_late(entry.name, entry.created_at):
        return "late"
    return visible.closing.why_unranked(entry) if visible.closing else "withheld"
