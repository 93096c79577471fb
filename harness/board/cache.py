"""``board.sqlite3``: a cache of the ledger, which many processes read at once, made anew whenever it does not fit.

It holds nothing that the ledger does not: a file that is missing, damaged or of another schema is filled again, and one
that is behind goes on from where it was.  It notes the last receipt it has seen; a ledger that does not hold that one
any more is not the ledger it was made from, and is not followed.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.board import rows
from harness.board.ledger import START, Line, lines_from
from harness.board.receipts import Disqualified, Receipt, Reinstated, Rescored, Scored
from harness.errors import BoardError
from harness.workspace import OWNER_FILE, make_folder, move_durably

VERSION = 9  # of the schema; another one is made anew
SCHEMA = """
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        receipt INTEGER NOT NULL UNIQUE,
        name TEXT NOT NULL,
        message TEXT NOT NULL,
        contest TEXT NOT NULL,
        lock TEXT NOT NULL,
        outcome TEXT NOT NULL,
        zip_sha256 TEXT NOT NULL,
        weights TEXT NOT NULL,
        created_at TEXT NOT NULL,  -- UTC, ISO 8601
        came TEXT NOT NULL,        -- the same, by a clock that never goes back, but for hand-ins
        recipe TEXT NOT NULL,      -- seeds of one recipe share it, '' where it is not known
        seed INTEGER,
        precision TEXT NOT NULL,   -- in which its training computed, '' where it is not known
        content TEXT NOT NULL,     -- what zips of the same files share, '' where it was refused
        trained_from TEXT NOT NULL, -- the zip whose fit.py was run here, '' where none was
        n_changed INTEGER,             -- labels that were others in other company, NULL where that is not known
        verified INTEGER NOT NULL,     -- 1: trained here from public data
        withheld INTEGER NOT NULL,     -- 1: the Ladder does not show its public score
        baseline INTEGER NOT NULL,     -- 1: one of the harness' own, submitted by its bare name
        disqualified INTEGER NOT NULL, -- 1: taken out of the ranks, and not reinstated since
        rescored INTEGER NOT NULL      -- number of the receipt by which it was rescored last, 0 where it was not
    ) STRICT;
    CREATE TABLE scores (
        entry INTEGER NOT NULL REFERENCES entries (id),
        split TEXT NOT NULL,
        metric TEXT NOT NULL,
        value REAL NOT NULL,
        low REAL NOT NULL,
        high REAL NOT NULL,
        n INTEGER NOT NULL,
        n_groups INTEGER NOT NULL,     -- 0 in a contest without groups
        PRIMARY KEY (entry, split, metric)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE head (             -- one row: the last receipt seen, and where its line begins in the ledger
        number INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        start INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX entries_by_time ON entries (contest, came);  -- asked for each row that is put in
"""
INDEXES = """
    CREATE INDEX scores_by_value ON scores (split, metric, value DESC, entry);
    CREATE INDEX entries_by_outcome ON entries (contest, lock, outcome, disqualified, baseline, withheld);
    CREATE INDEX entries_by_content ON entries (contest, lock, content);
    CREATE INDEX entries_by_name ON entries (contest, lock, name, created_at);
"""
BUSY_S = 60  # how long a writer waits for readers, and they for it
DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR")  # an error in plain SQL: not our tables
# What SQLite's other errors mean to a person, by the beginning of their names.
REMEDIES = {
    "SQLITE_FULL": "Make room on the disk, then try again.",
    "SQLITE_IOERR": "See whether the disk is full or failing, then try again.",
    "SQLITE_READONLY": "Make it writable, or choose another --workspace.",
    "SQLITE_CANTOPEN": "Make the workspace writable, or choose another --workspace.",
    "SQLITE_BUSY": "Another process holds it. Try again when that has ended.",
}
REMAKE = "Remove board.sqlite3: the next command makes it again from the ledger."


@dataclass(frozen=True)
class Head:
    """The last receipt that a board has seen, and where its line begins in the ledger."""

    number: int = 0
    sha256: str = START
    start: int = 0


@contextlib.contextmanager
def connected(path: Path, *, named: Path | None = None, in_use: bool = False) -> Iterator[sqlite3.Connection]:
    """Open the SQLite file at `path` as it is; SQLite's errors become sentences, of the board `named`.

    A board `in_use` that turns out to be damaged is set aside, so that the next command makes it anew.

    Raises
    ------
    BoardError
    """
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)) as board:
            yield board
    except (sqlite3.Error, UnicodeDecodeError) as error:  # a damaged schema is quoted in SQLite's own message
        code = getattr(error, "sqlite_errorname", None) or "SQLITE_CORRUPT"
        remedy = next((remedy for name, remedy in REMEDIES.items() if code.startswith(name)), REMAKE)
        said = error if isinstance(error, sqlite3.Error) else "it holds text that is not UTF-8"
        if in_use and code.startswith(DAMAGED):
            with contextlib.suppress(OSError):
                path.replace(aside_of(path))
                remedy = "Type it again: the board is made anew from the ledger."
        raise BoardError(f"The board {named or path} cannot be used: {said}.", remedy) from error


@contextlib.contextmanager
def in_memory(ledger: Path) -> Iterator[sqlite3.Connection]:
    """Make a board that is no file, from a ledger that may be missing."""
    with connected(Path(":memory:"), named=ledger) as board:
        _fill(board, ledger)
        yield board


def read_head(board: sqlite3.Connection) -> Head | None:
    """Return the last receipt on a board; None where it is of another schema, or empty.

    Raises
    ------
    sqlite3.Error
        It is damaged.
    """
    return _head(board) if board.execute("PRAGMA user_version").fetchone() == (VERSION,) else None


def _head(board: sqlite3.Connection) -> Head | None:
    found = board.execute("SELECT number, sha256, start FROM head").fetchall()
    return Head(*found[0]) if len(found) == 1 else None


def follow(board: sqlite3.Connection, ledger: Path) -> list[Receipt]:
    """Put every receipt on the board that it has not seen, in one transaction, and return them.

    Raises
    ------
    BoardError
        The ledger is damaged, or is not the one that the board was made from.
    """
    with _all_or_nothing(board):
        new = []
        for line, start in lines_after(ledger, _head(board) or Head()):
            _insert(board, line, start)
            new.append(line.receipt)
    return new


def lines_after(ledger: Path, head: Head) -> Iterator[tuple[Line, int]]:
    """Yield the receipts of a ledger that follow `head`, and where they begin, each checked against the one before.

    Raises
    ------
    BoardError
    """
    number, sha256 = head.number, head.sha256
    lines = lines_from(ledger, head.start)
    if number:
        first, _ = next(lines, (Line(b""), 0))
        if first.sha256 != sha256:
            raise BoardError(
                f"The board and its ledger disagree: receipt {number}, the last on the board, is {sha256[:12]}…; "
                "the ledger has another there, or none.",
                "See which of them was changed: hemobench ledger audit",
            )
    for line, start in lines:
        if (line.receipt.number, line.receipt.previous) != (number + 1, sha256):
            raise BoardError(
                f"Receipt {line.receipt.number} does not follow from the one before.",
                "See which of them was changed: hemobench ledger audit",
            )
        number, sha256 = line.receipt.number, line.sha256
        yield line, start


def add(board: sqlite3.Connection, line: Line, start: int) -> None:
    """Put on the board what one receipt stands for, whose line begins at `start` of the ledger."""
    with _all_or_nothing(board):
        _insert(board, line, start)


def _insert(board: sqlite3.Connection, line: Line, start: int) -> None:
    receipt = line.receipt
    if isinstance(receipt, Scored):
        rows.insert(board, receipt)
    elif isinstance(receipt, Disqualified | Reinstated):
        rows.set_disqualified(board, receipt.entry, isinstance(receipt, Disqualified))
    elif isinstance(receipt, Rescored):
        rows.rescore(board, receipt)
    board.execute("UPDATE head SET number = ?, sha256 = ?, start = ?", (line.receipt.number, line.sha256, start))


@contextlib.contextmanager
def _all_or_nothing(board: sqlite3.Connection) -> Iterator[None]:
    board.execute("BEGIN IMMEDIATE")
    try:
        yield
        board.execute("COMMIT")
    except BaseException:
        if board.in_transaction:
            board.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def open_cache(path: Path, ledger: Path, notes: list[str]) -> Iterator[sqlite3.Connection]:
    """Open the board at `path` for writing, with all of its ledger on it; the caller is the ledger's only writer.

    What was found amiss is put right, and told of in `notes`.

    Raises
    ------
    BoardError
        It cannot be written, or does not belong to the ledger.
    """
    usable, damage = is_usable(path)
    if not usable:
        _make(path, ledger, aside=bool(damage))
        if damage:
            notes.append(f"{path.name} was damaged ({damage}): it was made again from the ledger.")
    with connected(path, in_use=True) as board:
        notes += [
            f"Receipt {receipt.number} ({receipt.about}) was not on the board yet, its process was stopped; it is now."
            for receipt in follow(board, ledger)
        ]
        yield board


def is_usable(path: Path) -> tuple[bool, str]:
    """Say whether the board at `path` is there and of this schema, and where it is damaged how."""
    if not path.exists():
        return False, ""
    try:
        with connected(path) as board:
            return read_head(board) is not None, ""
    except BoardError as error:
        code = getattr(error.__cause__, "sqlite_errorname", None) or "SQLITE_CORRUPT"
        if code.startswith(DAMAGED):
            return False, str(error.__cause__)
        raise


def _make(path: Path, ledger: Path, *, aside: bool) -> None:
    """Make the board of a ledger anew: readers see the old file or the new one, and a killed process leaves the old."""
    part = path.with_name(f".{path.name}.part")
    try:
        make_folder(path.parent, private=True)
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT, OWNER_FILE))  # SQLite would make it by the umask
        with connected(part, named=path) as board:
            board.execute("PRAGMA journal_mode = OFF")  # a part is thrown away, not taken up again
            board.execute("PRAGMA synchronous = OFF")
            _fill(board, ledger)
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)  # it would be played back into the new file
        if aside:
            path.replace(aside_of(path))
        move_durably(part, path)
    except OSError as error:
        raise BoardError(
            f"Cannot write the board {path}: {error.strerror}.", "Make room or rights, or choose another --workspace."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _fill(board: sqlite3.Connection, ledger: Path) -> None:
    board.executescript(SCHEMA)
    board.execute("INSERT INTO head VALUES (?, ?, ?)", (0, START, 0))
    follow(board, ledger)
    board.executescript(INDEXES)  # last: sorting once is quicker than keeping 100,000 rows sorted
    board.execute(f"PRAGMA user_version = {VERSION}")


def aside_of(path: Path) -> Path:
    """Where a damaged board is kept, for who wants to know how it came to be."""
    return path.with_name(f"{path.stem}.damaged{path.suffix}")
