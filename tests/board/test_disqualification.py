"""What stands outside the ranks: disqualified entries, baselines; and what is marked as packed anew."""

import shutil

import msgspec
import pytest

from harness import api
from harness.board import cache, ledger
from harness.board.audit import audit
from harness.board.closing import select
from harness.board.disqualification import disqualify, reinstate
from harness.board.in_force import open_in_force
from harness.board.ledger import Line, read_lines
from harness.board.recorder import open_to_read
from harness.board.rules import check_limits
from harness.board.stored import read_stored
from harness.errors import UsageError
from harness.freeze.frozen import open_frozen
from harness.workspace import Workspace
from tests.board.conftest import NOW

WHY = "its weights are those of entry 1"


@pytest.fixture
def running(frozen_workspace, tmp_path, desk):
    """The small contest of the test's own, and what records an entry in it."""
    shutil.copytree(frozen_workspace, tmp_path / "workspace", symlinks=True)
    here = type(desk)(Workspace(tmp_path / "workspace"))
    lock = open_frozen(here.workspace).lock_hash

    def record(name, public=0.5, **facts):
        return here.record(name, public, contest="small", lock=lock, **facts)

    return here.workspace, record


def standings(workspace, **terms):
    return [
        (row.rank, row.entry.id, row.note) for row in api.leaderboard(workspace.path, others=True, **terms).standings
    ]


def out(workspace, *entries, why=WHY):
    return [disqualify(workspace, open_in_force(workspace), entry, why).number for entry in entries]


def back(workspace, entry):
    return reinstate(workspace, open_in_force(workspace), entry, "it was a mistake").number


def test_a_disqualified_entry_leaves_the_ranks_stays_listed_and_comes_back(running):
    workspace, record = running
    for name, public in (("a", 0.5), ("b", 0.75), ("c", 0.25)):
        record(name, public, private=public)
    assert out(workspace, 2) == [4]
    assert standings(workspace) == [(1, 1, ""), (2, 3, ""), (None, 2, "disqualified")]
    board = api.leaderboard(workspace.path)
    assert (board.n_ranked, board.n_others) == (2, 1)
    (gone,) = board.others
    assert gone.public is None and ("public", "accuracy") not in gone.entry.scores
    assert standings(workspace, reveal_private=True)[-1] == (None, 2, "disqualified")
    assert back(workspace, 2) == 5
    assert standings(workspace) == [(1, 2, ""), (2, 1, ""), (3, 3, "")]
    assert audit(workspace).findings == ()
    assert ledger.disqualified(workspace.ledger) == {}


def test_the_board_made_anew_from_the_ledger_says_the_same(running):
    workspace, record = running
    record("a"), record("b")
    out(workspace, 1)
    assert ledger.disqualified(workspace.ledger)[1].why == WHY
    before = standings(workspace)
    workspace.board.unlink()
    assert standings(workspace) == before == [(1, 2, ""), (None, 1, "disqualified")]
    with cache.in_memory(workspace.ledger) as board:
        assert board.execute("SELECT id FROM entries WHERE disqualified").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda workspace: out(workspace, 7), "no entry 7"),
        (lambda workspace: out(workspace, 1, 1), "disqualified already"),
        (lambda workspace: back(workspace, 1), "not disqualified"),
        (lambda workspace: out(workspace, 1, why=" "), "reason"),
        (lambda workspace: out(workspace, 1, why="red\x1b[31m"), "reason"),
    ],
)
def test_what_cannot_be_is_refused(running, act, said):
    workspace, record = running
    record("a")
    with pytest.raises(UsageError, match=said):
        act(workspace)
    assert audit(workspace).findings == ()


def test_an_entry_of_another_contest_is_not_disqualified_here(running, desk):
    workspace, record = running
    record("a")
    type(desk)(workspace).record("b")
    with pytest.raises(UsageError, match="no entry 2"):
        out(workspace, 2)


def test_of_a_closed_contest_the_other_final_of_the_team_ranks(running):
    workspace, record = running
    for name, public, private in (("a", 0.75, 0.5), ("a", 0.5, 0.25), ("b", 0.25, 0.375)):
        record(name, public, private=private)
    assert api.close(workspace.path).finals == {"a": (1, 2), "b": (3,)}
    out(workspace, 1)
    assert standings(workspace) == [(1, 3, ""), (2, 2, ""), (None, 1, "disqualified")]
    out(workspace, 2)
    assert standings(workspace) == [(1, 3, ""), (None, 1, "disqualified"), (None, 2, "disqualified")]
    assert api.leaderboard(workspace.path).n_ranked == 1
    assert audit(workspace).findings == ()


def test_what_is_disqualified_counts_for_no_team_at_the_close_and_cannot_be_chosen(running):
    workspace, record = running
    for name, public in (("a", 0.75), ("a", 0.5), ("a", 0.25), ("b", 0.25)):
        record(name, public, private=public)
    select(workspace, open_in_force(workspace), [1])
    out(workspace, 1, 4)
    with pytest.raises(UsageError, match="is disqualified"):
        select(workspace, open_in_force(workspace), [4])
    assert api.close(workspace.path).finals == {"a": (2, 3)}


def test_a_baseline_stands_at_its_place_without_a_rank_where_a_team_has_one(running):
    workspace, record = running
    record("vgg16", 0.75, baseline=True), record("majority", 0.125, baseline=True)
    assert standings(workspace) == [(1, 1, ""), (2, 2, "")], "among themselves they rank"
    record("broken", outcome="load_failed")
    assert standings(workspace)[:2] == [(1, 1, ""), (2, 2, "")]
    record("a", 0.5), record("b", 0.75)
    assert standings(workspace) == [
        (None, 1, "baseline"),
        (1, 5, ""),
        (2, 4, ""),
        (None, 2, "baseline"),
        (None, 3, "not scored"),
    ]
    board = api.leaderboard(workspace.path, others=False)
    assert (board.n_ranked, board.n_others, len(board.baselines)) == (2, 1, 2)
    assert api.close(workspace.path).finals == {"b": (5,), "a": (4,)}


def test_baselines_alone_close_as_teams_do_and_keep_their_ranks(running):
    workspace, record = running
    record("vgg16", 0.75, private=0.5, baseline=True)
    assert api.close(workspace.path).finals == {"vgg16": (1,)}
    record("late", 0.5, private=0.75)
    assert standings(workspace) == [(1, 1, ""), (None, 2, "late")]


def test_baselines_count_for_no_limit(running):
    workspace, record = running
    frozen = open_in_force(workspace)
    for _ in range(frozen.contest.limits.submissions_per_day):
        record("vgg16", baseline=True)
    with open_to_read(workspace) as board:
        check_limits(board, frozen, "vgg16", NOW)


def test_the_same_files_of_another_team_are_marked_at_the_later_entry(running):
    workspace, record = running
    for name, content in (("a", "x"), ("b", "x"), ("a", "x"), ("c", "y"), ("d", ""), ("e", ""), ("c", "y")):
        record(name, content=content)
    same = {row.entry.id: row.same_as for row in api.leaderboard(workspace.path).standings}
    assert same == {1: None, 2: 1, 3: None, 4: None, 5: None, 6: None, 7: None}


def test_an_event_that_cannot_be_is_found(running):
    workspace, record = running
    record("a"), record("b")
    out(workspace, 1)
    lines = [line.receipt for line in read_lines(workspace.ledger)[0]]
    wrong = msgspec.structs.replace(lines[2], entry=9)
    workspace.ledger.write_bytes(b"".join(Line.of(one).text + b"\n" for one in (*lines[:2], wrong)))
    workspace.board.unlink()
    assert [one.what for one in audit(workspace).findings] == ["receipt 3 (entry 9 disqualified)"]


def test_a_row_whose_disqualification_was_taken_off_by_hand_is_found(running):
    workspace, record = running
    record("a")
    out(workspace, 1)
    with cache.connected(workspace.board) as board:
        board.execute("UPDATE entries SET disqualified = 0")
    (found,) = audit(workspace).findings
    assert (found.what, found.got, found.expected) == ("row 1 (a): disqualified", "False", "True")


def test_a_board_that_has_not_seen_an_event_yet_is_no_finding(running):
    workspace, record = running
    record("a")
    before = workspace.board.read_bytes()
    out(workspace, 1)
    workspace.board.write_bytes(before)
    assert read_stored(workspace).seen.number == 1
    assert audit(workspace).findings == ()
