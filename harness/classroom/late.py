"""What becomes of what was handed in late, by the rules of the contest, and more time for single teams."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from harness.board.closing import must_be_open
from harness.board.deadline import Deadline
from harness.board.ledger import checked_why
from harness.board.receipts import Extended
from harness.board.recorder import open_recorder
from harness.board.rows import names
from harness.board.rules import name_on_board
from harness.board.team_name import tidy
from harness.classroom.grades.numbers import exact, written
from harness.classroom.roster import class_roster
from harness.classroom.times import read_time
from harness.classroom.who import Clues, find_students
from harness.contest import HandInRules
from harness.errors import UsageError, did_you_mean
from harness.freeze.frozen import Frozen
from harness.words import counted
from harness.workspace import Workspace

DAY = timedelta(days=1)


def sentence(rules: HandInRules) -> str:
    """Return the rule for people; empty where nothing is late."""
    if rules.deadline is None or rules.late == "none":
        return ""
    until = f" until {rules.late_until.isoformat(timespec='minutes')}" if rules.late_until else ""
    what = {
        "zero": "counts nothing",
        "until": f"counts in full{until}, then nothing",
        "per_day": f"loses {written(100 * exact(rules.late_per_day))} % for each day begun"
        + (f"{until}, then all" if until else ""),
    }[rules.late]
    grace = f" and {counted(rules.grace_min, 'minute')} of grace" if rules.grace_min else ""
    last = rules.deadline.isoformat(timespec="minutes")
    return f"Late: of the points for score and baselines, what came after {last}{grace} {what}."


def taken_off(deadline: Deadline, team: str, when: datetime) -> tuple[Decimal, str]:
    """Return which share of its points is taken off what a team handed in at `when`, 0 to 1, and why.

    Days are begun ones, counted from the end of the grace; the words are empty where it was in time.

    Examples
    --------
    >>> noon = datetime(2026, 12, 1, 12, tzinfo=UTC)
    >>> rules = HandInRules(deadline=noon, grace_min=10, late="per_day", late_per_day=0.2)
    >>> deadline = Deadline(rules, {"blue": noon + DAY})
    >>> came = noon + timedelta(minutes=11)
    >>> taken_off(deadline, "Red", came), taken_off(deadline, "Blue", came)
    ((Decimal('0.2'), '20 % for 1 day late'), (Decimal('0'), ''))
    """
    none, rules, last = Decimal(0), deadline.rules, deadline.of(team)
    if last is None or when <= last:
        return none, ""
    if rules.late == "zero" or (rules.late_until and when > max(rules.late_until, last)):
        return Decimal(1), "too late"
    if rules.late == "until":
        return none, "late, and in full"
    days = -((last - when) // DAY)
    off = min(Decimal(1), exact(rules.late_per_day) * days)
    return off, f"{written(100 * off)} % for {counted(days, 'day')} late"


def extend(workspace: Workspace, frozen: Frozen, team: str, until: str, why: str) -> Extended:
    """Give a team, by its name, alias or a student, a deadline of its own, and return the receipt; the last counts.

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
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", until.strip()):  # most mean its end
        raise UsageError(f"--until: {until!r} has no time of day.", "For instance: --until 2026-12-03T23:59+01:00")
    if last is None or last <= deadline:
        raise UsageError(f"{until!r} is not after the deadline, {deadline.isoformat()}.", "Give a later --until.")
    roster = class_roster(workspace)
    with open_recorder(workspace) as recorder:
        must_be_open(workspace, frozen, "its deadlines stay as they were")
        known = find_students(roster, Clues(word=team))
        if len({student.board_name for student in known}) > 1:
            raise UsageError(f"Several students are called {team!r}.", "Name the team, or give an id.")
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
