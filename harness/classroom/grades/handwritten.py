"""The part of a grade that was marked by hand: a table of students or teams with a column of points."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from harness.classroom.grades.cells import Cells
from harness.classroom.grades.fill import NO_GRADE
from harness.classroom.grades.numbers import exact, number_of, written
from harness.classroom.grades.scheme import WrittenPart
from harness.classroom.grades.who import columns_of_people, find_students
from harness.classroom.roster import Roster
from harness.errors import ClassError, did_you_mean


def read_written(folder: Path, part: WrittenPart, roster: Roster) -> tuple[dict[str, Decimal], list[str]]:
    """Return the points by the id of a student, and what of the table was not understood, for a person.

    A row is of a student, by id, e-mail or name, or of all in a team.  An empty cell or ``-`` is no mark.

    Parameters
    ----------
    folder : Path
        Of the scheme, which names the file from there.
    part : WrittenPart
    roster : Roster

    Raises
    ------
    ClassError
        The table cannot be read, has no such column, or points in it that cannot be given.
    """
    path = folder / part.file
    try:
        table = Cells.read(path.name, path.read_bytes())
    except OSError as error:
        raise ClassError(
            f"{path} cannot be read: {error.strerror}.",
            f"It is a table of students with a column {part.column}; [written] of the scheme names it.",
        ) from error
    titles = [title.casefold() for title in table.header]
    if part.column.casefold() not in titles:
        raise ClassError(f"{path.name} has no column {part.column!r}.", did_you_mean(part.column, table.header))
    at = titles.index(part.column.casefold())
    who = columns_of_people(table.header, [other for other in range(len(titles)) if other != at])
    found = find_students(table, range(1, len(table.rows)), who, roster)
    marks: dict[str, Decimal] = {}
    notes = [f"{path.name}: {row} is not clear, and has no mark." for row in found.doubtful]
    for number, text in enumerate(table.column(at), start=1):
        students = [found.students[number]] if number in found.students else []
        if not students and number in found.unknown:
            cells = [cell.text for place, cell in enumerate(table.rows[number]) if place in who]
            students = [student for cell in cells for student in roster.in_team(cell)]
            if not students and text not in NO_GRADE:
                notes.append(f"{path.name}: {found.unknown[number]} is nobody of the roster.")
        if text in NO_GRADE or not students:
            continue
        points = number_of(text)
        if points is None or not 0 <= points <= exact(part.points):
            raise ClassError(
                f"{path.name} gives {students[0].name} {text!r}, expected a number from 0 to {part.points:g}.",
                "Correct the table, or the points of [written] in the scheme.",
            )
        for student in students:
            if marks.setdefault(student.id, points) != points:
                raise ClassError(
                    f"{path.name} gives {student.name} {written(marks[student.id])} and {written(points)}.",
                    "Take one of the rows away.",
                )
    return marks, notes
