"""Phases: their dates as the server reads them, their order, their limits, their files."""

from __future__ import annotations

import datetime as dt
import re
import warnings
from itertools import pairwise
from typing import Any

from harness.errors import did_you_mean
from harness.platforms.codabench.bundle import DEFAULT_QUEUE_S, Bundle, is_uuid
from harness.platforms.codabench.rule import Found, Severity, name_of, rule, shown, text_fault

READ = (
    "index", "name", "description", "start", "end", "tasks", "max_submissions_per_day", "max_submissions",
    "auto_migrate_to_this_phase", "hide_output", "hide_prediction_output", "hide_score_output", "execution_time_limit",
    "public_data", "starting_kit",
)  # fmt: skip
# What is written often, and what is meant.
MEANT = {
    "max_submissions_per_person": "max_submissions",
    "execution_time_limit_ms": "execution_time_limit, in seconds",
    "auto_migrate": "auto_migrate_to_this_phase",
    "start_date": "start",
    "end_date": "end",
    "solutions": "solutions at the top, with tasks",
    "leaderboard": "leaderboards at the top",
    "leaderboards": "leaderboards at the top",
}


def as_read(value: object) -> dt.datetime | None:
    """Return a date as the server reads it, which is not always as it is written; None where it cannot be read.

    A YAML date without quotes is a ``date``, with or without a time, and is put to midnight.  A string goes through
    dateutil, month first where that is possible.  The time zone is overwritten with UTC, not converted.

    Examples
    --------
    >>> as_read(dt.datetime(2025, 11, 1, 12, 30)).isoformat()
    '2025-11-01T00:00:00+00:00'
    >>> as_read("2025-11-01 12:30:00+02:00").isoformat()
    '2025-11-01T12:30:00+00:00'
    >>> as_read("8-7-2019").month
    8
    """
    if isinstance(value, dt.date):
        return dt.datetime.combine(value, dt.time(), dt.UTC)
    written = _written(value)
    return written.replace(tzinfo=dt.UTC) if written else None


def _written(value: object) -> dt.datetime | None:
    """Return a date in text as dateutil reads it, with its own time zone where it has one."""
    from dateutil import parser

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a zone it does not know: the server drops it too
            return parser.parse(str(value)[:100])
    except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError):  # dateutil lets them through
        return None


def _phases(bundle: Bundle) -> list[tuple[str, dict[str, Any]]]:
    """Return the phases in the server's order, each with what to call it."""
    return [(f"phase {name_of(phase, place)}", phase) for place, phase in enumerate(bundle.phases())]


@rule("P1", Severity.REFUSED, "there are no phases", "Unable to find any phases for this competition")
def phases(bundle: Bundle) -> Found:
    found = bundle.config.get("phases")
    if not isinstance(found, list) or not found:
        yield (
            f"phases is {'missing' if found is None else repr(found)}",
            ('add one: phases: [{name: Development, start: "2026-01-01T00:00:00+00:00", tasks: [0]}]'),
        )


@rule("P2", Severity.REFUSED, "a phase has no tasks", "Phases must contain at least one task to be valid")
def phase_tasks(bundle: Bundle) -> Found:
    for what, phase in _phases(bundle):
        if not isinstance(phase.get("tasks"), list) or not phase["tasks"]:
            yield f"{what}: tasks is {phase.get('tasks')!r}", "add: tasks: [0]"


@rule("P3", Severity.REFUSED, "a phase names a task that is not there", "The message is only the number.")
def unknown_task(bundle: Bundle) -> Found:
    for what, phase in _phases(bundle):
        listed = phase.get("tasks")
        for index in listed if isinstance(listed, list) else []:
            if bundle.task(index) is None:
                yield f"{what}: task {index!r}", f"name one of {shown(bundle.indexes()) or 'the tasks'}, by its index"


@rule(
    "P4",
    Severity.REFUSED,
    "a phase has no name or no start",
    "name: This field may not be null. / start: This field may not be null.",
)
def name_and_start(bundle: Bundle) -> Found:
    for what, phase in _phases(bundle):
        if text_fault(phase.get("name"), 256):
            yield f"{what} has no name", 'add: name: "Development"'
        if not phase.get("start"):
            yield f"{what} has no start", 'add: start: "2026-01-01T00:00:00+00:00"'


@rule("P5", Severity.REFUSED, "a date cannot be read", "Unpacking the bundle failed. … Unknown string format: …")
def unreadable_date(bundle: Bundle) -> Found:
    for what, phase in _phases(bundle):
        for key in ("start", "end"):
            if phase.get(key) and as_read(phase[key]) is None:
                yield f"{what}: {key} is {phase[key]!r}", f'write {key}: "2026-01-31T18:00:00+00:00"'


@rule("P6", Severity.SILENT, "a date without quotes loses its time", "It is put to midnight, UTC.")
def unquoted_date(bundle: Bundle) -> Found:
    for what, phase in _phases(bundle):
        for key in ("start", "end"):
            value = phase.get(key)
            if isinstance(value, dt.datetime) and value.time() != dt.time():
                yield f"{what}: {key} {value} becomes {value:%Y-%m-%d} 00:00", f'put it in quotes: {key}: "{value}"'


@rule("P7", Severity.SILENT, "a date is read month first", "8-7-2019 is the 7th of August.")
def month_first(bundle: Bundle) -> Found:
    for what, phase in _phases(bundle):
        for key in ("start", "end"):
            value = phase.get(key)
            match = re.match(r"\s*(\d{1,2})[-/.](\d{1,2})[-/.]\d{2,4}", value) if isinstance(value, str) else None
            if match and match[1] != match[2] and (read := as_read(value)):
                yield (
                    f"{what}: {key} {value!r} is read as {read:%d %B %Y}",
                    f'write {key}: "{read:%Y-%m-%d}T…", year first',
                )


@rule("P8", Severity.SILENT, "the time zone of a date is ignored", "It is overwritten with UTC, not converted.")
def time_zone(bundle: Bundle) -> Found:
    for what, phase in _phases(bundle):
        for key in ("start", "end"):
            value = phase.get(key)
            written = _written(value) if isinstance(value, str) else None
            if written and 1 < written.year < 9999 and written.utcoffset():
                utc = written.astimezone(dt.UTC)
                yield (
                    f"{what}: {key} {value!r} is read as {written:%H:%M} UTC",
                    (f'write it in UTC: {key}: "{utc:%Y-%m-%dT%H:%M:%S}+00:00"'),
                )


@rule(
    "P9",
    Severity.REFUSED,
    "phases do not follow one another",
    "Phase: … must have an end time because it has a phase after it. / Phases must be sequential. …",
)
def sequence(bundle: Bundle) -> Found:
    listed = _phases(bundle)
    for (what, phase), (next_what, later) in pairwise(listed):
        start = as_read(later["start"]) if later.get("start") else None
        if not phase.get("end"):
            yield f"{what} has no end, and {next_what} comes after it", "give it an end before the next phase starts"
            continue
        end = as_read(phase["end"])
        if end and start and dt.datetime(1, 1, 2, tzinfo=dt.UTC) < start <= end:
            how = "when" if start == end else "before"
            yield (
                f"{next_what} starts ({start:%Y-%m-%d %H:%M}) {how} {what} ends ({end:%Y-%m-%d %H:%M})",
                (f'let it end earlier: end: "{start - dt.timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}+00:00"'),
            )


@rule("P10", Severity.SILENT, "a phase ends before it starts", "It is never open.")
def never_open(bundle: Bundle) -> Found:
    for what, phase in _phases(bundle):
        start, end = (as_read(phase[key]) if phase.get(key) else None for key in ("start", "end"))
        if start and end and end <= start:
            yield (
                f"{what}: start {start:%Y-%m-%d %H:%M}, end {end:%Y-%m-%d %H:%M}",
                "exchange the two, or correct the year",
            )


@rule(
    "P11",
    Severity.REFUSED,
    "the first phase is to take over submissions",
    "You cannot auto migrate in a competition's first phase.",
)
def migrate_first(bundle: Bundle) -> Found:
    listed = _phases(bundle)
    if listed and listed[0][1].get("auto_migrate_to_this_phase"):
        alone = ", the only phase," if len(listed) == 1 else ""
        yield f"{listed[0][0]}{alone} has auto_migrate_to_this_phase", "remove it there; it belongs to a later phase"


@rule("P12", Severity.SILENT, "a key of a phase has no effect", "It is not read.")
def unread(bundle: Bundle) -> Found:
    for what, phase in _phases(bundle):
        for key in sorted(set(map(str, phase)) - set(READ)):
            said = did_you_mean(key, READ)
            fix = f"write {MEANT[key]}" if key in MEANT else said if said.startswith("Did") else "remove it"
            yield f"{what}: {key}", fix


@rule(
    "P13",
    Severity.SILENT,
    "the time limit is longer than the default queue allows",
    "Execution Time Limit exceeded. Limit was 600 seconds",
)
def long_limit(bundle: Bundle) -> Found:
    if bundle.config.get("queue"):
        return
    for what, phase in _phases(bundle):
        limit = phase.get("execution_time_limit")
        if isinstance(limit, int | float) and limit > DEFAULT_QUEUE_S:
            yield (
                f"{what}: execution_time_limit is {limit}",
                (f"name a queue of your own (queue: its Vhost), or expect {DEFAULT_QUEUE_S} s for each step"),
            )


@rule("P14", Severity.REFUSED, "a file of a phase is not there", 'Cannot find dataset: "…"')
def phase_files(bundle: Bundle) -> Found:
    for what, phase in _phases(bundle):
        for key in ("public_data", "starting_kit"):
            value = phase.get(key)
            if value is not None and bundle.file(value) is None and not is_uuid(value):
                yield f"{what}: {key} {value!r}", "add the zip or folder, or leave the line out"


@rule("P15", Severity.REFUSED, "a limit is no number", "A valid integer is required.")
def numbers(bundle: Bundle) -> Found:
    for what, phase in _phases(bundle):
        for key in ("max_submissions_per_day", "max_submissions", "execution_time_limit"):
            value = phase.get(key)
            whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
            if value is not None and not whole and not re.fullmatch(r"\d+", str(value)):
                yield f"{what}: {key} is {value!r}", "write a whole number; 0 is no limit"
