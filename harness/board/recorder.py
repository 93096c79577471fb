"""Putting a score on record: the receipt first, then the row, by one process at a time."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from harness.board import cache, ledger, rows
from harness.board.ledger import Line
from harness.board.receipts import FORMAT, Receipt, Scored
from harness.errors import BoardError, ReceiptError
from harness.workspace import Workspace


@dataclass
class Recorder:
    """Ledger and board of one workspace, held for writing."""

    workspace: Workspace
    board: sqlite3.Connection
    notes: list[str] = field(default_factory=list)  # what was put right on opening, for a person

    def record(self, **facts: Any) -> Line:
        """Append a receipt with these `facts`, a field of `Scored` each, then put its row on the board.

        The files that `facts` name lie on the disk already.

        Raises
        ------
        BoardError
            The disk is full: nothing was recorded.
        ReceiptError
            The receipt was recorded, its row not yet.
        """
        last = next(ledger.scores_newest_first(self.workspace.ledger), None)
        return self.record_event(Scored, entry=last.entry + 1 if last else 1, **facts)

    def record_event(self, kind: type[Receipt], **facts: Any) -> Line:
        """Append the receipt of an event with these `facts`, fields of its `kind`; it errs as `record` does."""
        last = next(ledger.newest_lines(self.workspace.ledger), None)
        line = Line.of(
            kind(
                format=FORMAT,
                number=last.receipt.number + 1 if last else 1,
                previous=last.sha256 if last else ledger.START,
                **facts,
            )
        )
        start = ledger.append(self.workspace.ledger, line)
        try:
            cache.add(self.board, line, start)
        except sqlite3.Error as error:
            raise ReceiptError(
                f"It is in the ledger as receipt {line.receipt.number}, but not yet on the board: {error}.",
                "Make room or rights, then type: hemobench leaderboard",
            ) from error
        return line


@contextlib.contextmanager
def open_recorder(workspace: Workspace, *, wait: bool = True) -> Iterator[Recorder]:
    """Hold the ledger and the board of a workspace for writing, with what a killed process left half done completed.

    A receipt without its row gets it; a torn last line is set aside; a board that cannot be read is made anew.

    Raises
    ------
    BoardError
        One of them cannot be written, the ledger is damaged, or the board was made from another one.
    BlockingIOError
        Another process holds them, and `wait` is False.
    """
    notes: list[str] = []
    with ledger.only_writer(workspace.ledger, wait=wait):
        if aside := ledger.set_torn_aside(workspace.ledger):
            notes.append(
                f"The ledger's last line was torn, as by a power cut; it was never reported and lies in {aside.name}."
            )
        with cache.open_cache(workspace.board, workspace.ledger, notes) as board:
            yield Recorder(workspace, board, notes)


@contextlib.contextmanager
def open_to_read(workspace: Workspace) -> Iterator[sqlite3.Connection]:
    """Open the board for reading, with every receipt on it where the workspace can be written.

    Where it cannot, a board that is there is read as it is, and one that is not is made in memory.

    Raises
    ------
    BoardError
        There is no board, and none can be made from the ledger.
    """
    path, usable = workspace.board, cache.is_usable(workspace.board)[0]
    if (usable or path.exists() or workspace.ledger.exists()) and not (usable and _is_current(workspace)):
        # Who holds the ledger now is about to add the row, or to make the board, which is waited for.
        with contextlib.suppress(BlockingIOError, BoardError), open_recorder(workspace, wait=not usable):
            usable = True
    with cache.connected(path, in_use=True) if usable else cache.in_memory(workspace.ledger) as board:
        yield board


def count_under_other_locks(workspace: Workspace, contest: str, lock: str) -> int:
    """Return how many entries of a contest the board holds that were scored on another freeze of it."""
    with open_to_read(workspace) as board:
        return rows.count_under_other_locks(board, contest, lock)


def _is_current(workspace: Workspace) -> bool:
    """Say whether the last receipt on the board is the last one of the ledger, or cannot be followed to it."""
    with cache.connected(workspace.board) as board:
        head = cache.read_head(board) or cache.Head()
    try:
        return next(cache.lines_after(workspace.ledger, head), None) is None
    except BoardError:
        return True
