"""Canvas's gradebook: names and ids up to a column Section, then one column an assignment, ``Title (id)``.

Below the header there may be a row that says which assignments are posted by hand, and one of the points possible,
where ``(read only)`` means that Canvas takes none.  ``EX`` excuses a student.  A title without an id would make a new
assignment.
"""

from __future__ import annotations

import re

from harness.classroom.grades.cells import Cells
from harness.classroom.grades.fill import Target, choose
from harness.classroom.grades.numbers import number_of
from harness.errors import ClassError

PLATFORM = "Canvas gradebook"
WITH_ID = re.compile(r".*\(\d+\)")
NO_STUDENT = re.compile(r"\s*(Muted|Manual Posting.*)?\s*", re.IGNORECASE)


def find(table: Cells, item: str) -> Target | None:
    """Return where the gradebook takes grades, None where the file is none; `item` is the title of the assignment.

    Raises
    ------
    ClassError
        No assignment, or several, may be meant, or Canvas takes no grades for it.
    """
    titles = table.header
    by_parts = titles[:2] == ["LastName", "FirstName"] and "ID" in "".join(titles[2:3])
    if not by_parts and not ("Student" in "".join(titles[:1]) and "ID" in "".join(titles[1:2])):
        return None
    section = next((at for at, title in enumerate(titles) if "Section" in title), None)
    if section is None:
        return None
    usable = [at for at in range(section + 1, len(titles)) if WITH_ID.fullmatch(titles[at])]
    at = choose(table.name, item, titles, usable, "assignment")
    maximum, rows, locked = None, [], {}
    for number, row in enumerate(table.rows[1:], start=1):
        cell = row[at].text.strip() if at < len(row) else ""
        if "Points Possible" in row[0].text:
            if re.search(r"read\s+only", cell):
                raise ClassError(f"Canvas takes no grades for {titles[at]}: it is read only.", "Choose another --item.")
            maximum = number_of(cell)
        elif not all(NO_STUDENT.fullmatch(one.text) for one in row):
            rows.append(number)
            if cell.upper() == "EX":
                locked[number] = "excused (EX)"
    return Target(PLATFORM, titles[at], range(section), rows, {"total": at}, maximum=maximum, locked=locked)
