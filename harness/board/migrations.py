"""The board's schema, as an ordered list of changes; each runs once, in a transaction of its own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from harness.errors import BoardError
from harness.workspace import move_durably

MIGRATIONS: tuple[tuple[str, str], ...] = (
    (
        "entries and their scores",
        """
        CREATE TABLE entries (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            message TEXT NOT NULL,
            contest TEXT NOT NULL,
            lock TEXT NOT NULL,
            outcome TEXT NOT NULL,
            zip_sha256 TEXT NOT NULL,
            weights TEXT NOT NULL,
            created_at TEXT NOT NULL,  -- UTC, ISO 8601
            card TEXT NOT NULL         -- the whole score card, JSON
        ) STRICT;
        CREATE TABLE scores (
            entry INTEGER NOT NULL REFERENCES entries (id),
            split TEXT NOT NULL,
            metric TEXT NOT NULL,
            value REAL NOT NULL,
            low REAL NOT NULL,
            high REAL NOT NULL,
            n INTEGER NOT NULL,
            PRIMARY KEY (entry, split, metric)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX entries_by_contest ON entries (contest, lock);
        """,
    ),
    (
        "each entry refers to its receipt",
        """
        ALTER TABLE entries ADD COLUMN receipt INTEGER;  -- its number in the ledger; NULL: from before there was one
        ALTER TABLE entries ADD COLUMN line TEXT;        -- the receipt, as the ledger holds it: a second copy
        CREATE UNIQUE INDEX entries_by_receipt ON entries (receipt);
        """,
    ),
    (
        "seeds, the Ladder, and boards of 100,000 rows",
        """
        ALTER TABLE entries ADD COLUMN recipe TEXT NOT NULL DEFAULT '';  -- seeds of one recipe share it; '': not known
        ALTER TABLE entries ADD COLUMN seed INTEGER;
        ALTER TABLE entries ADD COLUMN held INTEGER NOT NULL DEFAULT 0;  -- 1: the Ladder holds its public score back
        CREATE INDEX scores_by_value ON scores (split, metric, value DESC, entry);
        CREATE INDEX entries_by_outcome ON entries (contest, lock, outcome, held);
        CREATE INDEX entries_by_name ON entries (contest, lock, name, created_at);
        """,
    ),
    (
        "events of the ledger",
        """
        CREATE TABLE events (
            receipt INTEGER PRIMARY KEY,
            line TEXT NOT NULL  -- the receipt, as the ledger holds it: a second copy
        ) STRICT;
        """,
    ),
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a board to the newest schema, after a backup; two processes that try at once take turns.

    Raises
    ------
    BoardError
        The board was written by a newer version of this package.
    """
    newest = len(MIGRATIONS)
    if _version(connection) == newest:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)  # another process may have migrated while this one waited
        if version > newest:
            raise BoardError(
                f"The board has schema {version}, this version of hemobench knows up to {newest}.",
                "Update hemobench, or choose another --workspace.",
            )
        if version:
            _back_up(connection, version)
        for number, (_, script) in enumerate(MIGRATIONS[version:], start=version + 1):
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def backup_of(board: Path, version: int) -> Path:
    """Return where the board is kept as it was under schema `version`."""
    return board.with_name(f"{board.stem}.v{version}.backup{board.suffix}")


def _back_up(connection: sqlite3.Connection, version: int) -> None:
    """Copy the board beside itself, by its name and schema; nothing of the migration is in the copy."""
    path = Path(connection.execute("PRAGMA database_list").fetchone()[2])
    if not path.name:
        return  # a board in memory, read and thrown away
    part = path.with_name(f".{path.name}.backup")
    part.unlink(missing_ok=True)
    # Another connection, since this one holds the transaction; both see the board as it was before.
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, readable anywhere
    move_durably(part, backup_of(path, version))


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> list[str]:
    """Cut a script into statements: ``executescript`` would commit the open transaction first."""
    statements, pending = [], ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    return statements
