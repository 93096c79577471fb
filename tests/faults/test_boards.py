"""Boards of other versions, clocks that jump, and two workspaces at once."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from harness.board.cache import VERSION
from harness.board.recorder import open_recorder
from harness.board.rules import check_limits
from harness.errors import BoardError
from harness.freeze.frozen import open_frozen
from harness.workspace import Workspace


def test_a_board_of_another_schema_is_made_anew_by_every_verb(hemobench):
    hemobench("submit", "majority", "-m", "x")
    board = hemobench.workspace / "board.sqlite3"
    before = hemobench("leaderboard", "--json").stdout
    for words in (
        ("leaderboard",),
        ("submit", "majority", "-m", "y"),
        (
            "ledger",
            "audit",
        ),
        ("show", 1),
        ("ledger", "replay", 1),
    ):
        with closing(sqlite3.connect(board)) as other:
            other.execute(f"PRAGMA user_version = {VERSION + 1}")
        hemobench(*words)
    assert json.loads(before)[0] in json.loads(hemobench("leaderboard", "--json").stdout)
    assert len((hemobench.workspace / "ledger.jsonl").read_text().splitlines()) == 2


def test_two_workspaces_at_once_know_nothing_of_each_other(hemobench, tmp_path, small_contest):
    other = type(hemobench)(tmp_path / "another workspace")
    other("freeze", "--contest", small_contest)
    hemobench("submit", "majority", "-m", "here")
    started = [place.start("submit", "random", "-m", f"both {n}") for n in range(2) for place in (hemobench, other)]
    for process in started:
        _, err = process.communicate(timeout=900)
        assert process.returncode == 0, err
    for place, messages in ((hemobench, {"here", "both 0", "both 1"}), (other, {"both 0", "both 1"})):
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
        hemobench("submit", "submissions/random", "-m", f"number {number}")
    workspace = Workspace(hemobench.workspace)
    frozen = open_frozen(workspace)
    now = datetime.now(UTC)
    with open_recorder(workspace) as recorder:
        with pytest.raises(BoardError, match="allows, 2 a day"):
            check_limits(recorder.board, frozen, "random", now)
        for days in (-400, -1, 1, 400):  # set back or ahead: another day, with its own count
            check_limits(recorder.board, frozen, "random", now + timedelta(days=days))
        check_limits(recorder.board, frozen, "majority", now)
