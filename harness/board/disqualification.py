"""Taking an entry out of the ranks, and back: events in the ledger, by which nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

from harness.board import rows
from harness.board.ledger import checked_why
from harness.board.receipts import Disqualified, Reinstated
from harness.board.recorder import open_recorder
from harness.errors import UsageError
from harness.freeze.frozen import Frozen
from harness.workspace import Workspace

E = TypeVar("E", Disqualified, Reinstated)


def disqualify(workspace: Workspace, frozen: Frozen, entry: int, why: str) -> Disqualified:
    """Take an entry out of the ranks, of a closed contest, too; return the receipt.

    Raises
    ------
    UsageError
        The contest has no such entry, it is disqualified already, or the reason cannot be kept.
    """
    return _record(Disqualified, workspace, frozen, entry, why)


def reinstate(workspace: Workspace, frozen: Frozen, entry: int, why: str) -> Reinstated:
    """Let an entry that was disqualified rank again; return the receipt; it errs as `disqualify` does."""
    return _record(Reinstated, workspace, frozen, entry, why)


def _record(kind: type[E], workspace: Workspace, frozen: Frozen, entry: int, why: str) -> E:
    why = checked_why(why, "its weights are those of entry 7")
    contest, lock, out = frozen.contest.name, frozen.lock_hash, kind is Disqualified
    with open_recorder(workspace) as recorder:
        found = next(iter(rows.read_some(recorder.board, [entry])), None)
        if found is None or (found.contest, found.lock) != (contest, lock):
            raise UsageError(f"{contest} has no entry {entry}.", "The ids stand in: hemobench leaderboard --all")
        if found.disqualified == out:
            state = "disqualified already" if out else "not disqualified"
            raise UsageError(f"Entry {entry}, {found.name}, is {state}.", f"See: hemobench show {entry}")
        line = recorder.record_event(
            kind,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            contest=contest,
            lock=lock,
            entry=entry,
            why=why,
        )
    assert isinstance(line.receipt, kind)
    return line.receipt
