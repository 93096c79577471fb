"""The files of a rehearsal's class that platforms export for grades: Canvas, nbgrader and Moodle's gradebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.classroom.rehearse.course import write_table
from harness.classroom.roster import Student

ITEM = "Blood cells"
CLASSROOM50 = "course/cells"
MOST = 30


def write_canvas(students: Sequence[Student], path: Path) -> None:
    """Write Canvas's gradebook, with its two rows of headings."""
    head = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section", f"{ITEM} (77)")
    rows = [(_last_first(one), one.ids[-1], one.id, one.email, "Course", "") for one in students]
    write_table(path, [head, ("    Points Possible", "", "", "", "", f"{MOST}"), *rows])


def write_nbgrader(students: Sequence[Student], path: Path) -> None:
    """Write what ``nbgrader export`` does."""
    head = ("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
            "late_submission_penalty", "score", "max_score")  # fmt: skip
    rows = [
        ("cells", "", "", one.id, *reversed(one.name.split(" ", 1)), one.email, "0.0", "0.0", "0.0", f"{MOST}.0")
        for one in students
    ]
    write_table(path, [head, *rows], end="\n")


def write_gradebook(students: Sequence[Student], path: Path) -> None:
    """Write the export of Moodle's gradebook, which its grade import takes back."""
    head = ("First name", "Last name", "ID number", "Email address", f"Assignment: {ITEM} (Real)")
    write_table(path, [head, *((*one.name.split(" ", 1), one.id, one.email, "-") for one in students)], end="\n")


def _last_first(student: Student) -> str:
    first, _, last = student.name.partition(" ")
    return f"{last}, {first}"
