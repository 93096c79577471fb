"""Moodle's grading worksheet, the file of one assignment, in any language of the site.

Its titles are in the site's language, so columns are found by what stands in them.  Moodle writes, in this order: the
participant, as a word with a number; name and other fields that identify; status; the grade, empty or a number; the
most points, the same number in every row; whether the grade can be changed, a word; times and feedback.  It takes the
file back by participant, and leaves out a row whose grade is no number, above the maximum, or locked.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.classroom.grades.cells import Cells
from harness.classroom.grades.fill import NO_GRADE, Target, choose
from harness.classroom.grades.numbers import number_of
from harness.classroom.grades.who import PARTICIPANT
from harness.errors import ClassError

PLATFORM = "Moodle grading worksheet"
NO = {"no", "nein", "non", "não", "nee", "nej", "nei", "ei", "nie", "ne", "нет"}  # it cannot be changed


def find(table: Cells, item: str) -> Target | None:
    """Return where the worksheet takes grades, None where the file is none; `item` is the title of the column.

    Raises
    ------
    ClassError
        The assignment uses a scale, or no column is called so.
    """
    columns = [table.column(number) for number in range(len(table.header))]
    if len(columns) < 4 or not _are_participants(columns[0]):
        return None
    usable = [at for at in range(1, len(columns) - 1) if _is_grade(columns[at], columns[at + 1])]
    if not usable:
        if any(len(set(column)) == 1 and "\n" in column[0] for column in columns):
            raise ClassError(
                f"{table.name} is of an assignment with a scale of words, expected one with points.",
                "Set the assignment's grade to points in Moodle, and export the worksheet again.",
            )
        return None
    # A field that identifies may be empty before another that is the same number for all; grades stand behind those.
    at = choose(table.name, item, table.header, usable if item else usable[-1:], "column of grades")
    locked = {
        row: f"locked in Moodle ({word})"
        for column in columns[at + 2 : at + 4]
        for row, word in enumerate(column, start=1)
        if word.casefold() in NO
    }
    return Target(
        PLATFORM,
        table.header[at],
        range(at),
        range(1, len(table.rows)),
        {"total": at},
        maximum=number_of(columns[at + 1][0]),
        locked=locked,
        participant=0,
    )


def _are_participants(column: Sequence[str]) -> bool:
    """Say whether a column is of one word with a number that is another one in each row."""
    found = [PARTICIPANT.fullmatch(cell) for cell in column]
    if not found or not all(found):
        return False
    words = {cell[: one.start(1)] for cell, one in zip(column, found, strict=True) if one}
    return len(words) == 1 and len(set(column)) == len(column)


def _is_grade(column: Sequence[str], after: Sequence[str]) -> bool:
    maximum = number_of(after[0])
    if maximum is None or maximum <= 0 or len(set(after)) > 1:
        return False
    numbers = [number_of(cell) for cell in column if cell not in NO_GRADE]
    return all(number is not None and 0 <= number <= maximum for number in numbers)
