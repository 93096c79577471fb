"""The ledger: what is in it stays, what is torn is set aside, and the board follows it."""

import os
import sqlite3
from contextlib import closing

import pytest

from harness.board import cache, ledger, rows
from harness.board.audit import audit
from harness.board.ledger import START, Line, newest_lines, read_lines
from harness.board.recorder import open_recorder, open_to_read
from harness.errors import BoardError, ReceiptError


def names(workspace):
    with open_to_read(workspace) as board:
        return [entry.name for entry in rows.read_all(board)]


def test_each_receipt_names_the_hash_of_the_line_before(desk):
    for name in ("one", "two", "three"):
        desk.record(name)
    lines, torn = read_lines(desk.workspace.ledger)
    assert torn == b""
    assert [line.receipt.number for line in lines] == [1, 2, 3]
    assert [line.receipt.previous for line in lines] == [START, lines[0].sha256, lines[1].sha256]
    assert all(Line.of(line.receipt).text == line.text for line in lines), "one way to write it"


@pytest.mark.parametrize("block", [1, 7, 1 << 16])
@pytest.mark.parametrize("content", [b"", b"torn", b"a\n", b"a\nb\n", b"a\nb\ntorn", b"\n\n"])
def test_lines_read_from_the_end_are_those_read_from_the_start(tmp_path, monkeypatch, block, content):
    monkeypatch.setattr(ledger, "BLOCK", block)
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(content)
    assert [line.text for line in newest_lines(path)][::-1] == [line.text for line in read_lines(path)[0]]


def test_a_torn_last_line_is_set_aside_and_the_next_receipt_follows_the_last_whole_one(desk):
    first = desk.record("first")
    with desk.workspace.ledger.open("ab") as file:
        file.write(first.text[:40])
    assert "torn" in audit(desk.workspace).notes[0]
    assert not audit(desk.workspace).findings
    second = desk.record("second")
    assert second.receipt.previous == first.sha256
    (aside,) = desk.workspace.path.glob("ledger.torn-*.txt")
    assert aside.read_bytes() == first.text[:40]
    assert not audit(desk.workspace).findings
    assert names(desk.workspace) == ["first", "second"]


def test_who_opens_a_ledger_with_a_torn_line_is_told(desk):
    desk.record()
    with desk.workspace.ledger.open("ab") as file:
        file.write(b'{"format":1')
    with open_recorder(desk.workspace) as recorder:
        assert "torn" in recorder.notes[0]
    with open_recorder(desk.workspace) as recorder:
        assert recorder.notes == []


def test_a_receipt_without_its_row_gets_it_from_the_next_who_opens_the_board(desk, monkeypatch):
    desk.record("first")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(cache, "add", killed)
        desk.record("second")
    found = audit(desk.workspace)
    assert not found.findings, "a stopped process is no forgery"
    assert "1 receipt is not on the board yet" in found.notes[0]
    assert names(desk.workspace) == ["first", "second"], "the leaderboard adds it"
    assert not audit(desk.workspace).notes
    assert desk.record("third").receipt.entry == 3


def test_a_full_disk_under_the_board_keeps_the_receipt_and_says_so(desk, monkeypatch):
    desk.record("first")

    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(rows, "insert", full)
        with pytest.raises(ReceiptError, match="receipt 2"):
            desk.record("second")
    assert names(desk.workspace) == ["first", "second"]


def test_a_full_disk_under_the_ledger_leaves_it_as_it_was(desk, monkeypatch):
    desk.record("first")
    before = desk.workspace.ledger.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(BoardError, match="No space left"), ledger.only_writer(desk.workspace.ledger):
            ledger.append(desk.workspace.ledger, Line(b"{}"))
    assert desk.workspace.ledger.read_bytes() == before
    desk.record("second")
    assert names(desk.workspace) == ["first", "second"]


def test_a_board_that_is_gone_is_made_again_from_the_ledger(desk):
    for name in ("one", "two"):
        desk.record(name)
    for file in desk.workspace.path.glob("board.sqlite3*"):
        file.unlink()
    assert names(desk.workspace) == ["one", "two"]
    assert not audit(desk.workspace).findings


@pytest.mark.parametrize("kept", [0, 1])
def test_a_ledger_that_was_cut_back_is_not_written_on(desk, kept):
    for name in ("one", "two"):
        desk.record(name)
    lines, _ = read_lines(desk.workspace.ledger)
    desk.workspace.ledger.write_bytes(b"".join(line.text + b"\n" for line in lines[:kept]))
    before = desk.workspace.ledger.read_bytes()
    with pytest.raises(BoardError, match="disagree") as refused:
        desk.record("three")
    assert "hemobench ledger audit" in refused.value.hint
    assert desk.workspace.ledger.read_bytes() == before
    assert names(desk.workspace) == ["one", "two"], "it can still be read"


def test_a_receipt_of_a_newer_version_is_not_read_as_if_it_were_ours(desk):
    line = desk.record("one")
    with pytest.raises(BoardError, match="format 99"):
        _ = Line(line.text.replace(b'"format":1', b'"format":99')).receipt


def test_a_removed_last_row_does_not_come_back_unseen(desk):
    for name in ("one", "two"):
        desk.record(name)
    with closing(sqlite3.connect(desk.workspace.board)) as board:
        board.execute("DELETE FROM entries WHERE id = 2")
        board.commit()
    assert names(desk.workspace) == ["one"]
    (finding,) = audit(desk.workspace).findings
    assert finding.what == "row 2 (two)" and finding.got == "removed"
    assert desk.record("three").receipt.entry == 3


def test_a_ledger_that_does_not_follow_from_itself_makes_no_board(desk):
    for name in ("one", "two", "three"):
        desk.record(name)
    lines, _ = read_lines(desk.workspace.ledger)
    desk.workspace.ledger.write_bytes(b"".join(line.text + b"\n" for line in (lines[0], lines[2])))
    desk.workspace.board.unlink()
    with pytest.raises(BoardError, match="Receipt 3 does not follow") as refused:
        names(desk.workspace)
    assert "hemobench ledger audit" in refused.value.hint
    assert not list(desk.workspace.path.glob("*board*"))
