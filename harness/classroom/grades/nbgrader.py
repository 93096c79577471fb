"""The CSV that ``nbgrader export`` writes: a row an assignment and student, the score less what lateness takes off.

It puts no quotes around a name with a comma, so columns after the names are counted from the end of a row.
"""

from __future__ import annotations

from harness.classroom.grades.cells import Cells
from harness.classroom.grades.fill import NO_GRADE, Part, Target
from harness.classroom.grades.numbers import number_of
from harness.errors import ClassError, did_you_mean
from harness.words import counted

PLATFORM = "nbgrader CSV"
WHO = ("student_id", "last_name", "first_name", "email")
COLUMNS: dict[Part, str] = {"total": "score", "before late": "raw_score", "late": "late_submission_penalty"}


def find(table: Cells, item: str) -> Target | None:
    """Return where the table takes grades, None where the file is none; `item` is the name of the assignment.

    Raises
    ------
    ClassError
        No assignment, or several, may be meant, or its rows have several maxima.
    """
    titles = table.header
    if not {"assignment", "student_id", "max_score", *COLUMNS.values()} <= set(titles):
        return None
    assignments = list(dict.fromkeys(table.column(titles.index("assignment"))))
    if not item and len(assignments) != 1:
        raise ClassError(
            f"{table.name} has {counted(len(assignments), 'assignment')}: {', '.join(assignments)}.",
            "Say which: --item NAME",
        )
    wanted = item or assignments[0]
    if wanted not in assignments:
        raise ClassError(f"{table.name} has no assignment {wanted!r}.", did_you_mean(wanted, assignments))
    rows = [row for row, name in enumerate(table.column(titles.index("assignment")), start=1) if name == wanted]
    most = titles.index("max_score") - len(titles)
    maxima = {number_of(table.rows[row][most].text) for row in rows if len(table.rows[row]) >= len(titles)}
    if len(maxima) > 1:
        raise ClassError(f"{wanted} of {table.name} has several values of max_score, expected one.", "Export it again.")
    return Target(
        PLATFORM,
        wanted,
        [titles.index(name) for name in WHO if name in titles],
        rows,
        {part: titles.index(name) - len(titles) for part, name in COLUMNS.items()},
        maximum=next(iter(maxima), None),
        no_grade=(*NO_GRADE, "0.0"),  # which it writes of who has handed in nothing, too
    )
