"""What becomes of what was handed in late, by the rules of the contest, and more time for single teams."""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil

from harness.board.closing import must_be_open
from harness.board.deadline import Deadline
from harness.board.ledger import Extended, checked_why
from harness.board.recorder import open_recorder
from harness.board.rows import names
from harness.board.rules import name_on_board
from harness.board.team_name import tidy
from harness.classroom.roster import class_roster
from harness.classroom.times import read_time
from harness.errors import UsageError, did_you_mean
from harness.freeze.frozen import Frozen
from harness.workspace import Workspace

DAY_S = 24 * 60 * 60


def days_late(deadline: Deadline, team: str, when: datetime) -> int:
    """Return how many days have begun since a team's deadline, its grace over; 0 where it is in time."""
    last = deadline.of(team)
    return 0 if last is None or when <= last else ceil((when - last).total_seconds() / DAY_S)


def share_kept(deadline: Deadline, team: str, when: datetime) -> float:
    """Return which share of the points is left of what a team handed in at `when`, 0 to 1, by the late rule.

    Examples
    --------
    >>> from datetime import timedelta
    >>> from harness.contest import HandInRules
    >>> noon = datetime(2026, 12, 1, 12, tzinfo=UTC)
    >>> rules = HandInRules(deadline=noon, late="per_day", late_per_day=0.1, late_until=noon + timedelta(days=3))
    >>> [share_kept(Deadline(rules), "Red", noon + timedelta(hours=hours)) for hours in (0, 1, 25, 73)]
    [1.0, 0.9, 0.8, 0.0]
    """
    rules = deadline.rules
    if not (days := days_late(deadline, team, when)):
        return 1.0
    if rules.late == "zero" or (rules.late_until and when > rules.late_until):
        return 0.0
    return 1.0 if rules.late == "until" else round(max(0.0, 1 - rules.late_per_day * days), 12)


def extend(workspace: Workspace, frozen: Frozen, team: str, until: str, why: str) -> Extended:
    """Give a team, by its name or alias, a deadline of its own, and return the receipt; of several the last counts.

    Parameters
    ----------
    frozen : Frozen
        Under the rules in force.
    until : str
        A time; where it names no zone, of that of the deadline.

    Raises
    ------
    UsageError
        There is no such team or no deadline, `until` is not after it, or the reason cannot be kept.
    BoardError
        The contest is closed.
    """
    why = checked_why(why, "ill, certificate of 30 November")
    deadline = frozen.contest.hand_in.deadline
    if deadline is None:
        raise UsageError(
            f"{frozen.contest.name} has no deadline.",
            'Type: hemobench contest rules deadline=2026-12-01T23:59+01:00 --why "as announced"',
        )
    try:
        last = read_time(until, deadline.tzinfo or UTC)
    except ValueError as error:
        raise UsageError(f"--until: {error}.", "For instance: --until 2026-12-03T23:59+01:00") from error
    if last is None or last <= deadline:
        raise UsageError(f"{until!r} is not after the deadline, {deadline.isoformat()}.", "Give a later --until.")
    roster = class_roster(workspace)
    with open_recorder(workspace) as recorder:
        must_be_open(workspace, frozen, "its deadlines stay as they were")
        known = roster.in_team(team)
        name = name_on_board(recorder.board, frozen, known[0].board_name if known else tidy(team))
        if roster.students and not known and name not in names(recorder.board, frozen.contest.name, frozen.lock_hash):
            raise UsageError(f"No team is called {team!r}.", did_you_mean(team, roster.teams, 0.75))
        line = recorder.record_event(
            Extended,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            contest=frozen.contest.name,
            lock=frozen.lock_hash,
            team=name,
            until=last.isoformat(timespec="seconds"),
            why=why,
        )
    assert isinstance(line.receipt, Extended)
    return line.receipt
