"""The board keeps whole rows, whoever else writes, and ranks them as it says."""

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from harness.board.ledger import Line
from harness.board.migrations import MIGRATIONS, backup_of
from harness.board.ranking import read_leaderboard
from harness.board.recorder import add_entry, open_recorder, open_to_read
from harness.board.rows import count_on_day, open_board, read_board, read_entries
from harness.errors import BoardError
from harness.score.estimate import Estimate

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LOCK = "ab" * 32


def entries(workspace):
    with open_to_read(workspace) as board:
        return read_entries(board, "blood-cells", LOCK)


def standings(workspace):
    with open_to_read(workspace) as board:
        return read_leaderboard(board, "blood-cells", LOCK, "accuracy").standings


def board_of_version_1(path, n=3):
    """A board as the first release wrote it, with `n` rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as board:
        board.executescript(MIGRATIONS[0][1])
        for number in range(1, n + 1):
            board.execute(
                "INSERT INTO entries (name, message, contest, lock, outcome, zip_sha256, weights, created_at, card) "
                "VALUES (?, 'old', 'blood-cells', ?, 'scored', '00', 'none', ?, '{}')",
                (f"old-{number}", LOCK, NOW.isoformat(timespec="seconds")),
            )
            board.execute("INSERT INTO scores VALUES (?, 'public', 'accuracy', 0.5, 0.4, 0.6, 100)", (number,))
        board.execute("PRAGMA user_version = 1")
        board.commit()


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
    with pytest.raises(BoardError), open_board(desk.workspace.board) as board:
        add_entry(board, broken, "{}")
    with closing(sqlite3.connect(desk.workspace.board)) as board:
        assert board.execute("SELECT count(*) FROM entries").fetchone() == (1,)
        assert board.execute("SELECT count(*) FROM scores").fetchone() == (1,)


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


def test_only_todays_entries_of_the_same_name_count_towards_the_limit(desk):
    desk.record("team", when=NOW - timedelta(days=1))
    desk.record("team", when=NOW)
    desk.record("other", when=NOW)
    desk.record("team", when=NOW + timedelta(days=1))  # by a clock that was ahead; it counts on its own day
    midnight = NOW.replace(hour=0)
    with read_board(desk.workspace.board) as board:
        counts = [
            count_on_day(board, "blood-cells", LOCK, "team", midnight + timedelta(days=day)) for day in (-2, -1, 0, 1)
        ]
    assert counts == [0, 1, 1, 1]


def test_a_board_of_a_newer_version_is_refused_and_left_alone(desk):
    desk.record()
    path = desk.workspace.board
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = path.read_bytes()
    for use in (entries, lambda workspace: open_recorder(workspace).__enter__()):
        with pytest.raises(BoardError, match="schema") as refused:
            use(desk.workspace)
        assert "Update hemobench" in refused.value.hint
    assert path.read_bytes() == before


def test_a_board_of_an_older_version_is_backed_up_and_goes_on(desk):
    path = desk.workspace.board
    board_of_version_1(path)
    line = desk.record("new")
    assert line.receipt.entry == 4 and line.receipt.rows_before == 3
    assert [(entry.id, entry.name) for entry in entries(desk.workspace)] == [
        (1, "old-1"),
        (2, "old-2"),
        (3, "old-3"),
        (4, "new"),
    ]
    with closing(sqlite3.connect(backup_of(path, 1))) as backup:
        assert backup.execute("PRAGMA user_version").fetchone() == (1,)
        assert backup.execute("SELECT count(*) FROM entries").fetchone() == (3,)
    assert not list(path.parent.glob(".*backup*"))


def test_eight_processes_that_migrate_at_once_take_turns(desk):
    board_of_version_1(desk.workspace.board)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: len(entries(desk.workspace)), range(8)))
    assert found == [3] * 8


def test_a_file_that_is_no_board_is_refused_with_what_to_type(desk):
    desk.workspace.path.mkdir()
    desk.workspace.board.write_text("this is not a database, but it is long enough to be read as one" * 20)
    with pytest.raises(BoardError, match="cannot be used") as refused:
        entries(desk.workspace)
    assert "hemobench restore" in refused.value.hint


@pytest.mark.parametrize("checkpointed", [True, False], ids=["settled", "with a journal beside it"])
def test_a_board_that_cannot_be_written_can_be_read(desk, monkeypatch, checkpointed):
    desk.record("first")
    path = desk.workspace.board
    if not checkpointed:
        reader = sqlite3.connect(path)  # keeps the journal from being folded into the board
        reader.execute("SELECT * FROM entries").fetchall()
        desk.record("second")
        for name in (path.name, f"{path.name}-wal"):
            shutil.copy(path.with_name(name), desk.workspace.path / f"kept-{name}")
        reader.close()
        for name in (path.name, f"{path.name}-wal"):
            (desk.workspace.path / f"kept-{name}").replace(path.with_name(name))
    monkeypatch.setattr("os.access", lambda *_: False)
    with read_board(path) as board:
        found = read_entries(board, "blood-cells", LOCK)
    assert [entry.name for entry in found] == (["first"] if checkpointed else ["first", "second"])
