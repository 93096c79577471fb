"""The end of a contest: which entries each team lets count, and the moment after which the private half shows.

A team is a name on the board.  A closing names the ledger's last receipt by its hash, so that what came later is late
by the order of the chain, whatever the clocks said, and an audit can tell whether the ledger is still the one that was
closed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from harness.board import ledger, rows
from harness.board.deadline import read_deadline
from harness.board.in_force import in_force
from harness.board.receipts import Rescored
from harness.board.recorder import open_recorder
from harness.board.rows import Entry
from harness.errors import BoardError, UsageError
from harness.freeze.frozen import Frozen
from harness.workspace import Workspace, write_atomic

FORMAT = 1
T = TypeVar("T")


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """When a frozen contest was closed, and what counts.

    Attributes
    ----------
    receipts : int
        Number of the last receipt in time; later ones are late.
    head : str
        SHA-256 of that receipt's line.
    finals : dict of str to tuple of int
        Ids of the entries of each team that count, the teams in the order of their public ranks at the close.
    chosen : tuple of str
        Teams that named their finals; those of others are their best public ones.
    """

    format: int = FORMAT
    contest: str
    lock: str
    closed_at: str  # UTC, ISO 8601
    receipts: int
    head: str
    finals: dict[str, tuple[int, ...]]
    chosen: tuple[str, ...]

    @property
    def seal(self) -> str:
        """SHA-256 of all of this, and so of the ledger up to the close: who writes it down can have both audited."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()

    @property
    def when(self) -> str:
        """The moment of the close, for people."""
        return f"{self.closed_at[:16].replace('T', ' ')} UTC"

    def is_late(self, entry: Entry) -> bool:
        """Say whether an entry came after the close."""
        return entry.receipt is not None and entry.receipt > self.receipts

    def why_unranked(self, entry: Entry) -> Literal["late", "lesser final", "not final"]:
        """Say why a scored entry of the contest has no rank, where another one ranks for its team."""
        if self.is_late(entry):
            return "late"
        return "lesser final" if entry.id in self.finals.get(entry.name, ()) else "not final"

    def public_rank(self, team: str) -> int | None:
        """Return the rank of a team by its best public score at the close."""
        return next((rank for rank, name in enumerate(self.finals, start=1) if name == team), None)


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The entries that teams chose to count at the close, by team."""

    format: int = FORMAT
    teams: dict[str, tuple[int, ...]] = {}


def read_closing(workspace: Workspace, contest: str, lock: str) -> Closing | None:
    """Return how a frozen contest was closed, None while it is open.

    One whose entries were rescored under another lock is closed as it was under that before.

    Raises
    ------
    BoardError
        The file is there and cannot be read: the contest is closed, but not how.
    """
    path = workspace.closed(contest, lock)
    for known in _line_of(workspace, path, contest, lock):
        path = workspace.closed(contest, known)
        if not path.exists():
            continue
        closing = read_closing_file(path)
        if (closing.contest, closing.lock) != (contest, known):
            raise BoardError(
                f"{path} closes {closing.contest}, lock {closing.lock[:12]}.",
                "Put the file back from a copy of the workspace.",
            )
        return closing
    return None


def _line_of(workspace: Workspace, path: Path, contest: str, lock: str) -> list[str]:
    """Return a lock, and those under which its entries stood before they were rescored, newest first.

    Only where there are files beside `path`, its own: else the ledger need not be read.
    """
    found = [lock]
    if not path.exists() and any(path.parent.glob("*.json")):
        for one in reversed([*ledger.events(workspace.ledger, Rescored)]):
            if one.contest == contest and one.lock in found and one.before not in found:
                found.append(one.before)
    return found


def read_closing_file(path: Path) -> Closing:
    """Return the closing in a file of ``closed``; see `read_closing`."""
    return _read(path, Closing)


def read_selection(workspace: Workspace, contest: str, lock: str) -> dict[str, tuple[int, ...]]:
    """Return the entries that teams chose to count, by team."""
    path = workspace.finals(contest, lock)  # a choice writes those of before, too
    known = [workspace.finals(contest, one) for one in _line_of(workspace, path, contest, lock)]
    return next((_read(one, Selection).teams for one in known if one.exists()), {})


def _read(path: Path, what: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=what)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BoardError(
            f"{path} cannot be read: {error}.", "Put the file back from a copy of the workspace."
        ) from error


def select(workspace: Workspace, frozen: Frozen, ids: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """Let these entries of one team count at the close, in place of any chosen before; return the team and its ids.

    Raises
    ------
    UsageError
        They are too many, of several teams, or not entries that were scored.
    BoardError
        The contest is closed.
    """
    contest = frozen.contest.name
    chosen = tuple(dict.fromkeys(ids))
    with open_recorder(workspace) as recorder:
        must_be_open(workspace, frozen)
        deadline = read_deadline(workspace, in_force(workspace, frozen))
        found = {entry.id: entry for entry in rows.read_some(recorder.board, chosen)}
        for number in chosen:
            entry = found.get(number)
            if entry is None or (entry.contest, entry.lock) != (contest, frozen.lock_hash):
                raise UsageError(
                    f"{contest} has no entry {number}.", "The ids stand in: hemobench leaderboard --format csv"
                )
            if entry.disqualified:
                raise UsageError(
                    f"Entry {number}, {entry.name}, is disqualified.", "Choose another, or: hemobench class reinstate"
                )
            if deadline.is_late(entry.name, entry.created_at):
                raise UsageError(
                    f"Entry {number}, {entry.name}, came after the deadline.", "Choose one that was in time."
                )
            if not entry.scores:
                raise UsageError(
                    f"Entry {number}, {entry.name}, was not scored ({entry.outcome}).", "Choose one that was."
                )
        most = in_force(workspace, frozen).contest.board.finals
        teams = sorted({entry.name for entry in found.values()})
        if len(teams) != 1:
            raise UsageError(f"These are entries of {', '.join(teams)}.", "Choose for one team at a time.")
        if len(chosen) > most:
            raise UsageError(f"Got {len(chosen)} entries, expected at most {most} that count.", "Leave some out.")
        kept = read_selection(workspace, contest, frozen.lock_hash) | {teams[0]: chosen}
        _write(workspace.finals(contest, frozen.lock_hash), Selection(teams=kept))
    return teams[0], chosen


def close(workspace: Workspace, frozen: Frozen) -> Closing:
    """Close a contest: no later entry counts, and the private half shows from now on.

    Raises
    ------
    BoardError
        It is closed already, or nothing was scored yet.
    """
    contest, lock, metric = frozen.contest.name, frozen.lock_hash, frozen.contest.metrics[0].name
    with open_recorder(workspace) as recorder:  # no submission comes between the last receipt and this
        must_be_open(workspace, frozen)
        teams: dict[str, list[int]] = {}
        ruled = in_force(workspace, frozen)
        rules, deadline = ruled.contest.board, read_deadline(workspace, ruled)
        per_image = True if rules.transductive == "unranked" else None
        best = rows.best_first(recorder.board, contest, lock, "public", metric, per_image=per_image)
        late: set[int] = set()
        for number, name, when, withheld in best:
            if deadline.is_late(name, when):
                late.add(number)
            elif not withheld:  # its public score was never shown, so that nobody could have chosen by it
                teams.setdefault(name, []).append(number)
        if not teams:
            raise BoardError(f"Nothing was scored in {contest} yet.", "Type: hemobench submit majority -m first")
        gone = late | set(rows.disqualified_ids(recorder.board, contest, lock))
        chosen = read_selection(workspace, contest, lock)
        found = rows.read_some(recorder.board, [number for ids in chosen.values() for number in ids])
        here = {one.id for one in found if one.lock == lock}  # others could not be rescored when the contest was
        selected = {
            team: tuple(number for number in ids if number in here)
            for team, ids in chosen.items()
            if not set(ids) & here <= gone
        }
        last = next(ledger.newest_lines(workspace.ledger), None)
        closing = Closing(
            contest=contest,
            lock=lock,
            closed_at=datetime.now(UTC).isoformat(timespec="seconds"),
            receipts=last.receipt.number if last else 0,
            head=last.sha256 if last else ledger.START,
            finals={team: selected.get(team) or tuple(ids[: rules.finals]) for team, ids in teams.items()},
            chosen=tuple(sorted(set(selected) & set(teams))),
        )
        _write(workspace.closed(contest, lock), closing)
    return closing


def must_be_open(workspace: Workspace, frozen: Frozen, so: str = "") -> None:
    """Refuse what a closed contest allows no more; `so` is what that means.

    Raises
    ------
    BoardError
    """
    contest = frozen.contest.name
    closing = read_closing(workspace, contest, frozen.lock_hash)
    if closing:
        told = f"{contest} was closed at {closing.when}{f': {so}' if so else ''}."
        raise BoardError(told, "See: hemobench leaderboard")


def _write(path: Path, content: msgspec.Struct) -> None:
    write_atomic(path, msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n", private=True)
