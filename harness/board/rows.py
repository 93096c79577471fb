"""The board: one SQLite file that many processes may read and write at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.board.migrations import migrate
from harness.errors import BoardError

BUSY_S = 60  # how long a writer waits for another one


@dataclass(frozen=True)
class Score:
    """One metric of one split: value and 95 % interval, 0 to 1, on `n` pictures."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Entry:
    """One submission, as the board keeps it; `scores` is keyed by split and metric."""

    id: int
    name: str
    message: str
    contest: str
    lock: str
    outcome: str
    zip_sha256: str
    weights: str
    created_at: str
    scores: dict[tuple[str, str], Score]


@contextmanager
def open_board(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the board at `path`, making or migrating it first.

    Raises
    ------
    BoardError
        The file is no board, is damaged, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise BoardError(f"Cannot open the board {path}: {error}.", "Choose another --workspace.") from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a row that was reported survives a power cut
        connection.execute("PRAGMA foreign_keys = ON")
        migrate(connection)
        yield connection
    except sqlite3.Error as error:
        raise BoardError(
            f"The board {path} cannot be used: {error}.",
            "If it is damaged, move it away; the cards in the workspace's cards/ folder hold every score.",
        ) from error
    finally:
        connection.close()


def add_entry(
    connection: sqlite3.Connection,
    *,
    name: str,
    message: str,
    contest: str,
    lock: str,
    outcome: str,
    zip_sha256: str,
    weights: str,
    created_at: datetime,
    card: str,
    scores: dict[tuple[str, str], Score],
) -> int:
    """Add one entry with all its scores, in one transaction, and return its id."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        cursor = connection.execute(
            "INSERT INTO entries (name, message, contest, lock, outcome, zip_sha256, weights, created_at, card) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                name,
                message,
                contest,
                lock,
                outcome,
                zip_sha256,
                weights,
                created_at.isoformat(timespec="seconds"),
                card,
            ),
        )
        entry = cursor.lastrowid
        assert entry is not None
        connection.executemany(
            "INSERT INTO scores (entry, split, metric, value, low, high, n) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(entry, *key, score.value, score.low, score.high, score.n) for key, score in scores.items()],
        )
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return entry


def read_entries(connection: sqlite3.Connection, contest: str, lock: str) -> list[Entry]:
    """Return all entries of one frozen contest, earliest first."""
    connection.execute("BEGIN")  # both queries see the same moment
    try:
        rows = connection.execute(
            "SELECT id, name, message, contest, lock, outcome, zip_sha256, weights, created_at "
            "FROM entries WHERE contest = ? AND lock = ? ORDER BY id",
            (contest, lock),
        ).fetchall()
        scores: dict[int, dict[tuple[str, str], Score]] = {row[0]: {} for row in rows}
        for entry, split, metric, *numbers in connection.execute(
            "SELECT entry, split, metric, value, low, high, n FROM scores "
            "JOIN entries ON entries.id = entry WHERE contest = ? AND lock = ?",
            (contest, lock),
        ):
            scores[entry][split, metric] = Score(*numbers)
    finally:
        connection.execute("COMMIT")
    return [Entry(*(*row, scores[row[0]])) for row in rows]


def count_since(connection: sqlite3.Connection, contest: str, lock: str, name: str, since: datetime) -> int:
    """Return how often `name` was submitted to a frozen contest since a moment in UTC."""
    query = "SELECT count(*) FROM entries WHERE contest = ? AND lock = ? AND name = ? AND created_at >= ?"
    parameters = (contest, lock, name, since.isoformat(timespec="seconds"))
    return int(connection.execute(query, parameters).fetchone()[0])
