"""Classroom 50's ``result.json``, one a student, schema ``classroom50/result/v1``.

Scores are whole numbers there and add up over tests, so a grade is counted in steps of the scheme and is one test: in
steps of 0.5 points a grade of 26.5 is 53.  The owner is a GitHub login, which the roster must have as the student's id;
Classroom 50 refuses a document whose classroom, assignment or owner is not that of the repository.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from harness.classroom.grades.numbers import written
from harness.classroom.grades.sheet import Grade, Sheet
from harness.errors import UsageError

FILE = "result.json"


def result(sheet: Sheet, grade: Grade, item: str) -> dict[str, Any]:
    """Return the document of a student who has a grade; `item` is ``CLASSROOM/ASSIGNMENT``.

    Its time is that of the hand-in, which a later run does not change.

    Raises
    ------
    UsageError
        `item` is not of this form.
    """
    classroom, _, assignment = item.partition("/")
    if not classroom or not assignment or "/" in assignment:
        raise UsageError(
            f"Got --item {item!r}, expected CLASSROOM/ASSIGNMENT.", "Type: --item cs-principles/blood-cells"
        )
    assert grade.total is not None
    when = datetime.fromisoformat(grade.submitted_at or sheet.closed_at or "1970-01-01T00:00:00+00:00").astimezone(UTC)
    tag = f"submit/{when:%Y-%m-%dT%H-%M-%SZ}-{grade.zip_sha256[:7] or 'no-entry'}"
    score, most = int(grade.total / sheet.step), int(sheet.maximum / sheet.step)
    test = {
        "test-name": f"grade in steps of {written(sheet.step)} points",
        "passed": score == most,
        "score": score,
        "max-score": most,
        "output": grade.arithmetic,
    }
    return {
        "schema": "classroom50/result/v1",
        "classroom": classroom,
        "assignment": assignment,
        "assignment_type": "individual",
        "owner": grade.id,
        "submission": tag,
        "commit": tag,  # no commit was graded but a zip, named by its hash
        "release": tag,
        "review": tag,
        "datetime": f"{when:%Y-%m-%dT%H:%M:%SZ}",
        "score": score,
        "max-score": most,
        "tests": [test],
    }
