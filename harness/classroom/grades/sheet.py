"""The grades of a class, each with its arithmetic: what was given for what, and how the sum became the grade."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.classroom.grades.bands import band_of, beat, groups, reach
from harness.classroom.grades.fill import Mark
from harness.classroom.grades.numbers import exact, to_step, written
from harness.classroom.grades.scheme import Scheme
from harness.classroom.roster import Roster
from harness.format import interval, percent
from harness.score.estimate import Estimate

ON_TIME = Decimal(0)


class Part(msgspec.Struct, frozen=True):
    """Points for something that is called the same for all students, of how many, and why; `how` in few words."""

    name: str
    points: Decimal
    most: Decimal
    why: str
    how: str = ""


class Grade(msgspec.Struct, frozen=True, kw_only=True):
    """The grade of one student.

    Attributes
    ----------
    team : str
        As on the board.
    entry : int or None
        Id of the entry that counts; None where the team has none.
    score : Estimate or None
        By the metric and on the half that decide.
    submitted_at, zip_sha256 : str
        Of that entry.
    parts : tuple of Part
        What was given, in the order of the scheme, before anything is taken off.
    late : Decimal
        Points taken off the parts of the contest, and why.
    exact : Decimal or None
        The sum, not rounded.
    total : Decimal or None
        The grade; None where there is none, and `note` says why.
    """

    id: str
    name: str
    email: str
    section: str
    team: str
    entry: int | None = None
    score: Estimate | None = None
    submitted_at: str = ""
    zip_sha256: str = ""
    parts: tuple[Part, ...] = ()
    late: Decimal = ON_TIME
    late_why: str = ""
    exact: Decimal | None = None
    total: Decimal | None = None
    note: str = ""

    @property
    def arithmetic(self) -> str:
        """The sum in one line."""
        if self.exact is None or self.total is None:
            return self.note
        said = " + ".join(
            f"{written(part.points)} {part.name}" + (f" ({part.how})" if part.how else "") for part in self.parts
        )
        if self.late:
            said += f" − {written(self.late)} {self.late_why}"
        rounded = "" if self.total == self.exact else f" → {written(self.total)}"
        return f"{said} = {written(self.exact)}{rounded}"

    @property
    def mark(self) -> Mark:
        return Mark(self.total, self.late)


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """The grades of a class.

    Attributes
    ----------
    by : {"public", "private"}
        The half of the hidden test whose scores were graded; ``private`` once the contest is closed.
    closed_at : str
        UTC, ISO 8601; empty while the contest is open, when grades are a preview.
    rule : tuple of str
        How points come about, a sentence each.
    notes : tuple of str
        What a person should look at: entries of nobody in the roster, marks of nobody.
    """

    contest: str
    title: str
    metric: str
    by: str
    closed_at: str
    maximum: Decimal
    step: Decimal
    rounding: str
    rule: tuple[str, ...]
    grades: tuple[Grade, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Attempt:
    """An entry that may decide the grade of its team.

    Attributes
    ----------
    team : str
        As the roster calls it.
    board_name : str
    entry : int
    score : Estimate
    submitted_at, zip_sha256 : str
    late : Decimal
        The share of the contest's points that is taken off, 0 to 1.
    late_why : str
    """

    team: str
    board_name: str
    entry: int
    score: Estimate
    submitted_at: str = ""
    zip_sha256: str = ""
    late: Decimal = ON_TIME
    late_why: str = ""


@dataclass(frozen=True)
class Evidence:
    """What the board says: attempts, and how they compare.

    Attributes
    ----------
    attempts : list of Attempt
        Of each team the best of each lateness; `better` and `ahead` are in this order.
    better : ndarray of shape (attempts, attempts), bool, or None
        Whether the row is significantly better than the column; None where the scheme does not ask.
    ahead : dict of str to list of bool
        By baseline, who is significantly better than it; in `scores` what it scored.
    scores : dict of str to Estimate
    metric, by : str
    """

    attempts: list[Attempt]
    better: NDArray[np.bool_] | None
    ahead: dict[str, list[bool]]
    scores: dict[str, Estimate]
    metric: str
    by: str


def grade(
    scheme: Scheme, roster: Roster, evidence: Evidence, marks: Mapping[str, Decimal] | None = None
) -> tuple[Grade, ...]:
    """Return the grade of each student, in the order of the roster.

    Of several attempts of a team the one with most points, less what lateness takes off, counts; of equal ones the one
    with the higher score, and then the earlier.

    Parameters
    ----------
    scheme, roster
    evidence : Evidence
    marks : mapping of str to Decimal, optional
        Points of the written part by the id of a student.
    """
    attempts = evidence.attempts
    parts = _contest_parts(scheme, evidence)
    best: dict[str, int] = {}
    for number, attempt in enumerate(attempts):
        if attempt.team not in best or _worth(attempt, parts[number]) > _worth(
            attempts[best[attempt.team]], parts[best[attempt.team]]
        ):
            best[attempt.team] = number
    return tuple(
        _of_student(
            scheme,
            Grade(
                id=student.id,
                name=student.name,
                email=student.email,
                section=student.section,
                team=student.board_name,
            ),
            (attempts[best[student.team]], parts[best[student.team]]) if student.team in best else None,
            (marks or {}).get(student.id),
        )
        for student in roster.students
    )


def _worth(attempt: Attempt, parts: Sequence[Part]) -> tuple[Decimal, float, int]:
    return _sum(parts) * (1 - attempt.late), attempt.score.value, -attempt.entry


def _sum(parts: Sequence[Part]) -> Decimal:
    return sum((part.points for part in parts), Decimal(0))


def _of_student(
    scheme: Scheme, who: Grade, counted: tuple[Attempt, tuple[Part, ...]] | None, mark: Decimal | None
) -> Grade:
    most = scheme.most - (exact(scheme.written.points) if scheme.written else 0)
    if counted:
        attempt, parts = counted
        late = _sum(parts) * attempt.late
        who = msgspec.structs.replace(
            who,
            team=attempt.board_name,
            entry=attempt.entry,
            score=attempt.score,
            submitted_at=attempt.submitted_at,
            zip_sha256=attempt.zip_sha256,
            parts=parts,
            late=late,
            late_why=attempt.late_why,
        )
    elif scheme.without_entry is not None:
        parts, late = (Part("no entry", exact(scheme.without_entry), most, "no entry that counts"),), ON_TIME
        who = msgspec.structs.replace(who, parts=parts)
    else:
        return msgspec.structs.replace(who, note="no entry that counts")
    if scheme.written:
        if mark is None:
            return msgspec.structs.replace(who, note="no mark for the written part")
        parts = (*parts, Part("written", mark, exact(scheme.written.points), "marked by hand"))
    found = _sum(parts) - late
    total = min(to_step(found, scheme.step_exact, scheme.rounding), exact(scheme.maximum))
    return msgspec.structs.replace(who, parts=parts, exact=found, total=total)


def _contest_parts(scheme: Scheme, evidence: Evidence) -> list[tuple[Part, ...]]:
    """Return the points of each attempt for its score and for the baselines that it beats."""
    scores = [attempt.score.value for attempt in evidence.attempts]
    for_score = (_by_bands if scheme.score.bands else _by_groups)(scheme, evidence)
    columns = [[for_score(number) for number in range(len(scores))]]
    for one in scheme.beats:
        points, base = exact(one.points), evidence.scores[one.baseline]
        columns.append(
            [
                Part(
                    f"beating {one.baseline}",
                    points if won else Decimal(0),
                    points,
                    f"{one.baseline} scores {percent(base.value)} %"
                    + ("" if won == is_ahead else "; not significantly better itself, but no worse than one that is"),
                )
                for won, is_ahead in zip(
                    beat(scores, evidence.ahead[one.baseline]), evidence.ahead[one.baseline], strict=True
                )
            ]
        )
    return list(zip(*columns, strict=True))


def _by_bands(scheme: Scheme, evidence: Evidence) -> Callable[[int], Part]:
    bands = sorted(scheme.score.bands, key=lambda band: band.at_least)
    thresholds = [band.at_least for band in bands]
    scores = [attempt.score.value for attempt in evidence.attempts]
    highs = [attempt.score.high for attempt in evidence.attempts]
    reached = reach(scores, highs) if scheme.score.lift else scores

    def part(number: int) -> Part:
        band, plain = band_of(reached[number], thresholds), band_of(scores[number], thresholds)
        points = exact(bands[band].points) if band >= 0 else Decimal(0)
        place = f"from {percent(thresholds[band], 0)} %" if band >= 0 else f"below {percent(thresholds[0], 0)} %"
        if band == plain:
            why = f"band {place}"
        elif band_of(highs[number], thresholds) >= band:
            why = f"lifted into the band {place}, which its interval reaches"
        else:
            why = f"lifted into the band {place} with one that scores no more"
        how = place if band == plain else f"{place}, lifted"
        return Part("score", points, scheme.score_points[0], f"{_scored(evidence, number)}: {why}", how)

    return part


def _by_groups(scheme: Scheme, evidence: Evidence) -> Callable[[int], Part]:
    assert evidence.better is not None
    found = groups([attempt.score.value for attempt in evidence.attempts], evidence.better)
    last = max(found, default=0) + 1

    def part(number: int) -> Part:
        group = found[number]
        points = scheme.score_points[min(group, len(scheme.score_points) - 1)]
        how = f"group {group + 1} of {last}"
        return Part("score", points, scheme.score_points[0], f"{_scored(evidence, number)}: {how}", how)

    return part


def _scored(evidence: Evidence, number: int) -> str:
    score = evidence.attempts[number].score
    metric = evidence.metric.replace("_", " ")
    return f"{evidence.by} {metric} {percent(score.value)} % ({interval(score.low, score.high)})"
