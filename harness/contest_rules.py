"""The sections of a contest file that hold rules: limits, the board's ways, and when entries are due.

Rules may change while a contest runs (`harness.contest.rules_of`); what defines data and truth is in `harness.contest`.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive = Annotated[int, Meta(ge=1)]
Moment = Annotated[datetime, Meta(tz=True)]  # with its offset from UTC: 2026-12-01T23:59:00+01:00
MOMENTS = ("deadline", "late_until")  # rules of this type


def moment(value: Any) -> Any:
    """Return a time as the contest file has it, where `value` is one that a person typed; else `value`.

    Examples
    --------
    >>> moment("2026-12-01 23:59+01:00"), moment("tomorrow"), moment(None)
    ('2026-12-01T23:59:00+01:00', 'tomorrow', None)
    """
    with contextlib.suppress(ValueError, TypeError):
        return datetime.fromisoformat(value).isoformat()
    return value


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of these sections: read-only, and a misspelt key is an error."""


class Limits(Rules, frozen=True):
    """What one submission may use."""

    zip_mb: Positive = 500
    unpacked_mb: Positive = 1500
    files: Positive = 2000
    time_s: Positive = 900  # wall time for loading the model and predicting every split
    memory_mb: Positive = 6000
    processes: Positive = 256  # threads count
    log_kb: Positive = 256
    submissions_per_day: Positive = 100  # UTC days
    fit_time_s: Positive = 3600  # wall time of its fit.py, where it is trained here
    fit_memory_mb: Positive = 6000


class BoardRules(Rules, frozen=True):
    """How much the board tells while the contest is open, and what counts when it closes."""

    ladder: bool = False  # a team's public score moves only when the gain exceeds the noise
    finals: Positive = 2  # entries of a team that count at the close: those it named, else its best public ones
    submissions_total: Positive | None = None  # of a team
    failed_free: Annotated[int, Meta(ge=0)] = 0  # a team's first entries without a score that count for no limit
    # Entries whose labels change with the other images of a batch: they adapt to the test, and rank as all do, among
    # themselves, or not at all.
    transductive: Literal["ranked", "apart", "unranked"] = "ranked"


class HandInRules(Rules, frozen=True):
    """When entries are due, by the time of hand-in, and what becomes of those that come later."""

    deadline: Moment | None = None
    grace_min: Annotated[int, Meta(ge=0)] = 0  # minutes after it that are in time
    # none: nothing is late; zero: late ones count nothing; per_day: less for each day begun; until: in full until then.
    late: Literal["none", "zero", "per_day", "until"] = "zero"
    late_per_day: Share = 0.1  # of the points
    late_until: Moment | None = None  # after this nothing counts, in "per_day", too

    def __post_init__(self) -> None:
        if self.late == "until" and self.late_until is None:
            raise ValueError("hand_in: late = 'until' asks for late_until")
        if self.deadline and self.late_until and self.late_until < self.deadline:
            raise ValueError("hand_in: late_until is before the deadline")
