"""The rules of an open contest: how often a team may submit, and whether its new public score is shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from harness.board import ledger, rows
from harness.errors import BoardError, WorkspaceError
from harness.freeze.frozen import Frozen, read_arrays
from harness.freeze.hashing import hash_file
from harness.score.evaluate import labels_of
from harness.score.ladder import climb
from harness.workspace import Workspace

UNTIL_THEN = "hemobench score ZIP"


def check_limits(board: sqlite3.Connection, frozen: Frozen, team: str, now: datetime) -> None:
    """Refuse a submission beyond what the contest allows a team, a day and in all.

    Raises
    ------
    BoardError
        It says when the count starts anew, or what can be done without a submission.
    """
    contest, lock = frozen.contest, frozen.lock_hash
    total = contest.rules.submissions_total
    if total is not None and (submitted := rows.count_of(board, contest.name, lock, team)) >= total:
        raise BoardError(
            f"{team} was submitted {submitted} times, the contest allows {total} in all.",
            f"Name those that are to count: hemobench select ENTRY ... To measure at home: {UNTIL_THEN}",
        )
    limit = contest.limits.submissions_per_day
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    submitted = rows.count_on_day(board, contest.name, lock, team, midnight)
    if submitted >= limit:
        left = midnight + timedelta(days=1) - now
        raise BoardError(
            f"{team} was submitted {submitted} times today (UTC), the contest allows {limit} a day.",
            f"The count starts anew at 00:00 UTC, in {left.seconds // 3600} h {left.seconds // 60 % 60} min. "
            f"Until then: {UNTIL_THEN}",
        )


def holding_back(
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
    The entry shown last whose labels are still kept is what the new one is held against; see
    `harness.score.ladder.climb`.
    """
    if not frozen.contest.rules.ladder:
        return None
    _, y_true = labels_of(frozen)["public"]
    for number in rows.shown_ids(board, frozen.contest.name, frozen.lock_hash, team):
        shown = _kept_labels(workspace, number)
        if shown is not None and shown.shape == y_true.shape:
            return number if climb(np.array([shown == y_true, public == y_true]))[1] == 0 else None
    return None


def _kept_labels(workspace: Workspace, entry: int) -> NDArray[np.int64] | None:
    for receipt in _receipts(workspace, entry):
        path = workspace.path / receipt.labels
        try:
            return read_arrays(path).get("public") if hash_file(path) == receipt.labels_sha256 else None
        except (OSError, WorkspaceError):
            return None
    return None


def _receipts(workspace: Workspace, entry: int) -> Iterator[ledger.Receipt]:
    for line in ledger.newest_lines(workspace.ledger):
        if line.receipt.entry == entry and line.receipt.labels:
            yield line.receipt
