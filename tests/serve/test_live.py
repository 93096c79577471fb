"""What is shown follows the board, and says so when it cannot."""

import json
import shutil

import pytest

from harness.analysis import build as module
from harness.analysis.build import BoardSource, gather
from harness.board.closing import close
from harness.errors import BoardError
from harness.report.images import thumbnails
from harness.report.live import NOT_OF_NOW, LiveBoard
from harness.report.page import as_csv, as_json, render
from harness.workspace import Workspace
from tests.report.entries import Desk


def names(live) -> list[str]:
    return [row.name for row in live.shown.content.report.rows]


def test_it_shows_the_facts_of_the_report(desk, live):
    report = gather(desk.workspace, desk.frozen)
    assert live.shown.content.json == as_json(report)
    assert live.shown.content.csv.decode() == as_csv(report)
    assert live.shown.state["entries"] == 3
    assert live.shown.state["trouble"] == ""


def test_a_report_as_a_file_has_no_script_that_asks_a_server(desk, live):
    report = gather(desk.workspace, desk.frozen)
    file = render(report, thumbnails(desk.frozen, report))
    for word in ("connect-src", "fetch(", 'id="live"', "location.reload"):
        assert word not in file
        assert word in live.shown.page.html


def test_nothing_is_gathered_while_nothing_changes(live, monkeypatch):
    shown = live.shown

    def never(*args, **options):
        raise AssertionError("gathered again")

    monkeypatch.setattr(module, "gather", never)
    assert [live.refresh() for _ in range(3)] == [False] * 3
    assert live.shown is shown


def test_reading_the_board_elsewhere_is_no_change(desk, live, monkeypatch):
    from harness import api

    live.refresh()
    monkeypatch.setattr(module, "gather", None)
    api.leaderboard(desk.workspace.path)
    assert not live.refresh()
    assert not live.shown.trouble


@pytest.mark.parametrize("outcome", ["scored", "timed_out"])
def test_a_new_row_is_taken_in_whatever_became_of_it(desk, live, outcome):
    before = live.shown
    desk.record("late team", 0.95, number=9, outcome=outcome)
    assert live.refresh()
    assert live.shown.state["entries"] == 4
    assert live.shown.state["version"] != before.state["version"]
    assert "late team" in live.shown.page.html
    assert "late team" not in before.page.html


def test_files_that_are_touched_and_say_the_same_give_no_new_version(desk, live):
    before = live.shown
    desk.workspace.ledger.touch()
    desk.workspace.board.touch()
    assert not live.refresh()
    assert live.shown is before


def every_byte(live: LiveBoard) -> bytes:
    content = live.shown.content
    since = content.since[11:19]
    page = live.shown.page.html.replace(content.since, "").replace(since, "")
    return b"".join((page.encode(), content.csv, content.json, content.version.encode()))


def test_the_private_half_is_in_no_byte_until_it_is_revealed(desk, frozen_workspace, tmp_path):
    shutil.copytree(frozen_workspace, tmp_path / "other", symlinks=True)
    other = Desk(Workspace(tmp_path / "other"))
    for number, accuracy in enumerate((0.9, 0.8, 0.7)):
        other.record(f"team {number}", accuracy, number=number, private_seed=1000 + number)
    told: dict[bool, list[bytes]] = {}
    for revealed in (False, True):
        both = [LiveBoard(BoardSource(each.workspace, "small", reveal_private=revealed)) for each in (desk, other)]
        assert [each.refresh() for each in both] == [True, True]
        told[revealed] = [every_byte(each) for each in both]
    assert told[False][0] == told[False][1]
    assert told[True][0] != told[True][1]


def test_the_private_half_shows_when_the_contest_is_closed(desk, live):
    assert not live.shown.content.report.revealed
    close(desk.workspace, desk.frozen)
    assert live.refresh()
    assert json.loads(live.shown.content.json)["revealed"]
    assert "private %" in live.shown.page.html


def test_a_damaged_board_is_made_again_and_shown_on(desk, live):
    desk.workspace.board.write_bytes(b"no board" * 1000)
    desk.record("team 3", 0.6, number=3)
    assert live.refresh()
    assert live.shown.trouble == ""
    assert names(live) == ["team 0", "team 1", "team 2", "team 3"]


def break_the_ledger(desk):
    """Leave neither a board nor a ledger to make one from; return what puts it right."""
    whole = desk.workspace.ledger.read_bytes()
    desk.workspace.ledger.write_bytes(b"no receipt\n" + whole)
    desk.workspace.board.unlink()
    return lambda: desk.workspace.ledger.write_bytes(whole)


def test_a_ledger_that_breaks_is_told_of_beside_what_was_shown_last(desk, live):
    repair = break_the_ledger(desk)
    assert live.refresh()
    assert "no receipt" in live.shown.trouble
    assert "hemobench ledger audit" in live.shown.trouble
    assert live.shown.trouble.replace("'", "&#39;") in live.shown.page.html
    assert names(live) == ["team 0", "team 1", "team 2"]
    assert "team 2" in live.shown.page.html
    repair()
    assert live.refresh()
    assert live.shown.trouble == ""
    assert "no receipt" not in live.shown.page.html


def test_others_than_the_owner_are_told_that_something_is_amiss_and_not_what(desk):
    live = LiveBoard(BoardSource(desk.workspace, "small"), for_others=True)
    assert live.refresh() and not live.trouble
    break_the_ledger(desk)
    assert live.refresh()
    assert "no receipt" in live.trouble and "hemobench ledger audit" in live.trouble
    assert live.shown.trouble == NOT_OF_NOW and NOT_OF_NOW in live.shown.page.html
    assert "no receipt" not in live.shown.page.html and str(desk.workspace.path) not in live.shown.page.html
    assert names(live) == ["team 0", "team 1", "team 2"], "what was shown last stays"


def test_a_board_that_was_never_whole_has_a_page_of_its_own(desk):
    repair = break_the_ledger(desk)
    live = LiveBoard(BoardSource(desk.workspace, "small"))
    live.refresh()
    assert live.shown.content is None
    assert "No board to show" in live.shown.page.html
    assert "hemobench ledger audit" in live.shown.page.html
    repair()
    assert live.refresh()
    assert names(live) == ["team 0", "team 1", "team 2"]


def test_what_could_not_be_read_is_read_again_though_no_file_changed(live, desk, monkeypatch):
    def busy(*args, **options):
        raise BoardError("The board is held by another process.", "Wait.")

    monkeypatch.setattr(module, "gather", busy)
    desk.record("late team", 0.95, number=9)
    assert live.refresh()
    assert live.shown.trouble == "The board is held by another process. Wait."
    monkeypatch.undo()
    assert not live.refresh(), "not at once"
    live._again = 0.0  # as after ten seconds
    assert live.refresh()
    assert "late team" in names(live)


def test_a_fault_of_ours_is_shown_in_the_terminal_and_not_on_the_page(live, desk, monkeypatch, capsys):
    def wrong(*args, **options):
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(module, "gather", wrong)
    desk.record("late team", 0.95, number=9)
    assert live.refresh()
    assert "a secret of the inside" in capsys.readouterr().err
    assert "fault of hemobench" in live.shown.page.html
    assert "secret" not in live.shown.page.html
    assert names(live) == ["team 0", "team 1", "team 2"]
    live._again = 0.0
    assert not live.refresh()
    assert capsys.readouterr().err == "", "said once"


def test_a_contest_that_is_no_longer_frozen_is_told_of(desk, live):
    (desk.workspace.contest("small") / "current").unlink()
    assert live.refresh()
    assert "not frozen" in live.shown.trouble
