"""Of which student a row of a table is: by id or e-mail, else by name, and of none where two could be meant."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from harness.classroom.grades.cells import Cells
from harness.classroom.roster import COLUMNS, Roster, Student, columns_in

PEOPLE = ("id", "name", "first", "last", "email", "team", "alias")
PARTICIPANT = re.compile(r"\D+(\d+)")  # "Participant 12", in the language of the site


@dataclass(frozen=True)
class Found:
    """The students of a table's rows.

    Attributes
    ----------
    students : dict of int to Student
        By the number of the row.
    unknown : dict of int to str
        Rows of nobody in the roster, and whom they name.
    doubtful : list of str
        Rows that may be of several students, or whose student another row has, too; they are of nobody here.
    """

    students: dict[int, Student] = field(default_factory=dict)
    unknown: dict[int, str] = field(default_factory=dict)
    doubtful: list[str] = field(default_factory=list)


def columns_of_people(header: Sequence[str], others: Iterable[int]) -> list[int]:
    """Return those of `others` that a table calls names, ids, e-mails or teams, or all where it has no such title.

    A cell of points, 7, else looks like the student with id 7.
    """
    people = {at for what, places in columns_in(header, COLUMNS).items() if what in PEOPLE for at in places}
    return [at for at in others if at in people] or list(others)


def find_students(
    table: Cells, rows: Iterable[int], columns: Sequence[int], roster: Roster, *, participant: int | None = None
) -> Found:
    """Say of which student each of `rows` is, by what stands in `columns`.

    An id or e-mail decides before a name, and between two ids the name does.  `participant` is a column whose number
    behind a word is an id, too, where nothing else tells.
    """
    found, by_name = Found(), set()
    for number in rows:
        row = table.rows[number]
        cells = [row[at].text.strip() if at < len(row) else "" for at in columns]
        called = ", ".join(filter(None, cells))
        sure = {one for cell in cells if cell for one in (roster.with_id(cell), roster.with_email(cell)) if one}
        named = _named(cells, roster)
        likely = (sure & named or sure) if sure else named
        if not likely and participant is not None and (tail := PARTICIPANT.fullmatch(row[participant].text.strip())):
            likely = {one for one in [roster.with_id(tail[1])] if one}
        if len(likely) == 1:
            (student,) = likely
            found.students[number] = student
            if not sure:
                by_name.add(number)
        elif likely:
            found.doubtful.append(f"{called}: {' or '.join(sorted(one.id for one in likely))}")
        else:
            found.unknown[number] = called
    times = Counter(found.students.values())
    for number in sorted(by_name):
        if times[student := found.students[number]] > 1:
            del found.students[number]
            found.doubtful.append(f"{student.name}: several rows")
    return found


def _named(cells: Sequence[str], roster: Roster) -> set[Student]:
    """Return who is called as a cell says, or as two cells beside one another, first name and surname."""
    pairs = [f"{one} {other}" for one, other in itertools.pairwise(cells) if one and other]
    for names in (pairs, [cell for cell in cells if cell]):
        if found := {student for name in names for student in roster.with_name(name)}:
            return found
    return set()
