"""What nbgrader's readers, Gradescope and Classroom 50 demand of their files.

nbgrader's ``plugins/export.py`` (its table is read by title, a score is what is left of the raw score), Gradescope's
"Autograder Specifications", and Classroom 50's wiki page "Advanced Autograding" with its collector.
"""

import csv
import io
import re

VISIBLE = {"hidden", "after_due_date", "after_published", "visible"}


def read_nbgrader(text: str) -> dict[tuple[str, str], float]:
    """Return the scores by assignment and student."""
    found = {}
    for row in csv.DictReader(io.StringIO(text, newline="")):
        raw, penalty, score = (float(row[name]) for name in ("raw_score", "late_submission_penalty", "score"))
        assert abs(score - max(0.0, raw - penalty)) < 1e-9
        assert 0 <= score <= float(row["max_score"])
        found[row["assignment"], row["student_id"]] = score
    return found


def check_gradescope(document: dict) -> float:
    """Return the score of a submission."""
    known = {
        "score",
        "execution_time",
        "output",
        "visibility",
        "stdout_visibility",
        "extra_data",
        "tests",
        "leaderboard",
    }
    assert set(document) <= known
    assert document.get("visibility", "visible") in VISIBLE
    assert document.get("stdout_visibility", "hidden") in VISIBLE
    assert "score" in document or document.get("tests")
    for test in document.get("tests", []):
        assert set(test) <= {"score", "max_score", "status", "name", "number", "output", "tags", "visibility"}
        assert isinstance(test["score"], int | float) and isinstance(test["max_score"], int | float)
        assert test.get("visibility", "visible") in VISIBLE
    for line in document.get("leaderboard", []):
        assert isinstance(line["name"], str) and isinstance(line["value"], int | float | str)
        assert line.get("order", "desc") in {"asc", "desc"}
    return document.get("score", sum(test["score"] for test in document.get("tests", [])))


def check_classroom50(document: dict, classroom: str, assignment: str, owner: str) -> tuple[int, int]:
    """Return the score and the most there is, of a document that the collector takes for this repository."""
    assert document["schema"] == "classroom50/result/v1"
    assert (document["classroom"], document["assignment"]) == (classroom, assignment)
    assert document["owner"].lower() == owner.lower()
    assert document["assignment_type"] in {"individual", "group", "team"}
    assert document["submission"].startswith("submit/")
    for key in ("submission", "commit", "release", "review", "datetime"):
        assert isinstance(document[key], str) and document[key]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["datetime"])
    for one in (document, *document["tests"]):
        assert type(one["score"]) is int and type(one["max-score"]) is int
        assert 0 <= one["score"] <= one["max-score"]
    for test in document["tests"]:
        assert isinstance(test["test-name"], str) and test["test-name"] and type(test["passed"]) is bool
    assert document["score"] == sum(test["score"] for test in document["tests"])
    assert document["max-score"] == sum(test["max-score"] for test in document["tests"])
    return document["score"], document["max-score"]
