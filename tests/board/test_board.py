"""The board keeps whole rows, whoever else writes, and ranks them as it says."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from harness.board.migrations import MIGRATIONS
from harness.board.ranking import rank_entries
from harness.board.rows import Score, add_entry, count_since, open_board, read_entries
from harness.errors import BoardError

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def add(path, name="entry", public=0.5, outcome="scored", when=NOW):
    scores = {("public", "accuracy"): Score(public, 0.0, 1.0, 100)} if outcome == "scored" else {}
    with open_board(path) as board:
        return add_entry(
            board,
            name=name,
            message="",
            contest="blood-cells",
            lock="abc",
            outcome=outcome,
            zip_sha256="00",
            weights="none",
            created_at=when,
            card="{}",
            scores=scores,
        )


def entries(path):
    with open_board(path) as board:
        return read_entries(board, "blood-cells", "abc")


def test_an_entry_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "board.sqlite3"
    add(path, "vgg16", 0.123456789)
    (entry,) = entries(path)
    assert (entry.id, entry.name, entry.created_at) == (1, "vgg16", "2026-05-04T12:00:00+00:00")
    assert entry.scores == {("public", "accuracy"): Score(0.123456789, 0.0, 1.0, 100)}


def test_eight_writers_at_once_leave_eight_rows(tmp_path):
    path = tmp_path / "board.sqlite3"
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda number: add(path, f"team-{number}"), range(8)))
    assert sorted(ids) == list(range(1, 9))
    assert {entry.name for entry in entries(path)} == {f"team-{number}" for number in range(8)}


def test_a_row_that_fails_half_way_leaves_nothing(tmp_path):
    path = tmp_path / "board.sqlite3"
    with pytest.raises(BoardError), open_board(path) as board:
        add_entry(
            board,
            name="x",
            message="",
            contest="blood-cells",
            lock="abc",
            outcome="scored",
            zip_sha256="",
            weights="",
            created_at=NOW,
            card="{}",
            scores={("public", "accuracy"): Score(None, 0, 1, 1)},  # type: ignore[arg-type]
        )
    assert entries(path) == []


def test_the_best_public_score_stands_first_and_of_equal_ones_the_earlier(tmp_path):
    path = tmp_path / "board.sqlite3"
    for name, public in (("low", 0.2), ("first", 0.9), ("second", 0.9), ("just above", 0.9 + 1e-12)):
        add(path, name, public)
    add(path, "broken", outcome="load_failed")
    standings = rank_entries(entries(path), "accuracy")
    assert [(row.rank, row.entry.name) for row in standings] == [
        (1, "just above"),
        (2, "first"),
        (3, "second"),
        (4, "low"),
        (None, "broken"),
    ]


def test_only_todays_entries_of_the_same_name_count_towards_the_limit(tmp_path):
    path = tmp_path / "board.sqlite3"
    add(path, "team", when=NOW - timedelta(days=1))
    add(path, "team", when=NOW)
    add(path, "other", when=NOW)
    with open_board(path) as board:
        assert count_since(board, "blood-cells", "abc", "team", NOW.replace(hour=0)) == 1


def test_a_board_of_a_newer_version_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "board.sqlite3"
    add(path)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(BoardError, match="schema"):
        entries(path)


def test_a_file_that_is_no_board_is_refused_with_a_sentence(tmp_path):
    path = tmp_path / "board.sqlite3"
    path.write_text("this is not a database, but it is long enough to be read as one" * 20)
    with pytest.raises(BoardError, match="cannot be used"):
        entries(path)
