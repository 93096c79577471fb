"""A table for Moodle's grade import, such as the export of its gradebook: students by id or e-mail, a column an item.

Moodle refuses the whole file for one unknown student, one locked item or one grade above 100, unless the site allows
more; an empty cell or ``-`` is no grade.  Rows of others stay, since Moodle wrote them itself.
"""

from __future__ import annotations

from decimal import Decimal

from harness.classroom.grades.cells import Cells
from harness.classroom.grades.fill import NO_GRADE, Target, choose
from harness.classroom.grades.numbers import number_of
from harness.classroom.grades.who import columns_of_people

PLATFORM = "Moodle grade import"
SECONDS = 10  # digits of the time of the export, which stands in a column of its own


def find(table: Cells, item: str) -> Target | None:
    """Return where the table takes grades; `item` is the title of the column.

    Raises
    ------
    ClassError
        No column, or several, may be meant.
    """
    titles = table.header
    columns = [table.column(number) for number in range(len(titles))]
    usable = [
        at
        for at, column in enumerate(columns)
        if all(cell in NO_GRADE or (number_of(cell) is not None and len(cell) < SECONDS) for cell in column)
    ]
    if not item:  # Moodle writes "-" where there is no grade yet; fields that identify may be empty
        usable = [at for at in usable if "-" in columns[at]]
    at = choose(table.name, item, titles, usable, "column of grades")
    who = columns_of_people(titles, [other for other in range(len(titles)) if other != at])
    return Target(PLATFORM, titles[at], who, range(1, len(table.rows)), {"total": at}, refused_above=Decimal(100))
