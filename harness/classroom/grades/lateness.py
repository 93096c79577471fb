"""What is taken off for lateness, by the hand-in rules in force and the time that is on record."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from harness.classroom.grades.numbers import exact, written
from harness.contest import HandInRules
from harness.words import counted

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


def taken_off(rules: HandInRules, when: datetime) -> tuple[Decimal, str]:
    """Return which share of the contest's points is taken off what was handed in at `when`, 0 to 1, and why.

    Days are begun ones, counted from the end of the grace; the words are empty where it was in time.

    Examples
    --------
    >>> from datetime import UTC
    >>> noon = datetime(2026, 12, 1, 12, tzinfo=UTC)
    >>> rules = HandInRules(deadline=noon, grace_min=10, late="per_day", late_per_day=0.2)
    >>> taken_off(rules, noon + timedelta(minutes=10)), taken_off(rules, noon + timedelta(minutes=11))
    ((Decimal('0'), ''), (Decimal('0.2'), '20 % for 1 day late'))
    """
    none = Decimal(0)
    if rules.deadline is None or rules.late == "none":
        return none, ""
    over = when - rules.deadline - timedelta(minutes=rules.grace_min)
    if over <= timedelta(0):
        return none, ""
    if rules.late == "zero" or (rules.late_until and when > rules.late_until):
        return Decimal(1), "too late"
    days = -(-over // DAY)
    if rules.late == "until":
        return none, "late, and in full"
    off = min(Decimal(1), exact(rules.late_per_day) * days)
    return off, f"{written(100 * off)} % for {counted(days, 'day')} late"
