"""Every exercise passes with the teacher's answer and explains plausible wrong ones; notebooks are made and read."""

import json
import re
import tomllib

import pytest

from harness.lessons.checking import explain
from harness.lessons.course import lessons
from tests.conftest import ROOT, CommandLine
from tests.lessons.wrong import WRONG

LESSONS = {lesson.name: lesson for lesson in lessons()}
ANSWERS = dict(
    zip(LESSONS, re.findall(r"```python\n(.*?)```", (ROOT / "docs/lessons/teacher.md").read_text(), re.S), strict=True)
)


def exercise(lesson) -> str:
    """The cell that the reader fills in."""
    return lesson.path.read_text(encoding="utf-8").split("# %%\n")[-1]


def answered(lesson, answer: str) -> str:
    """That cell with an answer in the place of the stub."""
    *_, call = (cell := exercise(lesson)).rstrip().splitlines()
    return cell[: re.search(r"^(def|answer) ?", cell, re.M).start()] + answer + "\n\n" + call + "\n"


def given(lesson, answer: str):
    """What `answer` defines."""
    names: dict[str, object] = {}
    call = re.search(rf"check\({lesson.number}, (\w+)\)$", exercise(lesson).rstrip()).group(1)
    exec(answered(lesson, answer).rsplit("check(", 1)[0], names)
    return names[call]


@pytest.mark.parametrize("name", LESSONS)
def test_the_teacher_s_answer_passes(name):
    assert explain(name, given(LESSONS[name], ANSWERS[name])) == ""


@pytest.mark.parametrize(
    ("name", "said"), [pytest.param(*key, id=f"{key[0]}: {key[1]}") for key in WRONG], indirect=False
)
def test_a_plausible_wrong_answer_is_explained(name, said):
    why = explain(name, given(LESSONS[name], WRONG[name, said]))
    assert said in why, why


def test_each_lesson_has_two_wrong_answers_that_differ():
    assert all(sum(of == name for of, _ in WRONG) >= 2 for name in LESSONS)


@pytest.mark.parametrize("name", LESSONS)
def test_an_exercise_that_is_left_open_is_no_error(name):
    stub = exercise(LESSONS[name])
    names: dict[str, object] = {}
    exec(stub.rsplit("check(", 1)[0], names)
    call = re.search(r"check\(\d, (\w+)\)$", stub.rstrip()).group(1)
    assert explain(name, names[call]) == "It is not answered yet."


def test_lessons_are_listed_opened_and_checked(tmp_path):
    hemobench = CommandLine(tmp_path / "none", tmp_path)
    rows = json.loads(hemobench("lesson", "list", "--json").stdout)
    assert [row["number"] for row in rows] == list(range(1, len(LESSONS) + 1))
    assert all(row["claim"].endswith(".") and row["title"] for row in rows)
    folder, lesson = tmp_path / "my lessons", LESSONS["leak"]
    assert "1-leak.ipynb" in hemobench("lesson", "open", 1, "--folder", folder).stdout
    path = folder / lesson.file
    document = json.loads(path.read_text())
    assert "not answered" in hemobench("lesson", "check", 1, "--folder", folder, code=1).stdout
    document["cells"][-1]["source"] = answered(lesson, ANSWERS["leak"])
    path.write_text(json.dumps(document))
    assert "passed" in hemobench("lesson", "check", 1, "--folder", folder).stdout
    hemobench("lesson", "open", 1, "--folder", folder)
    assert json.loads(path.read_text()) == document, "the reader's work stays"
    document["cells"][-1]["source"] = "check(1, nothing)"
    path.write_text(json.dumps(document))
    assert "by itself" in hemobench("lesson", "check", 1, "--folder", folder, code=1).stderr
    path.write_text("{}")
    assert "lesson open 1" in hemobench("lesson", "check", 1, "--folder", folder, code=1).stderr
    hemobench("lesson", "open", 99, code=2)


def test_every_lesson_is_on_the_page_and_in_the_wheel():
    page = (ROOT / "docs/lessons/README.md").read_text(encoding="utf-8")
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    for lesson in LESSONS.values():
        assert f"| [{lesson.number} · {lesson.title}]({lesson.path.name}) | {lesson.claim} |" in page
        assert wheel["wheel"]["force-include"][f"docs/lessons/{lesson.path.name}"].startswith("harness/lessons/sources")
