"""The rules of an open contest: how often a team may submit, and whether its new public score is shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from harness.board import rows
from harness.board.artifacts import read_artifacts
from harness.board.ladder import shown_by_ladder
from harness.board.team_name import team_key
from harness.errors import LimitError
from harness.freeze.frozen import Frozen
from harness.score.evaluate import labels_of
from harness.workspace import Workspace

UNTIL_THEN = "hemobench score ZIP"


def name_on_board(board: sqlite3.Connection, frozen: Frozen, team: str) -> str:
    """Return how a team is spelt on the board, where it is there in any spelling: its limits and rank are the same."""
    key = team_key(team)
    names = rows.names(board, frozen.contest.name, frozen.lock_hash)
    return next((name for name in names if team_key(name) == key), team)


def check_limits(
    board: sqlite3.Connection, frozen: Frozen, team: str, when: datetime, planned: Sequence[str] = ()
) -> None:
    """Refuse what is handed in at `when` beyond what the contest allows a team, a day and in all.

    Parameters
    ----------
    when : datetime
        UTC; what carries a later date, from a clock that was ahead, counts on its own day.
    planned : sequence of str
        When others of the team came that are to count, too: UTC in ISO 8601.

    Raises
    ------
    LimitError
        It says when the count starts anew, or what can be done without a submission.
    """
    contest = frozen.contest
    known = rows.counted_times(board, contest.name, frozen.lock_hash, team, contest.board.failed_free)
    times = [*known, *planned]
    total, limit = contest.board.submissions_total, contest.limits.submissions_per_day
    if total is not None and len(times) >= total:
        raise LimitError(
            f"{team} has submitted as often as the contest allows, {total} in all.",
            f"To measure at home: {UNTIL_THEN}. Which entries count: hemobench select --help",
        )
    midnight = when.replace(hour=0, minute=0, second=0, microsecond=0)
    ends = [(midnight + timedelta(days=days)).isoformat(timespec="seconds") for days in (0, 1)]
    if sum(ends[0] <= one < ends[1] for one in times) >= limit:
        left = midnight + timedelta(days=1) - when
        raise LimitError(
            f"{team} has submitted as often on {when:%Y-%m-%d} (UTC) as the contest allows, {limit} a day.",
            f"The count starts anew at 00:00 UTC, {left.seconds // 3600} h {left.seconds // 60 % 60} min later. "
            f"Until then: {UNTIL_THEN}",
        )


def withheld_for(
    workspace: Workspace, board: sqlite3.Connection, frozen: Frozen, team: str, public: NDArray[np.int64]
) -> int | None:
    """Return the entry of a team whose public score the Ladder goes on showing; None where the new one is to be shown.

    Parameters
    ----------
    workspace, board
    frozen : Frozen
        Its rules say whether there is a Ladder.
    team : str
    public : ndarray of shape (n,), int64
        The new entry's labels of the public half.

    Notes
    -----
    The new entry is compared with the one shown last; see `harness.board.ladder.shown_by_ladder`.  Where the labels of
    that one are not kept, nothing is known to be a gain, and the new one is withheld.
    """
    if not frozen.contest.board.ladder:
        return None
    number = next(rows.shown_ids(board, frozen.contest.name, frozen.lock_hash, team), None)
    if number is None:
        return None
    _, y_true = labels_of(frozen)["public"]
    shown = read_artifacts(workspace, rows.read_some(board, [number]))[number].labels.get("public")
    if shown is None or shown.shape != y_true.shape:
        return number
    right = np.array([shown == y_true, public == y_true])
    return number if shown_by_ladder(right, frozen.groups().get("public"))[1] == 0 else None
