"""The rows of the board: what is on record of each entry, and the questions asked of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from harness.board.receipts import Rescored, Scored
from harness.score.estimate import Estimate

# What a row and its receipt both tell, beside the id; columns by these names, too.
FACTS = (
    *("name", "message", "contest", "lock", "outcome", "zip_sha256", "weights", "created_at", "recipe", "seed"),
    *("precision", "content", "trained_from", "n_changed", "verified", "withheld", "baseline"),
)
COLUMNS = ", ".join(("id", *FACTS, "came", "receipt", "disqualified", "rescored"))
# What may rank: baselines only among themselves, while no team has an entry that may.
MAY_RANK = """
    outcome = 'scored' AND disqualified = 0 AND (baseline = 0 OR NOT EXISTS (
        SELECT 1 FROM entries AS other WHERE other.contest = entries.contest AND other.lock = entries.lock
        AND other.outcome = 'scored' AND other.disqualified = 0 AND other.baseline = 0
    ))
"""
# Whether an entry has shown that it labels each image by itself; of others that is not known, or known not to be so.
PER_IMAGE = "n_changed IS 0"
AT_ONCE = 500  # ids asked for in one query: SQLite takes some thousands


@dataclass(frozen=True)
class Entry:
    """One submission, as the board keeps it; `scores` is keyed by split and metric.

    `created_at` is when it was handed in, UTC; `recipe` is what seeds of one recipe share, `precision` what its
    training computed in, both "" where that is not known; `withheld` says that the Ladder does not show its public
    score; `receipt` is its number in the ledger.  `content` is what zips of the same files share, however they were
    packed; `baseline` says that it is one of the harness' own, `disqualified` that it was taken out of the ranks since.
    `n_changed` counts the labels of the consistency check that were others in other company; None where it found
    nothing out.  `verified` says that it was trained here from public data; `trained_from` is the SHA-256 of the zip
    whose ``fit.py`` was run here for it, "" where none was.  `came` says who is first of equal ones: see `time_of`.
    `rescored` is the number of the receipt by which it was rescored last, 0 where it was not.
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
    precision: str
    content: str
    trained_from: str
    n_changed: int | None
    verified: bool
    withheld: bool
    baseline: bool
    came: str
    receipt: int
    disqualified: bool
    rescored: int
    scores: dict[tuple[str, str], Estimate]

    @property
    def came_to_nothing(self) -> bool:
        """Whether its training here left no model: its zip is the code as it was handed in."""
        return self.trained_from == self.zip_sha256


def time_of(receipt: Scored, last: str) -> str:
    """Return when an entry came, in the order by which of equal ones the earlier is first; `last` is that before it.

    What was handed in elsewhere came at that time, in whatever order it was judged; all else in the order of the
    receipts, whatever the clock said.
    """
    return receipt.handed_in or max(receipt.created_at, last)


def entry_of(receipt: Scored, disqualified: bool = False, came: str = "", rescored: int = 0) -> Entry:
    """Return the row that the receipt of a score stands for, `disqualified` since, and `rescored` by which receipt."""
    facts = {name: getattr(receipt, name) for name in FACTS}
    return Entry(
        receipt.entry,
        **facts | {"created_at": receipt.handed_in or receipt.created_at},
        came=came,
        receipt=receipt.number,
        disqualified=disqualified,
        rescored=rescored,
        scores={(split, metric): score for split, of in receipt.scores.items() for metric, score in of.items()},
    )


def insert(connection: sqlite3.Connection, receipt: Scored) -> None:
    """Put the row of a receipt in, inside the caller's transaction."""
    query = "SELECT max(came) FROM entries WHERE contest = ?"
    (last,) = connection.execute(query, (receipt.contest,)).fetchone()
    entry = entry_of(receipt, came=time_of(receipt, last or ""))
    values = (*(getattr(entry, name) for name in ("id", *FACTS)), entry.came, entry.receipt, entry.disqualified, 0)
    connection.execute(f"INSERT INTO entries ({COLUMNS}) VALUES ({', '.join('?' * len(values))})", values)
    _insert_scores(connection, entry.id, receipt.scores)


def _insert_scores(connection: sqlite3.Connection, number: int, scores: Mapping[str, Mapping[str, Estimate]]) -> None:
    connection.executemany(
        "INSERT INTO scores (entry, split, metric, value, low, high, n, n_groups) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (number, split, metric, *msgspec.structs.astuple(score))
            for split, of in scores.items()
            for metric, score in of.items()
        ],
    )


def rescore(connection: sqlite3.Connection, receipt: Rescored) -> None:
    """Let entries be worth what the receipt of a rescoring says, inside the caller's transaction."""
    for one in receipt.entries:
        connection.execute(
            "UPDATE entries SET lock = ?, outcome = ?, n_changed = ?, rescored = ? WHERE id = ?",
            (receipt.lock, one.outcome, one.n_changed, receipt.number, one.entry),
        )
        connection.execute("DELETE FROM scores WHERE entry = ?", (one.entry,))
        _insert_scores(connection, one.entry, one.scores)


def set_disqualified(connection: sqlite3.Connection, number: int, disqualified: bool) -> None:
    """Note that an entry was disqualified, or reinstated, inside the caller's transaction."""
    connection.execute("UPDATE entries SET disqualified = ? WHERE id = ?", (disqualified, number))


def read_all(connection: sqlite3.Connection) -> list[Entry]:
    """Return the entries of every contest, earliest first: in the order of their ids, whatever the clock said."""
    return _read(connection, "1", ())


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
        rows = connection.execute(f"SELECT {COLUMNS} FROM entries WHERE {where} ORDER BY id", values).fetchall()
        scores: dict[int, dict[tuple[str, str], Estimate]] = {row[0]: {} for row in rows}
        for entry, split, metric, *numbers in connection.execute(
            "SELECT entry, split, metric, value, low, high, n, n_groups "
            f"FROM entries JOIN scores ON entry = entries.id WHERE {where}",
            values,
        ):
            scores[entry][split, metric] = Estimate(*numbers)
    return [_entry(row, scores[row[0]]) for row in rows]


def _entry(row: Sequence[Any], scores: dict[tuple[str, str], Estimate]) -> Entry:
    *facts, verified, withheld, baseline, came, receipt, disqualified, rescored = row
    flags = map(bool, (verified, withheld, baseline))
    return Entry(*(*facts, *flags, came, receipt, bool(disqualified), rescored, scores))


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
        Id, name, time, whether the Ladder holds its public score back, whether it is a baseline outside the ranks,
        whether it is disqualified, and whether it has not shown to label each image by itself; then the value of each
        key, 0 to 1, or None.
    """
    columns = ", ".join(
        f"(SELECT value FROM scores WHERE entry = entries.id AND split = ?{2 * at + 3} AND metric = ?{2 * at + 4})"
        for at in range(len(keys))
    )
    return connection.execute(
        f"SELECT id, name, created_at, withheld, baseline AND NOT ({MAY_RANK}), disqualified, NOT ({PER_IMAGE}), "
        f"{columns} FROM entries WHERE contest = ?1 AND lock = ?2 ORDER BY id",
        (contest, lock, *(word for key in keys for word in key)),
    ).fetchall()


def best_first(
    connection: sqlite3.Connection,
    contest: str,
    lock: str,
    split: str,
    metric: str,
    *,
    baselines: bool = False,
    per_image: bool | None = None,
) -> Iterator[tuple[int, str, str, bool]]:
    """Yield id, name, time and `withheld` of all that have a score and may rank, best first, of equal ones the earlier.

    Baselines are among them where no team is, or with `baselines`; with `per_image` only those that have shown to label
    each image by itself, or only the others.  It costs what is taken of it: the index holds them in this order.
    """
    for number, name, when, withheld in connection.execute(
        "SELECT entries.id, name, created_at, withheld FROM scores INDEXED BY scores_by_value "
        "JOIN entries ON entries.id = entry WHERE split = ? AND metric = ? AND contest = ? AND lock = ? "
        f"AND {'disqualified = 0' if baselines else MAY_RANK} AND {_labelling(per_image)} "
        "ORDER BY value DESC, came, entry",
        (split, metric, contest, lock),
    ):
        yield number, name, when, bool(withheld)


def _labelling(per_image: bool | None) -> str:
    return "1" if per_image is None else f"({PER_IMAGE}) = {int(per_image)}"


def count_ranking(
    connection: sqlite3.Connection, contest: str, lock: str, *, withheld: bool = False, per_image: bool | None = None
) -> int:
    """Return how many entries may rank; those that the Ladder withholds only with `withheld`; else as `best_first`."""
    query = (
        "SELECT count(*) FROM entries WHERE contest = ? AND lock = ? AND withheld <= ? "
        f"AND {MAY_RANK} AND {_labelling(per_image)}"
    )
    return int(connection.execute(query, (contest, lock, withheld)).fetchone()[0])


def _ids(connection: sqlite3.Connection, contest: str, lock: str, where: str, *values: str) -> list[int]:
    query = f"SELECT id FROM entries WHERE contest = ? AND lock = ? AND {where} ORDER BY id"
    return [number for (number,) in connection.execute(query, (contest, lock, *values))]


def transductive_ids(connection: sqlite3.Connection, contest: str, lock: str) -> list[int]:
    """Return the ids of the entries that have not shown to label each image by itself."""
    return _ids(connection, contest, lock, f"NOT ({PER_IMAGE})")


def disqualified_ids(connection: sqlite3.Connection, contest: str, lock: str) -> list[int]:
    """Return the ids of the entries of a frozen contest that are disqualified now."""
    return _ids(connection, contest, lock, "disqualified = 1")


def unranked_baselines(connection: sqlite3.Connection, contest: str, lock: str) -> list[int]:
    """Return the ids of the baselines that were scored and stand outside the ranks, since a team has one."""
    return _ids(
        connection, contest, lock, f"baseline = 1 AND outcome = 'scored' AND disqualified = 0 AND NOT ({MAY_RANK})"
    )


def same_content(connection: sqlite3.Connection, contest: str, lock: str) -> dict[int, int]:
    """Return the entries whose zip holds the same files as an earlier one of another name, and the first such, by id.

    However they were packed: names of files, their order and their compression do not count.
    """
    first: dict[str, tuple[int, str]] = {}
    found: dict[int, int] = {}
    for number, name, content in connection.execute(
        "SELECT id, name, content FROM entries WHERE contest = ?1 AND lock = ?2 AND content IN (SELECT content FROM "
        "entries WHERE contest = ?1 AND lock = ?2 AND content != '' GROUP BY content HAVING count(DISTINCT name) > 1) "
        "ORDER BY came, id",
        (contest, lock),
    ):
        earliest, of = first.setdefault(content, (number, name))
        if name != of:
            found[number] = earliest
    return found


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


def first_of_zip(
    connection: sqlite3.Connection, contest: str, lock: str, digest: str, content: str = "", until: str = ""
) -> Entry | None:
    """Return the earliest entry of a frozen contest whose zip has this SHA-256, else that holds the same files.

    With `until`, UTC in ISO 8601, only of those that came by then.
    """
    where = "WHERE contest = ?1 AND lock = ?2 AND (zip_sha256 = ?3 OR content = ?4 AND ?4 != '')"
    where += " AND (came <= ?5 OR ?5 = '')"
    query = f"SELECT id FROM entries {where} ORDER BY zip_sha256 != ?3, came, id LIMIT 1"
    (number,) = connection.execute(query, (contest, lock, digest, content, until)).fetchone() or (None,)
    return None if number is None else read_some(connection, [number])[0]


def shown_ids(connection: sqlite3.Connection, contest: str, lock: str, name: str) -> Iterator[int]:
    """Yield the ids of a team's scored entries whose public score shows, newest first."""
    query = (
        "SELECT id FROM entries WHERE contest = ? AND lock = ? AND name = ? AND outcome = 'scored' AND withheld = 0 "
        "AND disqualified = 0 AND baseline = 0 ORDER BY id DESC"
    )
    for (number,) in connection.execute(query, (contest, lock, name)):
        yield number


def recipes(connection: sqlite3.Connection, contest: str, lock: str) -> Iterator[tuple[int, str]]:
    """Yield id and recipe of the scored entries whose recipe is known, of each seed the earliest, earliest first."""
    query = (
        "SELECT min(id), recipe FROM entries WHERE contest = ? AND lock = ? AND outcome = 'scored' AND recipe != '' "
        "GROUP BY recipe, seed ORDER BY min(id)"
    )
    yield from connection.execute(query, (contest, lock))


def counted_times(connection: sqlite3.Connection, contest: str, lock: str, name: str, free: int = 0) -> list[str]:
    """Return when the entries of a team came that count for its limits, earliest first, UTC in ISO 8601.

    The first `free` of those that were not scored do not count.
    """
    failed, found = 0, []
    for when, outcome in connection.execute(
        "SELECT created_at, outcome FROM entries WHERE contest = ? AND lock = ? AND name = ? AND baseline = 0 "
        "ORDER BY created_at, id",
        (contest, lock, name),
    ):
        failed += outcome != "scored"
        if outcome == "scored" or failed > free:
            found.append(when)
    return found


def of_team_and_zip(
    connection: sqlite3.Connection, contest: str, lock: str, name: str, digest: str, *, closed: bool = False
) -> int | None:
    """Return the id of a team's earliest entry whose zip has this SHA-256; None where it has none.

    In the `closed` division it is the zip that was trained here.
    """
    same = "trained_from = ?" if closed else "trained_from = '' AND zip_sha256 = ?"
    found = _ids(connection, contest, lock, f"name = ? AND {same}", name, digest)
    return found[0] if found else None
