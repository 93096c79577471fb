"""A contest ends once: who counts is decided then, and what comes later is late."""

import shutil
from types import SimpleNamespace

import msgspec
import pytest

from harness.board.audit import audit
from harness.board.closing import close, read_closing, select
from harness.board.ranking import read_leaderboard, read_standing
from harness.board.recorder import open_to_read
from harness.board.rows import read_some
from harness.board.visibility import Role, Visibility
from harness.contest import SHIPPED, BoardRules, read_contest
from harness.errors import BoardError, UsageError

LOCK = "ab" * 32


@pytest.fixture
def frozen():
    """What closing needs of a frozen contest."""
    return SimpleNamespace(contest=read_contest(SHIPPED / "blood-cells.toml"), lock_hash=LOCK)


def board_of(desk, role=Role.EVERYBODY, **options):
    closing = read_closing(desk.workspace, "blood-cells", LOCK)
    with open_to_read(desk.workspace) as board:
        return read_leaderboard(board, "blood-cells", LOCK, "accuracy", Visibility(role, closing), **options)


def ranked(desk, **options):
    return [(row.rank, row.entry.id) for row in board_of(desk, **options).ranked]


def fill(desk):
    """Three teams; of the first, the best public entry is not the best private one."""
    for name, public, private in (
        ("a", 0.90, 0.50), ("a", 0.88, 0.70), ("a", 0.80, 0.99), ("b", 0.85, 0.80), ("c", 0.60, 0.95)
    ):  # fmt: skip
        desk.record(name, public, private=private)


def test_while_a_contest_is_open_the_public_half_ranks_every_entry(desk, frozen):
    fill(desk)
    assert ranked(desk) == [(1, 1), (2, 2), (3, 4), (4, 3), (5, 5)]
    assert board_of(desk).by == "public"


def test_at_the_close_each_team_ranks_once_by_its_better_final(desk, frozen):
    fill(desk)
    closing = close(desk.workspace, frozen)
    assert closing.finals == {"a": (1, 2), "b": (4,), "c": (5,)}  # in the order of the public board
    assert [closing.public_rank(team) for team in "abcd"] == [1, 2, 3, None]
    assert ranked(desk) == [(1, 5), (2, 4), (3, 2)]
    board = board_of(desk)
    assert (board.by, board.n_ranked, board.n_others) == ("private", 3, 2)
    assert {row.entry.id: row.note for row in board.others} == {1: "lesser final", 3: "not final"}


def test_named_finals_count_in_place_of_the_best_public_ones(desk, frozen):
    fill(desk)
    assert select(desk.workspace, frozen, [1]) == ("a", (1,))
    assert select(desk.workspace, frozen, [3, 1, 3]) == ("a", (3, 1))
    closing = close(desk.workspace, frozen)
    assert (closing.finals["a"], closing.chosen) == ((3, 1), ("a",))
    assert ranked(desk) == [(1, 3), (2, 5), (3, 4)]


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        ([1, 4], "entries of a, b"),
        ([1, 2, 3], "at most 2"),
        ([99], "no entry 99"),
        ([6], "was not scored"),
        ([7], "no entry 7"),  # of another freeze
    ],
)
def test_a_choice_that_cannot_be_is_refused_and_changes_nothing(desk, frozen, ids, told):
    fill(desk)
    desk.record("a", outcome="load_failed")
    desk.record("a", lock="cd" * 32)
    select(desk.workspace, frozen, [2])
    with pytest.raises(UsageError, match=told):
        select(desk.workspace, frozen, ids)
    assert close(desk.workspace, frozen).finals["a"] == (2,)


def test_what_comes_after_the_close_is_late_whatever_the_clock_says(desk, frozen):
    fill(desk)
    close(desk.workspace, frozen)
    before = ranked(desk)
    desk.record("b", 0.99, private=0.99)
    desk.record("new", 0.99, private=0.99)
    assert ranked(desk) == before
    assert {row.entry.id: row.note for row in board_of(desk).others} | {6: "late", 7: "late"} == {
        1: "lesser final", 3: "not final", 6: "late", 7: "late"
    }  # fmt: skip
    with open_to_read(desk.workspace) as board:
        closing = read_closing(desk.workspace, "blood-cells", LOCK)
        for row in board_of(desk).standings:
            (entry,) = read_some(board, [row.entry.id])
            assert (
                read_standing(board, "blood-cells", LOCK, "accuracy", entry, Visibility(Role.EVERYBODY, closing)) == row
            )


def test_a_contest_closes_once_and_takes_no_choice_afterwards(desk, frozen):
    with pytest.raises(BoardError, match="Nothing was scored"):
        close(desk.workspace, frozen)
    fill(desk)
    first = close(desk.workspace, frozen)
    for again in (lambda: close(desk.workspace, frozen), lambda: select(desk.workspace, frozen, [1])):
        with pytest.raises(BoardError, match="was closed at"):
            again()
    assert read_closing(desk.workspace, "blood-cells", LOCK) == first


def test_another_freeze_of_the_contest_stays_open(desk, frozen):
    fill(desk)
    desk.record("a", 0.5, lock="cd" * 32)
    close(desk.workspace, frozen)
    assert read_closing(desk.workspace, "blood-cells", "cd" * 32) is None


def test_a_damaged_closing_is_no_open_contest(desk, frozen):
    fill(desk)
    close(desk.workspace, frozen)
    path = desk.workspace.closed("blood-cells", LOCK)
    path.write_text("{}")
    with pytest.raises(BoardError, match="cannot be read"):
        board_of(desk)
    assert [finding.what for finding in audit(desk.workspace).findings] == [f"closing closed/blood-cells/{path.name}"]


def test_an_audit_finds_a_ledger_that_is_not_the_one_that_was_closed(desk, frozen):
    fill(desk)
    closing = close(desk.workspace, frozen)
    assert audit(desk.workspace).findings == ()
    path = desk.workspace.closed("blood-cells", LOCK)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(closing, receipts=2)))
    first, *others = audit(desk.workspace).findings
    assert first.what.endswith("receipt 2")
    assert first.expected.startswith(closing.head[:12])
    assert all("late" in finding.got for finding in others)


@pytest.mark.parametrize(
    ("finals", "found"),
    [
        ({"b": (6,)}, "entry 6, late"),
        ({"b": (1,)}, "entry 1, not one of that team"),
        ({"b": (99,)}, "entry 99, not one of that team"),
        ({"nobody": (4,)}, "entry 4, not one of that team"),
    ],
)
def test_an_audit_finds_finals_that_no_team_had(desk, frozen, finals, found):
    fill(desk)
    closing = close(desk.workspace, frozen)
    desk.record("b", 0.99, private=0.99)
    write(desk, msgspec.structs.replace(closing, finals=closing.finals | finals))
    assert [finding.got for finding in audit(desk.workspace).findings] == [found]


def test_a_seal_that_was_written_down_finds_another_choice_of_finals(desk, frozen):
    fill(desk)
    closing = close(desk.workspace, frozen)
    assert audit(desk.workspace, expect=closing.seal).findings == ()
    assert closing.seal in " ".join(audit(desk.workspace).notes)
    write(desk, msgspec.structs.replace(closing, finals=closing.finals | {"a": (3,)}))  # hers, and in time
    assert audit(desk.workspace).findings == ()
    assert [finding.what for finding in audit(desk.workspace, expect=closing.seal).findings] == ["head"]


def test_a_closing_of_another_contest_is_refused(desk, frozen):
    fill(desk)
    closing = close(desk.workspace, frozen)
    write(desk, msgspec.structs.replace(closing, lock="cd" * 32))
    with pytest.raises(BoardError, match="lock cdcdcdcdcdcd"):
        board_of(desk)


def write(desk, closing):
    desk.workspace.closed("blood-cells", LOCK).write_bytes(msgspec.json.encode(closing))


def test_a_board_made_again_ranks_as_before(desk, frozen):
    fill(desk)
    desk.record("c", 0.61, private=0.96, withheld=True, recipe="0123456789", seed=3)
    close(desk.workspace, frozen)
    before = board_of(desk)
    desk.workspace.board.unlink()
    assert board_of(desk) == before


def test_a_held_score_is_not_on_the_board_and_counts_when_it_is_chosen(desk, frozen):
    fill(desk)
    desk.record("c", 0.99, private=0.99, withheld=True)
    board = board_of(desk)
    assert (board.n_ranked, [(row.entry.id, row.public, row.note) for row in board.others]) == (
        5,
        [(6, None, "withheld")],
    )
    assert 6 in [row.entry.id for row in board_of(desk, Role.OWNER).ranked]  # for who runs the contest
    closed = shutil.copytree(desk.workspace.path, desk.workspace.path.with_name("unchosen"))
    unchosen = type(desk)(type(desk.workspace)(closed))
    assert close(unchosen.workspace, frozen).finals["c"] == (5,)
    select(desk.workspace, frozen, [6])
    close(desk.workspace, frozen)
    assert ranked(desk)[0] == (1, 6)
    assert board_of(desk).ranked[0].public is not None


def test_the_top_of_a_board_is_the_beginning_of_the_whole(desk, frozen):
    fill(desk)
    for top in (1, 2, 5, 9):
        assert ranked(desk, top=top) == ranked(desk)[:top]
        assert board_of(desk, top=top, others=False).n_ranked == 5
    close(desk.workspace, frozen)
    for top in (1, 2, 3, 9):
        board = board_of(desk, top=top)
        assert [(row.rank, row.entry.id) for row in board.ranked] == ranked(desk)[:top]
        assert (board.n_ranked, len(board.others)) == (3, 2)


def test_more_finals_than_two_where_the_contest_says_so(desk, frozen):
    fill(desk)
    frozen.contest = msgspec.structs.replace(frozen.contest, board=BoardRules(finals=3))
    assert close(desk.workspace, frozen).finals["a"] == (1, 2, 3)
