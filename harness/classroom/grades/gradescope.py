"""Gradescope's ``results.json``, one a student, as an autograder leaves it in ``/autograder/results``.

What it says of the whole submission is ``score``, since the parts may be rounded and lessened for lateness.
"""

from __future__ import annotations

from typing import Any

from harness.classroom.grades.sheet import Grade, Sheet

FILE = "results.json"


def result(sheet: Sheet, grade: Grade, item: str) -> dict[str, Any]:
    """Return the document of a student who has a grade; students see it when grades are published."""
    assert grade.total is not None
    tests = [
        {
            "name": part.name,
            "score": float(part.points),
            "max_score": float(part.most),
            "output": part.why,
            "visibility": "after_published",
        }
        for part in grade.parts
    ]
    board = [{"name": f"{sheet.by} {sheet.metric}", "value": grade.score.value, "order": "desc"}] if grade.score else []
    return {
        "score": float(grade.total),
        "output": grade.arithmetic,
        "visibility": "after_published",
        "stdout_visibility": "hidden",
        "tests": tests,
        "leaderboard": board,
    }
