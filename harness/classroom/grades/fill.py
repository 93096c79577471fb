"""Fill grades into the file that a teacher exported from a platform; nothing but cells of grades changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

import msgspec

from harness.classroom.grades.cells import Cells
from harness.classroom.grades.numbers import number_of, to_step, written
from harness.classroom.grades.who import find_students
from harness.classroom.roster import Roster
from harness.errors import ClassError, did_you_mean

Part = Literal["total", "before late", "late"]
CENT = Decimal("0.01")  # platforms keep two decimals
NO_GRADE = ("", "-")


class Mark(msgspec.Struct, frozen=True):
    """The grade of a student, None where there is none, and what of it was taken off for lateness."""

    total: Decimal | None
    late: Decimal = Decimal(0)


@dataclass(frozen=True)
class Target:
    """Where a platform's file takes grades.

    Attributes
    ----------
    platform, item : str
        For messages: what kind of file it is, and the column or assignment that is filled in.
    who : sequence of int
        Columns that say of whom a row is.
    rows : sequence of int
        Rows of students.
    columns : dict of str to int
        Where each part of a grade goes; below 0 counted from the row's end.
    maximum : Decimal or None
        Most points that the file allows, where it says so.
    locked : dict of int to str
        Rows that the platform does not take a grade for, and why.
    refused_above : Decimal or None
        Points for which the platform may refuse the whole file.
    participant : int or None
        See `harness.classroom.grades.who.find_students`.
    no_grade : tuple of str
        What stands where there is no grade yet.
    """

    platform: str
    item: str
    who: Sequence[int]
    rows: Sequence[int]
    columns: Mapping[Part, int]
    maximum: Decimal | None = None
    locked: Mapping[int, str] = field(default_factory=dict)
    refused_above: Decimal | None = None
    participant: int | None = None
    no_grade: tuple[str, ...] = NO_GRADE


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """What was filled in, and who was not.

    Attributes
    ----------
    platform, item : str
    filled : int
        Rows with a grade of ours.
    replaced : tuple of str
        Those that had another grade before, with both.
    locked : tuple of str
        Rows that were left as they were, and why, such as excused students.
    without_grade : tuple of str
        Students of the file and the roster who have no grade; their rows were left as they were.
    unknown : tuple of str
        Rows of nobody in the roster, left as they were.
    doubtful : tuple of str
        Rows that may be of several students, left as they were.
    missing : tuple of str
        Students with a grade whom the file does not have.
    refused_above : Decimal or None
        Points for which the platform may refuse the whole file, where a grade has more.
    """

    platform: str
    item: str
    filled: int
    replaced: tuple[str, ...]
    locked: tuple[str, ...]
    without_grade: tuple[str, ...]
    unknown: tuple[str, ...]
    doubtful: tuple[str, ...]
    missing: tuple[str, ...]
    refused_above: Decimal | None


def fill(
    table: Cells,
    target: Target,
    roster: Roster,
    marks: Mapping[str, Mark],
    maximum: Decimal,
    *,
    rescale: bool = False,
) -> tuple[bytes, Filled]:
    """Return the file with the grades in it, and what was done.

    Parameters
    ----------
    table, target
        The file, and where it takes grades.
    roster : Roster
    marks : mapping of str to Mark
        By the id of a student.
    maximum : Decimal
        Of the scheme.
    rescale : bool
        Where the file has another maximum, stretch grades to it.

    Raises
    ------
    ClassError
        It has another maximum, and grades are not to be stretched.
    """
    scale = Decimal(1)
    if target.maximum not in (None, maximum):
        if not rescale:
            raise ClassError(
                f"{target.item} of {table.name} has at most {written(target.maximum)} points, the scheme has "
                f"{written(maximum)}.",
                "Set one to the other, or add --rescale: grades are then stretched to the file's maximum.",
            )
        scale = target.maximum / maximum
    found = find_students(table, target.rows, target.who, roster, participant=target.participant)
    sign = _sign(table)
    new: dict[tuple[int, int], str] = {}
    replaced, locked, without, filled = [], [], [], 0
    for number, student in found.students.items():
        mark = marks.get(student.id, Mark(None))
        if number in target.locked:
            locked.append(f"{student.name}: {target.locked[number]}")
            continue
        if mark.total is None:
            without.append(student.name)
            continue
        total, late = (to_step(points * scale, CENT, "half up") for points in (mark.total, mark.late))
        values: dict[Part, Decimal] = {"total": total, "before late": total + late, "late": late}
        row, filled = table.rows[number], filled + 1
        for part, column in target.columns.items():
            at = column if column >= 0 else len(row) + column
            before = row[at].text.strip() if at < len(row) else ""
            if number_of(before) == values[part]:
                continue  # it says so already, in the platform's own way of writing
            new[number, at] = written(values[part], sign)
            if part == "total" and before not in target.no_grade:
                replaced.append(f"{student.name}: {before} → {written(values[part], sign)}")
    there = {student.id for student in found.students.values()}
    graded = [one for one in roster.students if marks.get(one.id, Mark(None)).total is not None]
    most = max((marks[one.id].total or 0 for one in graded), default=0)
    return table.changed(new), Filled(
        platform=target.platform,
        item=target.item,
        filled=filled,
        replaced=tuple(replaced),
        locked=tuple(locked),
        without_grade=tuple(without),
        unknown=tuple(found.unknown.values()),
        doubtful=tuple(found.doubtful),
        missing=tuple(one.name for one in graded if one.id not in there),
        refused_above=target.refused_above
        if target.refused_above is not None and most > target.refused_above
        else None,
    )


def choose(name: str, item: str, titles: Sequence[str], usable: Iterable[int], what: str) -> int:
    """Return the column called `item`, in full or without what stands in parentheses, or the only `usable` one.

    Raises
    ------
    ClassError
        There is none, or several.
    """
    places = list(usable)
    wanted = item.strip().casefold()
    found = [at for at in places if titles[at].casefold() == wanted] or [
        at for at in places if re.sub(r"\s*\([^()]*\)$", "", titles[at]).casefold() == wanted
    ]
    if not item:
        found = places
    if len(found) == 1:
        return found[0]
    known = [titles[at] for at in places]
    if not known:
        raise ClassError(f"{name} has no {what}.", "Export it again, with the assignment in it.")
    if item and not found:
        raise ClassError(f"{name} has no {what} {item!r}.", did_you_mean(item, known))
    raise ClassError(f"{name} has several of what may be meant: {', '.join(known)}.", "Say which: --item TITLE")


def _sign(table: Cells) -> str:
    """Return the decimal sign of the table's numbers; a point, which every platform reads, where it has none."""
    cells = [cell.text.strip() for row in table.rows[1:] for cell in row]
    commas, points = (sum(bool(re.fullmatch(rf"\d+{sign}\d+", cell)) for cell in cells) for sign in (",", r"\."))
    return "," if commas > points else "."
