"""Make the board again from the ledger and the kept cards; what was there before is kept aside."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import msgspec

from harness.board import ledger, rows
from harness.board.audit import RESTORE, Finding, audit, checked_hash, rows_before
from harness.board.chain import Books, Chain, find_card, read_books, true_chain
from harness.board.migrations import MIGRATIONS, backup_of
from harness.board.recorder import card_file, hash_rows, kept_card, row_of
from harness.errors import AuditError, WorkspaceError
from harness.words import counted
from harness.workspace import Workspace, move_durably, write_atomic

PART = ".board.restoring.sqlite3"  # the new board while it is written


class Restored(msgspec.Struct, frozen=True):
    """What was made again.  `aside` are the damaged files under their new names, `left` what could not be mended."""

    rows: int
    receipts_mended: int
    cards_mended: int
    aside: tuple[str, ...]
    notes: tuple[str, ...]
    left: tuple[Finding, ...]


def restore(workspace: Workspace, *, expect: str | None = None) -> Restored | None:
    """Mend the ledger and the cards from the board's copies, then make the board anew from them.

    Nothing is thrown away: a damaged ledger or board is kept under another name.  A process killed at any moment leaves
    the old board or the new one, and the next restore completes the rest.

    Returns
    -------
    Restored, or None when an audit finds nothing to mend.

    Raises
    ------
    AuditError
        Neither the ledger nor the board holds some receipt as the next one says it was.
    HarnessError
        The workspace cannot be written.
    """
    expect = checked_hash(expect) if expect is not None else None
    found = audit(workspace, expect=expect)
    if not found.findings and not list(workspace.path.glob(f"{PART}*")):
        return None
    with ledger.only_writer(workspace.ledger):
        books = read_books(workspace, held=True)
        chain = true_chain(workspace, books, expect)
        if not chain.is_whole:
            numbers = ", ".join(str(number) for number in sorted(chain.unknown) if number) or "1"
            raise AuditError(
                f"Neither ledger nor board holds the true receipt {numbers}: the board cannot be made from them.",
                "Put ledger.jsonl back from a copy of the workspace, or go on in another --workspace.",
            )
        if expect is not None and not chain.holds(expect):
            raise AuditError(
                f"Neither ledger nor board holds a receipt {expect[:12]}…: they were rewritten since.",
                "Put a copy of the workspace back; without --expect, the board is made from the ledger as it is.",
            )
        for leftover in workspace.path.glob(f"{PART}*"):  # of a restore that was killed
            leftover.unlink()
        if not any(finding.hint == RESTORE for finding in found.findings):
            return Restored(found.rows, 0, 0, (), (), found.findings)
        notes: list[str] = []
        aside: list[str] = []
        old = _old_rows(workspace, books, chain, notes)
        if not chain.lines and not old:
            raise AuditError(
                f"There is no ledger to make {workspace.board.name} from, nor a backup of it.",
                "Move it away; the cards in the workspace's cards/ folder hold every score.",
            )
        if torn := ledger.set_torn_aside(workspace.ledger):
            notes.append(f"The ledger's last line was torn; it was never reported and lies in {torn.name}.")
        mended = _mend_ledger(workspace, books, chain, aside)
        cards = _mend_cards(workspace, books, chain)
        scores = chain.scores.values()
        wanted = old + [row_of(line, score, find_card(workspace, score, books) or "") for line, score in scores]
        events = [(number, line.text.decode()) for number, line in chain.events.items()]
        if books.damage or (books.rows, books.events) != (wanted, events):
            _make_board(workspace, wanted, events, aside)
    left = audit(workspace, expect=expect)
    return Restored(left.rows, mended, cards, tuple(aside), tuple(notes), left.findings)


def _old_rows(workspace: Workspace, books: Books, chain: Chain, notes: list[str]) -> list[rows.Row]:
    """Return the rows from before the ledger: from the board where they are whole, else from a backup."""
    expected = chain.lines[1].receipt.rows_before_sha256 if chain.lines else ""
    found = rows_before(books, chain)
    if not expected and chain.lines:
        return []
    if found and not books.damage and (not expected or hash_rows(found) == expected):
        return found
    for version in range(len(MIGRATIONS), 0, -1):
        backup = backup_of(workspace.board, version)
        if backup.is_file():
            with contextlib.suppress(sqlite3.Error, WorkspaceError):
                kept = _rows_of(backup)
                if not expected or hash_rows(kept) == expected:
                    notes.append(f"{counted(len(kept), 'row')} from before the ledger came from {backup.name}.")
                    return kept
    if found or expected:
        notes.append(f"{counted(len(found), 'row')} from before the ledger, as the damaged board had them: unproven.")
    return found


def _rows_of(backup: Path) -> list[rows.Row]:
    """Return the rows of a backup that have no receipt."""
    with rows.copied(backup) as copy, rows.open_board(copy) as board:
        return [row for row in rows.read_rows(board) if row.entry.receipt is None]


def _mend_ledger(workspace: Workspace, books: Books, chain: Chain, aside: list[str]) -> int:
    """Write the true receipts where the ledger has others, and return how many those were."""
    true = [chain.lines[number] for number in sorted(chain.lines)]
    if [line.text for line in books.lines] == [line.text for line in true]:
        return 0
    if workspace.ledger.exists():
        name = _free_name(workspace.ledger)
        _copy_aside(workspace.ledger, name)
        aside.append(name)
    write_atomic(workspace.ledger, b"".join(line.text + b"\n" for line in true), private=True)
    return len({line.text for line in true} - {line.text for line in books.lines})


def _mend_cards(workspace: Workspace, books: Books, chain: Chain) -> int:
    mended = 0
    for _, receipt in chain.scores.values():
        lost = kept_card(workspace, receipt) is None
        if lost and (card := find_card(workspace, receipt, books)) is not None:
            write_atomic(workspace.path / receipt.card, card_file(card), private=True)
            mended += 1
    return mended


def _make_board(workspace: Workspace, wanted: list[rows.Row], events: list[tuple[int, str]], aside: list[str]) -> None:
    """Write a new board and put it in the place of the old one, which is kept aside."""
    part = workspace.path / PART
    with rows.open_board(part) as board:
        board.execute("PRAGMA journal_mode = DELETE")
        board.execute("BEGIN IMMEDIATE")
        for row in wanted:
            rows.insert(board, row)
        for event in events:
            rows.insert_event(board, *event)
        board.execute("COMMIT")
    damaged = workspace.board
    name = _free_name(damaged)
    if damaged.exists():
        _copy_aside(damaged, name)
        aside.append(name)
    for suffix in ("-wal", "-shm"):  # they belong to the old file, and would be read into the new one
        beside = damaged.with_name(damaged.name + suffix)
        if beside.exists():
            beside.replace(damaged.with_name(name + suffix))
    move_durably(part, damaged)


def _free_name(path: Path) -> str:
    """Return a name for a damaged file that no file beside it has."""
    now = datetime.now(UTC)
    names = (f"{path.stem}.damaged-{now:%Y%m%dT%H%M%SZ}{f'-{n}' if n > 1 else ''}{path.suffix}" for n in count(1))
    return next(name for name in names if not path.with_name(name).exists())


def _copy_aside(path: Path, name: str) -> None:
    """Copy a damaged file beside itself: the original stays until a new one replaces it."""
    aside = path.with_name(name)
    try:
        shutil.copy2(path, aside)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise WorkspaceError(
            f"Cannot keep {path.name} aside: {error.strerror or error}.", "Nothing was changed. Make room or rights."
        ) from error
