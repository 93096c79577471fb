"""Boards of other versions, clocks that jump, and two workspaces at once."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from harness.board.migrations import MIGRATIONS
from harness.board.recorder import open_recorder
from harness.board.rules import check_limits
from harness.errors import BoardError
from harness.freeze.frozen import open_frozen
from harness.workspace import Workspace


@pytest.fixture
def with_an_old_board(hemobench):
    """A workspace of the first release: a board of schema 1 with two rows of real cards, and no ledger."""
    hemobench("submit", "majority", "-m", "old one")
    hemobench("submit", "random", "-m", "old two")
    board = hemobench.workspace / "board.sqlite3"
    with closing(sqlite3.connect(board)) as new:
        columns = "id, name, message, contest, lock, outcome, zip_sha256, weights, created_at, card"
        entries = new.execute(f"SELECT {columns} FROM entries").fetchall()
        scores = new.execute("SELECT * FROM scores").fetchall()
    for path in (*hemobench.workspace.glob("board.sqlite3*"), hemobench.workspace / "ledger.jsonl"):
        path.unlink()
    with closing(sqlite3.connect(board)) as old:
        old.executescript(MIGRATIONS[0][1])
        old.executemany(f"INSERT INTO entries ({columns}) VALUES ({', '.join('?' * 10)})", entries)
        old.executemany("INSERT INTO scores VALUES (?, ?, ?, ?, ?, ?, ?)", scores)
        old.execute("PRAGMA user_version = 1")
        old.commit()
    return hemobench


def test_an_older_board_goes_on_with_a_backup_and_old_rows_can_be_replayed(with_an_old_board):
    hemobench = with_an_old_board
    rows = json.loads(hemobench("leaderboard", "--json").stdout)
    assert [row["message"] for row in sorted(rows, key=lambda row: row["id"])] == ["old one", "old two"]
    with closing(sqlite3.connect(hemobench.workspace / "board.v1.backup.sqlite3")) as backup:
        assert backup.execute("SELECT count(*) FROM entries").fetchone() == (2,)
    hemobench("submit", "nearest-centroid", "-m", "new")
    found = json.loads(hemobench("ledger", "audit", "--json").stdout)
    assert (found["receipts"], found["rows"], found["rows_before"], found["findings"]) == (1, 3, 2, [])
    assert "older than the ledger" in " ".join(hemobench("ledger", "replay", 1).stdout.split())
    assert "equal to receipt 1" in hemobench("ledger", "replay", 3).stdout


def test_an_older_board_that_is_damaged_is_restored_from_backup_and_ledger(with_an_old_board):
    hemobench = with_an_old_board
    hemobench("submit", "nearest-centroid", "-m", "new")
    before = hemobench("leaderboard", "--json").stdout
    board = hemobench.workspace / "board.sqlite3"
    board.write_bytes(board.read_bytes()[:5000])
    assert "hemobench restore" in hemobench("leaderboard", code=1).stderr
    hemobench("ledger", "restore")
    assert hemobench("leaderboard", "--json").stdout == before
    hemobench("ledger", "audit")


def test_a_newer_board_is_left_alone_by_every_verb(hemobench):
    hemobench("submit", "majority", "-m", "x")
    board = hemobench.workspace / "board.sqlite3"
    with closing(sqlite3.connect(board)) as newer:
        newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = board.read_bytes()
    for words in (
        ("leaderboard",),
        ("submit", "majority", "-m", "y"),
        ("ledger", "audit"),
        ("ledger", "restore"),
        ("ledger", "replay", 1),
    ):
        assert "Update hemobench" in hemobench(*words, code=1).stderr
    assert board.read_bytes() == before
    assert len((hemobench.workspace / "ledger.jsonl").read_text().splitlines()) == 1


def test_two_workspaces_at_once_know_nothing_of_each_other(hemobench, tmp_path, small_contest):
    other = type(hemobench)(tmp_path / "another workspace")
    freezing = other.start("freeze", "--contest", small_contest)
    submits = [hemobench.start("submit", "majority", "-m", f"here {number}") for number in range(3)]
    for process in (freezing, *submits):
        _, err = process.communicate(timeout=900)
        assert process.returncode == 0, err
    started = [(place, place.start("submit", "random", "-m", "both")) for place in (hemobench, other)]
    for _, process in started:
        _, err = process.communicate(timeout=900)
        assert process.returncode == 0, err
    for place, messages in ((hemobench, {"here 0", "here 1", "here 2", "both"}), (other, {"both"})):
        assert {row["message"] for row in json.loads(place("leaderboard", "--json").stdout)} == messages
        found = json.loads(place("ledger", "audit", "--json").stdout)
        assert (found["receipts"], found["findings"]) == (len(messages), [])
    heads = {json.loads(place("ledger", "audit", "--json").stdout)["head"] for place in (hemobench, other)}
    assert len(heads) == 2


def test_a_clock_that_jumps_neither_blocks_nor_frees_a_day(hemobench, tmp_path, small_contest):
    contest = tmp_path / "strict.toml"
    contest.write_text(small_contest.read_text().replace('"small"', '"strict"') + "submissions_per_day = 2\n")
    hemobench("freeze", "--contest", contest)
    for number in range(2):
        hemobench("submit", "random", "-m", f"number {number}")
    workspace = Workspace(hemobench.workspace)
    frozen = open_frozen(workspace)
    now = datetime.now(UTC)
    with open_recorder(workspace) as recorder:
        with pytest.raises(BoardError, match="allows, 2 a day"):
            check_limits(recorder.board, frozen, "random", now)
        for days in (-400, -1, 1, 400):  # set back or ahead: another day, with its own count
            check_limits(recorder.board, frozen, "random", now + timedelta(days=days))
        check_limits(recorder.board, frozen, "majority", now)
