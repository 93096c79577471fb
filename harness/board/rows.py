"""The board: one SQLite file that many processes may read and write at once, an index of the ledger."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from harness.board.migrations import migrate
from harness.errors import BoardError
from harness.score.estimate import Estimate
from harness.workspace import OWNER_FILE, make_folder

# What a row and its receipt both tell, beside the id; columns by these names, too.  The first ones are what a board had
# before there was a ledger: its first receipt holds a hash of them.
FIRST_FACTS = ("name", "message", "contest", "lock", "outcome", "zip_sha256", "weights", "created_at")
FACTS = (*FIRST_FACTS, "recipe", "seed", "held")
COLUMNS = ", ".join(("id", *FACTS))
AT_ONCE = 500  # ids asked for in one query: SQLite takes some thousands
BUSY_S = 60  # how long a writer waits for another one
# What SQLite's errors mean to a person, by the beginning of their names.
REMEDIES = {
    "SQLITE_CORRUPT": "It is damaged. Make it again from the ledger: hemobench restore",
    "SQLITE_NOTADB": "It is damaged. Make it again from the ledger: hemobench restore",
    "SQLITE_FULL": "Make room on the disk, then try again.",
    "SQLITE_IOERR": "See whether the disk is full or failing, then try again.",
    "SQLITE_READONLY": "Make it writable, or choose another --workspace.",
    "SQLITE_CANTOPEN": "Make the workspace writable, or choose another --workspace.",
    "SQLITE_BUSY": "Another process holds it. Try again when that has ended.",
}
OTHER_REMEDY = "See what is wrong with it: hemobench audit"


@dataclass(frozen=True)
class Entry:
    """One submission, as the board keeps it; `scores` is keyed by split and metric.

    `recipe` is what seeds of one recipe share, "" where it is not known; `held` says that the Ladder holds the public
    score back; `receipt` is its number in the ledger, None for a row from before there was one.
    """

    id: int
    name: str
    message: str
    contest: str
    lock: str
    outcome: str
    zip_sha256: str
    weights: str
    created_at: str
    recipe: str
    seed: int | None
    held: bool
    scores: dict[tuple[str, str], Estimate]
    receipt: int | None = None


@dataclass(frozen=True)
class Row:
    """All that the board holds of an entry: what is shown, its card as JSON, and its receipt's line."""

    entry: Entry
    card: str
    line: str | None


@contextmanager
def open_board(path: Path, *, named: Path | None = None) -> Iterator[sqlite3.Connection]:
    """Open the board at `path` for writing, making or migrating it first; errors call it `named`, else by its path.

    Raises
    ------
    BoardError
        The file is no board, is damaged, or cannot be written.
    """
    with _spoken(named or path):
        try:
            make_folder(path.parent, private=True)
            if not path.exists():  # SQLite would make it by the umask; its other files get the mode of this one
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, OWNER_FILE))
        except OSError as error:
            raise BoardError(
                f"Cannot open the board {path}: {error.strerror}.", "Choose another --workspace."
            ) from error
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # a row that was reported survives a power cut
            connection.execute("PRAGMA foreign_keys = ON")
            migrate(connection)
            yield connection
        finally:
            connection.close()


@contextmanager
def read_board(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the board at `path` for reading, also where nothing can be written; a missing one is empty.

    Raises
    ------
    BoardError
        The file is no board or is damaged.
    """
    if not path.exists():
        with _spoken(path), closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            migrate(connection)
            yield connection
    elif os.access(path.parent, os.W_OK) and os.access(path, os.W_OK) and not _is_full(path.parent):
        with open_board(path) as connection:
            yield connection
    else:
        with copied(path) as copy, open_board(copy, named=path) as connection:
            yield connection


@contextmanager
def copied(path: Path) -> Iterator[Path]:
    """Copy a board that cannot be written to where it can be: SQLite writes even to read, and an old one migrates."""
    try:
        with tempfile.TemporaryDirectory(prefix="hemobench-board-") as folder:
            for file in (path, path.with_name(f"{path.name}-wal")):
                if file.exists():
                    shutil.copyfile(file, Path(folder) / file.name)
            yield Path(folder) / path.name
    except OSError as error:
        raise BoardError(
            f"Cannot read the board {path}: {error.strerror or error}.",
            "Make room on the disk or in the folder for temporary files (TMPDIR), then try again.",
        ) from error


def _is_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < 1_000_000  # SQLite needs some 100 kB beside the board to read it


@contextmanager
def _spoken(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into sentences that say what to type."""
    try:
        try:
            yield
        except UnicodeDecodeError as error:  # from the module itself: a damaged schema is quoted in SQLite's message
            raise sqlite3.DatabaseError("it holds text that is not UTF-8") from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", None) or ""
        remedy = next((remedy for name, remedy in REMEDIES.items() if code.startswith(name)), OTHER_REMEDY)
        raise BoardError(f"The board {path} cannot be used: {error}.", remedy) from error


def insert_event(connection: sqlite3.Connection, receipt: int, line: str) -> None:
    """Put the copy of an event's line in, inside the caller's transaction."""
    connection.execute("INSERT INTO events (receipt, line) VALUES (?, ?)", (receipt, line))


def insert(connection: sqlite3.Connection, row: Row) -> None:
    """Put a row in, under its own id, inside the caller's transaction."""
    entry = row.entry
    values = (entry.id, *(getattr(entry, name) for name in FACTS), row.card, entry.receipt, row.line)
    connection.execute(
        f"INSERT INTO entries ({COLUMNS}, card, receipt, line) VALUES ({', '.join('?' * len(values))})", values
    )
    connection.executemany(
        "INSERT INTO scores (entry, split, metric, value, low, high, n) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(entry.id, *key, score.value, score.low, score.high, score.n) for key, score in entry.scores.items()],
    )


def read_entries(connection: sqlite3.Connection, contest: str, lock: str) -> list[Entry]:
    """Return all entries of one frozen contest, earliest first: in the order of their ids, whatever the clock said."""
    return _read(connection, "contest = ? AND lock = ?", (contest, lock))


def read_some(connection: sqlite3.Connection, ids: Sequence[int]) -> list[Entry]:
    """Return the entries with these ids, in the order of `ids`; one that is not there is left out."""
    found: dict[int, Entry] = {}
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        marks = ", ".join("?" * len(some))
        found |= {entry.id: entry for entry in _read(connection, f"entries.id IN ({marks})", some)}
    return [found[number] for number in ids if number in found]


@contextmanager
def one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    """Let all queries inside see the board as it is at the first of them, whoever writes meanwhile."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


def _read(connection: sqlite3.Connection, where: str, values: Sequence[str | int]) -> list[Entry]:
    with one_moment(connection):
        rows = connection.execute(
            f"SELECT {COLUMNS}, receipt FROM entries WHERE {where} ORDER BY id", values
        ).fetchall()
        scores: dict[int, dict[tuple[str, str], Estimate]] = {row[0]: {} for row in rows}
        for entry, split, metric, *numbers in connection.execute(
            "SELECT entry, split, metric, value, low, high, n "
            f"FROM entries JOIN scores ON entry = entries.id WHERE {where}",
            values,
        ):
            scores[entry][split, metric] = Estimate(*numbers)
    return [_entry(row, scores[row[0]]) for row in rows]


def _entry(row: Sequence[Any], scores: dict[tuple[str, str], Estimate]) -> Entry:
    *facts, held, receipt = row
    return Entry(*(*facts, bool(held), scores, receipt))


def read_values(
    connection: sqlite3.Connection, contest: str, lock: str, keys: Sequence[tuple[str, str]]
) -> list[tuple[Any, ...]]:
    """Return a few numbers of every entry of a frozen contest, earliest first, without the rest.

    Parameters
    ----------
    connection : sqlite3.Connection
    contest, lock : str
    keys : sequence of (split, metric)

    Returns
    -------
    list of tuple
        Id, name, time, whether the Ladder holds its public score back, and the value of each key, 0 to 1, or None.
    """
    columns = ", ".join(
        f"(SELECT value FROM scores WHERE entry = entries.id AND split = ?{2 * at + 3} AND metric = ?{2 * at + 4})"
        for at in range(len(keys))
    )
    return connection.execute(
        f"SELECT id, name, created_at, held, {columns} FROM entries WHERE contest = ?1 AND lock = ?2 ORDER BY id",
        (contest, lock, *(word for key in keys for word in key)),
    ).fetchall()


def best_first(
    connection: sqlite3.Connection, contest: str, lock: str, split: str, metric: str
) -> Iterator[tuple[int, str, bool]]:
    """Yield id, name and `held` of all that have a score, best first; of equal ones the earlier entry first.

    It costs what is taken of it: the index holds them in this order.
    """
    for number, name, held in connection.execute(
        "SELECT entries.id, name, held FROM scores INDEXED BY scores_by_value JOIN entries ON entries.id = entry "
        "WHERE split = ? AND metric = ? AND contest = ? AND lock = ? ORDER BY value DESC, entry",
        (split, metric, contest, lock),
    ):
        yield number, name, bool(held)


def count_scored(connection: sqlite3.Connection, contest: str, lock: str, *, held: bool = False) -> int:
    """Return how many entries were scored; those that the Ladder holds back only with `held`."""
    query = "SELECT count(*) FROM entries WHERE contest = ? AND lock = ? AND outcome = 'scored' AND held <= ?"
    return int(connection.execute(query, (contest, lock, held)).fetchone()[0])


def count_all(connection: sqlite3.Connection, contest: str, lock: str) -> int:
    """Return how many entries a frozen contest has, scored or not."""
    query = "SELECT count(*) FROM entries WHERE contest = ? AND lock = ?"
    return int(connection.execute(query, (contest, lock)).fetchone()[0])


def count_under_other_locks(connection: sqlite3.Connection, contest: str, lock: str) -> int:
    """Return how many entries of a contest were scored on another freeze of it."""
    query = "SELECT count(*) FROM entries WHERE contest = ? AND lock != ?"
    return int(connection.execute(query, (contest, lock)).fetchone()[0])


def all_ids(connection: sqlite3.Connection, contest: str, lock: str) -> Iterator[int]:
    """Yield the ids of all entries of a frozen contest, earliest first."""
    query = "SELECT id FROM entries WHERE contest = ? AND lock = ? ORDER BY id"
    for (number,) in connection.execute(query, (contest, lock)):
        yield number


def names(connection: sqlite3.Connection, contest: str, lock: str) -> Iterator[str]:
    """Yield the names of the teams of a frozen contest."""
    for (name,) in connection.execute(
        "SELECT DISTINCT name FROM entries WHERE contest = ? AND lock = ?", (contest, lock)
    ):
        yield name


def first_of_zip(connection: sqlite3.Connection, contest: str, lock: str, digest: str) -> Entry | None:
    """Return the earliest entry of a frozen contest whose zip has this SHA-256."""
    query = "SELECT min(id) FROM entries WHERE contest = ? AND lock = ? AND zip_sha256 = ?"
    (number,) = connection.execute(query, (contest, lock, digest)).fetchone()
    return None if number is None else read_some(connection, [number])[0]


def shown_ids(connection: sqlite3.Connection, contest: str, lock: str, name: str) -> Iterator[int]:
    """Yield the ids of a team's scored entries that the Ladder does not hold back, newest first."""
    query = (
        "SELECT id FROM entries WHERE contest = ? AND lock = ? AND name = ? AND outcome = 'scored' AND held = 0 "
        "ORDER BY id DESC"
    )
    for (number,) in connection.execute(query, (contest, lock, name)):
        yield number


def recipes(connection: sqlite3.Connection, contest: str, lock: str) -> Iterator[tuple[int, str]]:
    """Yield id and recipe of the scored entries whose recipe is known, earliest first."""
    query = (
        "SELECT id, recipe FROM entries WHERE contest = ? AND lock = ? AND outcome = 'scored' AND recipe != '' "
        "ORDER BY id"
    )
    yield from connection.execute(query, (contest, lock))


def read_rows(connection: sqlite3.Connection) -> Iterator[Row]:
    """Yield everything, of every contest, in the order of ids; one that fails half way has told the rows before it."""
    for *facts, card, line in connection.execute(f"SELECT {COLUMNS}, receipt, card, line FROM entries ORDER BY id"):
        scores = {
            (split, metric): Estimate(*numbers)
            for split, metric, *numbers in connection.execute(
                "SELECT split, metric, value, low, high, n FROM scores WHERE entry = ?", (facts[0],)
            )
        }
        yield Row(_entry(facts, scores), card, line)


def read_events(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """Return the number and the line of every event's receipt, in their order."""
    return connection.execute("SELECT receipt, line FROM events ORDER BY receipt").fetchall()


def last_id(connection: sqlite3.Connection) -> int:
    """Return the greatest id that a row of this board has ever had, 0 where there was none."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'entries'").fetchone()
    return int(found[0]) if found else 0


def last_line(connection: sqlite3.Connection) -> str | None:
    """Return the newest receipt on the board, as the ledger held it when the row was written."""
    found = [
        row
        for table in ("entries", "events")
        for row in connection.execute(
            f"SELECT receipt, line FROM {table} WHERE receipt IS NOT NULL ORDER BY receipt DESC LIMIT 1"
        )
    ]
    return max(found)[1] if found else None


def count_on_day(connection: sqlite3.Connection, contest: str, lock: str, name: str, midnight: datetime) -> int:
    """Return how often `name` was submitted to a frozen contest in the 24 hours from `midnight`, UTC.

    What carries a later date, from a clock that was ahead, counts on its own day.
    """
    ends = (midnight.isoformat(timespec="seconds"), (midnight + timedelta(days=1)).isoformat(timespec="seconds"))
    return _count(connection, contest, lock, name, "AND created_at >= ? AND created_at < ?", *ends)


def count_of(connection: sqlite3.Connection, contest: str, lock: str, name: str) -> int:
    """Return how often `name` was submitted to a frozen contest."""
    return _count(connection, contest, lock, name)


def _count(connection: sqlite3.Connection, contest: str, lock: str, name: str, more: str = "", *values: str) -> int:
    query = f"SELECT count(*) FROM entries WHERE contest = ? AND lock = ? AND name = ? {more}"
    return int(connection.execute(query, (contest, lock, name, *values)).fetchone()[0])
