"""Putting a score on record: the receipt first, then the row, by one process at a time."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import msgspec

from harness.board import ledger, rows
from harness.board.ledger import Line, Receipt, Scored
from harness.errors import BoardError, ReceiptError
from harness.workspace import Workspace

AUDIT = "See which of them was changed: hemobench audit"


@dataclass
class Recorder:
    """Ledger and board of one workspace, held for writing."""

    workspace: Workspace
    board: sqlite3.Connection
    notes: list[str] = field(default_factory=list)  # what was mended on opening, for a person

    def record(self, text: str, **facts: Any) -> Line:
        """Append a receipt with these `facts`, a field of `Receipt` each, then put its row on the board.

        Parameters
        ----------
        text : str
            The score card, as the board is to keep it; the file that `facts` name lies on the disk already.

        Raises
        ------
        BoardError
            The disk is full: nothing was recorded.
        ReceiptError
            The receipt was recorded, its row not yet.
        """
        last = next(ledger.scores_newest_first(self.workspace.ledger), None)
        entry = max(rows.last_id(self.board), last.entry if last else 0) + 1
        return self._append(Scored, text, entry=entry, **facts)

    def record_event(self, kind: type[Receipt], **facts: Any) -> Line:
        """Append the receipt of an event with these `facts`, fields of its `kind`; it errs as `record` does."""
        return self._append(kind, **facts)

    def _append(self, kind: type[Receipt], text: str = "", **facts: Any) -> Line:
        last = next(ledger.newest_lines(self.workspace.ledger), None)
        before = {} if last else _rows_before(self.board)
        line = Line.of(
            kind(
                format=ledger.FORMAT,
                number=last.receipt.number + 1 if last else 1,
                previous=last.sha256 if last else ledger.START,
                **facts,
                **before,
            )
        )
        ledger.append(self.workspace.ledger, line)
        try:
            add_entry(self.board, line, text)
        except sqlite3.Error as error:
            raise ReceiptError(
                f"It is in the ledger as receipt {line.receipt.number}, but not yet on the board: {error}.",
                "Make room or rights, then type: hemobench leaderboard",
            ) from error
        return line


@contextlib.contextmanager
def open_recorder(workspace: Workspace, *, wait: bool = True) -> Iterator[Recorder]:
    """Hold the ledger and the board of a workspace for writing, with what a killed process left half done completed.

    A receipt without its row gets it; a torn last line is set aside.

    Raises
    ------
    BoardError
        One of them cannot be written, is damaged, or does not belong to the other.
    BlockingIOError
        Another process holds them, and `wait` is False.
    """
    with ledger.only_writer(workspace.ledger, wait=wait), rows.open_board(workspace.board) as board:
        recorder = Recorder(workspace, board)
        if aside := ledger.set_torn_aside(workspace.ledger):
            recorder.notes.append(
                f"The ledger's last line was torn, as by a power cut; it was never reported and lies in {aside.name}."
            )
        for line in _waiting(workspace, board):
            add_entry(board, line, (kept_card(workspace, line.score) or "") if line.score else "")
            recorder.notes.append(
                f"Receipt {line.receipt.number} ({line.receipt.about}) was not on the board yet, its process was "
                "stopped; it is now."
            )
        yield recorder


@contextlib.contextmanager
def open_to_read(workspace: Workspace) -> Iterator[sqlite3.Connection]:
    """Open the board for reading, with every receipt on it where the workspace can be written."""
    with rows.read_board(workspace.board) as board:
        last = next(ledger.newest_lines(workspace.ledger), None)
        if last is None or rows.last_line(board) == last.text.decode(errors="replace"):
            yield board
            return
    # Who holds the ledger now is about to write the row; and what cannot be written can still be read.
    with contextlib.suppress(BlockingIOError, BoardError), open_recorder(workspace, wait=False):
        pass
    with rows.read_board(workspace.board) as board:
        yield board


def _waiting(workspace: Workspace, board: sqlite3.Connection) -> list[Line]:
    """Return the receipts that were never on the board, oldest first; a removed row is a matter for an audit."""
    told = rows.last_line(board)
    known = Line(told.encode()) if told is not None else None
    number = known.receipt.number if known else 0
    newest = list(takewhile(lambda line: line.receipt.number > number, ledger.newest_lines(workspace.ledger)))
    last = next((line for line in ledger.newest_lines(workspace.ledger) if line.receipt.number <= number), None)
    if known and (last is None or last.text != known.text):
        raise BoardError(
            f"The board and its ledger disagree: the board's last receipt is {number}, {known.sha256[:12]}…, the "
            + (f"ledger has {last.sha256[:12]}… there." if last else "ledger does not hold it."),
            AUDIT,
        )
    newest.reverse()
    for before, line in zip([known, *newest], newest, strict=False):
        if line.receipt.previous != (before.sha256 if before else ledger.START):
            raise BoardError(f"Receipt {line.receipt.number} does not follow from the one before.", AUDIT)
    past = rows.last_id(board)
    return [line for line in newest if line.score is None or line.score.entry > past]


def row_of(line: Line, receipt: Scored, card: str) -> rows.Row:
    """Return the row that the receipt of a score, and the line that holds it, stand for."""
    entry = rows.Entry(
        receipt.entry,
        **{name: getattr(receipt, name) for name in rows.FACTS},
        scores={(split, metric): score for split, of in receipt.scores.items() for metric, score in of.items()},
        receipt=receipt.number,
    )
    return rows.Row(entry, card, line.text.decode())


def add_entry(connection: sqlite3.Connection, line: Line, card: str = "") -> None:
    """Add what one receipt stands for, in one transaction: of a score a row, of an event a copy of its line."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if line.score:
            rows.insert(connection, row_of(line, line.score, card))
        else:
            rows.insert_event(connection, line.receipt.number, line.text.decode())
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def kept_card(workspace: Workspace, receipt: Scored) -> str | None:
    """Return the card of a receipt from its file, as compact JSON; None where that is missing or was changed."""
    try:
        content = (workspace.path / receipt.card).read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content).hexdigest() != receipt.card_sha256:
        return None
    return msgspec.json.format(content, indent=-1).decode()


def card_file(card: str) -> bytes:
    """Return a card as its file has it: one fact a line, for people."""
    return msgspec.json.format(card.encode(), indent=1) + b"\n"


def _rows_before(board: sqlite3.Connection) -> dict[str, Any]:
    """Say what rows of a board stand there without a receipt, so that they too can be audited from now on."""
    found = list(rows.read_rows(board))
    return {"rows_before": len(found), "rows_before_sha256": hash_rows(found)} if found else {}


def hash_rows(found: list[rows.Row]) -> str:
    """Return the SHA-256 of rows by their content."""
    plain = [(row.entry, sorted(row.entry.scores.items()), row.card) for row in found]
    told = [
        [entry.id, *(getattr(entry, name) for name in rows.FIRST_FACTS), scores, card] for entry, scores, card in plain
    ]
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()
