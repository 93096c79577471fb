"""What is late goes by the time of hand-in, the rules in force and what a team was given more."""

from datetime import UTC, datetime, timedelta

import pytest

from harness.board.closing import close, select
from harness.board.deadline import Deadline, read_deadline
from harness.board.in_force import in_force
from harness.board.ranking import read_leaderboard
from harness.board.recorder import open_to_read
from harness.board.rule_change import change_rules
from harness.board.visibility import Role, visible_to
from harness.classroom.late import extend, taken_off
from harness.contest import HandInRules
from harness.errors import BoardError, UsageError
from tests.report.entries import START

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ({"late": "none"}, [1, 1, 1, 1, 1]),
        ({"late": "zero"}, [1, 1, 0, 0, 0]),
        ({"late": "zero", "grace_min": 0}, [1, 0, 0, 0, 0]),
        ({"late": "per_day", "late_per_day": 0.4}, [1, 1, 0.6, 0.2, 0]),
        ({"late": "per_day", "late_until": NOON + timedelta(days=1)}, [1, 1, 0.9, 0, 0]),
        ({"late": "until", "late_until": NOON + timedelta(days=2)}, [1, 1, 1, 1, 0]),
    ],
)
def test_a_late_rule_leaves_a_share_of_the_points(rules, kept):
    deadline = Deadline(HandInRules(**{"deadline": NOON, "grace_min": 15} | rules))
    came = [NOON + timedelta(minutes=minutes) for minutes in (0, 15, 16, 24 * 60 + 16, 49 * 60)]
    assert [1 - float(taken_off(deadline, "Red", when)[0]) for when in came] == pytest.approx(kept)


def test_days_begin_when_the_grace_is_over_and_an_extension_moves_them():
    given = Deadline(HandInRules(deadline=NOON, grace_min=15, late="per_day"), {"red": NOON + timedelta(days=1)})
    came = [NOON + timedelta(days=days, minutes=15, seconds=1) for days in range(3)]
    off = {team: [float(taken_off(given, team, when)[0]) for when in came] for team in ("Blue", "RED")}
    assert off == {"Blue": [0.1, 0.2, 0.3], "RED": [0, 0.1, 0.2]}


@pytest.fixture
def late(desk):
    """Four entries; of the two of Red the better one, and that of Blue, came after the deadline."""
    for number, (name, accuracy) in enumerate([("Red", 0.5), ("Green", 0.75), ("Red", 0.85), ("Blue", 1.2)]):
        desk.record(name, accuracy, number=number)
    rules = {"deadline": (START + timedelta(minutes=10)).isoformat()}
    change_rules(desk.workspace, desk.frozen, rules, "as announced")
    return desk


def board(desk):
    frozen = in_force(desk.workspace, desk.frozen)
    visible = visible_to(Role.EVERYBODY, desk.workspace, frozen)
    with open_to_read(desk.workspace) as connection:
        found = read_leaderboard(connection, "small", frozen.lock_hash, "accuracy", visible)
    assert found.n_ranked == len(found.ranked)
    return [(one.entry.name, one.rank, one.note) for one in found.standings]


def test_what_is_late_stands_outside_the_ranks_until_its_team_is_given_more_time(late):
    assert board(late) == [("Green", 1, ""), ("Red", 2, ""), ("Red", None, "late"), ("Blue", None, "late")]
    frozen = in_force(late.workspace, late.frozen)
    given = extend(late.workspace, frozen, "blue", "2026-05-05 10:00", "ill")
    assert (given.team, given.until, given.why) == ("Blue", "2026-05-05T10:00:00+00:00", "ill")
    assert board(late)[:2] == [("Blue", 1, ""), ("Green", 2, "")]
    change_rules(late.workspace, late.frozen, {"late": "none"}, "all may")
    assert [note for *_, note in board(late)] == [""] * 4
    assert read_deadline(late.workspace, in_force(late.workspace, late.frozen)).of("Red") is None


def test_what_is_late_is_no_final(late):
    with pytest.raises(UsageError, match="deadline"):
        select(late.workspace, late.frozen, [3])
    closing = close(late.workspace, late.frozen)
    assert closing.finals == {"Green": (2,), "Red": (1,)}
    with pytest.raises(BoardError):
        extend(late.workspace, in_force(late.workspace, late.frozen), "Blue", "2026-05-05 10:00", "ill")


def test_an_extension_must_be_one(late):
    frozen = in_force(late.workspace, late.frozen)
    for until, why in (("2026-05-04 12:05", "x"), ("soon", "x"), ("2026-05-05 10:00", " ")):
        with pytest.raises(UsageError):
            extend(late.workspace, frozen, "Blue", until, why)
    (late.workspace.roster).write_text("name,team\nAda,Blue\n")
    with pytest.raises(UsageError, match="Bleu"):
        extend(late.workspace, frozen, "Bleu", "2026-05-05 10:00", "ill")
    extend(late.workspace, frozen, "Red", "2026-05-05 10:00", "on the board, though in no roster")
    change_rules(late.workspace, late.frozen, {"deadline": None}, "none at all")
    with pytest.raises(UsageError, match="no deadline"):
        extend(late.workspace, in_force(late.workspace, late.frozen), "Blue", "2026-05-05 10:00", "ill")


def test_more_time_is_given_by_the_name_of_a_student(late):
    late.workspace.roster.write_text("id,name,team\n1,Ada,Blue\n2,Bob,Blue\n3,Eve,Red\n4,Eve,Green\n")
    frozen = in_force(late.workspace, late.frozen)
    assert extend(late.workspace, frozen, "Bob", "2026-05-05 10:00", "ill").team == "Blue"
    with pytest.raises(UsageError, match="Several"):
        extend(late.workspace, frozen, "Eve", "2026-05-05 10:00", "ill")
    with pytest.raises(UsageError, match="no time of day"):
        extend(late.workspace, frozen, "Bob", "2026-05-06", "ill")
