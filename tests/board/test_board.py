"""The board keeps whole rows, whoever else writes, and ranks them as it says."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from harness.board.cache import VERSION, add, connected
from harness.board.ledger import Line
from harness.board.ranking import read_leaderboard
from harness.board.recorder import open_recorder, open_to_read
from harness.board.rows import counted_times, first_of_zip, read_all
from harness.board.rules import check_limits
from harness.board.visibility import Role, Visibility
from harness.contest import SHIPPED, read_contest, with_rules
from harness.errors import BoardError
from harness.score.estimate import Estimate

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LOCK = "ab" * 32


def entries(workspace):
    with open_to_read(workspace) as board:
        return read_all(board)


def standings(workspace):
    with open_to_read(workspace) as board:
        return read_leaderboard(board, "blood-cells", LOCK, "accuracy", Visibility(Role.EVERYBODY)).standings


def test_an_entry_is_read_as_it_was_written(desk):
    desk.record("vgg16", 0.123456789)
    (entry,) = entries(desk.workspace)
    assert (entry.id, entry.name, entry.created_at) == (1, "vgg16", "2026-05-04T12:00:00+00:00")
    assert entry.scores == {("public", "accuracy"): Estimate(0.123456789, 0.0, 1.0, 100)}


def test_eight_writers_at_once_leave_eight_rows_and_one_chain(desk):
    with ThreadPoolExecutor(8) as pool:
        lines = list(pool.map(lambda number: desk.record(f"team-{number}"), range(8)))
    assert sorted(line.receipt.entry for line in lines) == list(range(1, 9))
    assert sorted(line.receipt.number for line in lines) == list(range(1, 9))
    assert {entry.name for entry in entries(desk.workspace)} == {f"team-{number}" for number in range(8)}


def test_a_row_that_fails_half_way_leaves_nothing(desk):
    line = desk.record("whole")
    broken = Line(line.text.replace(b'"value":0.5', b'"value":null').replace(b'"entry":1', b'"entry":2'))
    with pytest.raises(BoardError), connected(desk.workspace.board) as board:
        add(board, broken, 0)
    with closing(sqlite3.connect(desk.workspace.board)) as board:
        assert board.execute("SELECT count(*) FROM entries").fetchone() == (1,)
        assert board.execute("SELECT count(*) FROM scores").fetchone() == (1,)
        assert board.execute("SELECT number FROM head").fetchall() == [(1,)]


def test_the_best_public_score_stands_first_and_of_equal_ones_the_earlier(desk):
    for name, public in (("low", 0.2), ("first", 0.9), ("second", 0.9), ("just above", 0.9 + 1e-12)):
        desk.record(name, public)
    desk.record("broken", outcome="load_failed")
    assert [(row.rank, row.entry.name) for row in standings(desk.workspace)] == [
        (1, "just above"),
        (2, "first"),
        (3, "second"),
        (4, "low"),
        (None, "broken"),
    ]


def test_a_clock_set_back_does_not_change_who_was_first(desk):
    desk.record("first", 0.5, when=NOW)
    desk.record("second", 0.5, when=NOW - timedelta(days=400))
    assert [row.entry.name for row in standings(desk.workspace)] == ["first", "second"]


def test_of_equal_ones_that_were_handed_in_elsewhere_the_earlier_is_first_in_whatever_order_they_were_judged(desk):
    for name, hour in (("later", 3), ("first", 1), ("second", 2)):
        when = (NOW + timedelta(hours=hour)).isoformat(timespec="seconds")
        desk.record(name, 0.5, when=NOW + timedelta(days=1), handed_in=when, content="the same")
    found = standings(desk.workspace)
    assert [row.entry.name for row in found] == ["first", "second", "later"]
    assert [row.same_as for row in found] == [None, 2, 2]
    with open_to_read(desk.workspace) as board:
        by_then = [
            first_of_zip(board, "blood-cells", LOCK, "", "the same", (NOW + timedelta(hours=hour)).isoformat())
            for hour in (0, 1, 3)
        ]
    assert [one and one.name for one in by_then] == [None, "first", "first"], "nothing is a copy of what came later"


def test_only_todays_entries_of_the_same_name_count_towards_the_limit(desk):
    desk.record("team", when=NOW - timedelta(days=1))
    desk.record("team", when=NOW)
    desk.record("other", when=NOW)
    desk.record("team", when=NOW + timedelta(days=1))  # by a clock that was ahead; it counts on its own day
    contest = with_rules(read_contest(SHIPPED / "blood-cells.toml"), {"submissions_per_day": 1})
    frozen = SimpleNamespace(contest=contest, lock_hash=LOCK)
    with open_to_read(desk.workspace) as board:
        check_limits(board, frozen, "team", NOW - timedelta(days=2))
        for day in (-1, 0, 1):
            with pytest.raises(BoardError, match="1 a day"):
                check_limits(board, frozen, "team", NOW + timedelta(days=day))
        check_limits(board, frozen, "team", NOW + timedelta(days=2))


def test_the_first_failed_entries_of_a_team_count_for_no_limit_where_the_rules_say_so(desk):
    for hour, outcome in enumerate(("killed", "scored", "killed", "killed")):
        desk.record("team", outcome=outcome, when=NOW + timedelta(hours=hour))
    with open_to_read(desk.workspace) as board:
        counts = [len(counted_times(board, "blood-cells", LOCK, "team", free)) for free in range(5)]
    assert counts == [4, 3, 2, 1, 1]


@pytest.mark.parametrize("version", [0, VERSION + 1])
@pytest.mark.parametrize("use", ["read", "written"])
def test_a_board_of_another_schema_is_made_anew(desk, version, use):
    for name in ("one", "two"):
        desk.record(name)
    with closing(sqlite3.connect(desk.workspace.board)) as board:
        board.execute("DROP TABLE scores")
        board.execute("CREATE TABLE more (x)")
        board.execute(f"PRAGMA user_version = {version}")
    if use == "written":
        with open_recorder(desk.workspace) as recorder:
            assert recorder.notes == []
    found = entries(desk.workspace)
    assert [(entry.id, entry.name, len(entry.scores)) for entry in found] == [(1, "one", 1), (2, "two", 1)]
    with closing(sqlite3.connect(desk.workspace.board)) as board:
        assert board.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'more'").fetchone() == (0,)


def test_eight_processes_that_make_the_board_at_once_take_turns(desk):
    for number in range(3):
        desk.record(f"team-{number}")
    desk.workspace.board.unlink()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: len(entries(desk.workspace)), range(8)))
    assert found == [3] * 8
    assert not list(desk.workspace.path.glob(".board*"))


def test_who_reads_while_the_board_is_made_anew_sees_the_old_one_or_the_new(desk):
    desk.record("one")
    with open_to_read(desk.workspace) as board:
        desk.workspace.board.unlink()
        desk.record("two")
        assert len(read_all(board)) == 1
    assert len(entries(desk.workspace)) == 2


@pytest.mark.parametrize("state", ["whole", "missing", "damaged", "of another schema", "behind"])
def test_a_board_that_cannot_be_written_can_be_read(desk, monkeypatch, state):
    desk.record("first")
    before = desk.workspace.board.read_bytes()
    desk.record("second")
    path = desk.workspace.board
    if state == "missing":
        path.unlink()
    elif state == "damaged":
        path.write_bytes(b"x" * 9000)
    elif state == "of another schema":
        path.write_bytes(b"")
    elif state == "behind":
        path.write_bytes(before)
    left = path.read_bytes() if path.exists() else None

    def read_only(*_, **__):
        raise BoardError("Cannot write the ledger: Read-only file system.")

    monkeypatch.setattr("harness.board.ledger.only_writer", read_only)
    found = [entry.name for entry in entries(desk.workspace)]
    assert found == (["first"] if state == "behind" else ["first", "second"])
    assert (path.read_bytes() if path.exists() else None) == left
