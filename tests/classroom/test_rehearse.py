"""A class led through the whole round: what is planted ends as it deserves, and the platforms take the grades."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from harness.classroom.rehearse import lead as leading
from harness.classroom.rehearse.course import draw_course, write_download
from harness.classroom.rehearse.deserve import CHECKS, hidden_texts, verdicts
from harness.classroom.rehearse.lead import lead
from harness.classroom.rehearse.names import draw_names
from harness.classroom.rehearse.zips import PublicData
from harness.classroom.roster import read_roster
from harness.errors import UsageError
from harness.freeze.frozen import open_frozen
from harness.workspace import Workspace
from tests.classroom.oracles import canvas as on_canvas
from tests.classroom.oracles import moodle as on_moodle
from tests.classroom.oracles import others
from tests.conftest import CommandLine

SMALL = ("--teams", 6, "--zips", 24, "--days", 2)


def rehearsed(hemobench, folder, *words):
    """Rehearse, and return what was said of each planted thing, by its name."""
    done = hemobench("class", "rehearse", *words, "-o", folder, "--json")
    return {one["name"]: one for one in json.loads(done.stdout)}, done.stderr


@pytest.fixture(scope="module")
def course(frozen_workspace, tmp_path_factory):
    """What a small rehearsal of the frozen contest left, what it said, and what it found."""
    folder, rounds = tmp_path_factory.mktemp("a rehearsal") / "of a class", []
    before = {path: path.stat().st_mtime_ns for path in frozen_workspace.rglob("*")}

    def kept(*words, **more):
        rounds.append(lead(*words, **more))
        return rounds[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leading, "lead", kept)
        told, said = rehearsed(CommandLine(frozen_workspace), folder, *SMALL, "--contest", "small")
    assert {path: path.stat().st_mtime_ns for path in frozen_workspace.rglob("*")} == before, "a teacher's own stays"
    return folder, told, said, rounds[0]


def test_each_planted_thing_ends_as_it_deserves(course):
    folder, told, said, _ = course
    assert all(one["ok"] for one in told.values()), told
    assert {name.replace("_", " ") for name in CHECKS} < told.keys()
    assert told["copied"]["happened"].startswith("flagged by weights") and "disqualified" in told["copied"]["happened"]
    assert re.search(r"[1-9]\d* images in its log", told["log exfiltrator"]["happened"])
    assert "24 zips in 2 days: 23 rows on the board, 24 letters, 20 files of grades" in said
    page = (folder / "index.html").read_text()
    assert all(one["happened"] in page for one in told.values()) and "not ok" not in page
    links = [unquote(link) for link in re.findall(r'href="([^"]+)"', page)]
    assert len(links) > 30 and all((folder / link).is_file() for link in links), links
    assert str(folder) not in page and "<script" not in page


def test_every_platform_takes_its_file(course):
    check_grades(course[0])


def check_grades(folder: Path) -> None:
    """Have each platform's own reader take the file, and compare it with the grades as they were given."""
    students = read_roster(folder / "participants.csv").students
    document = json.loads((folder / "grades" / "grades.json").read_text())
    grades = {one["id"]: one["total"] for one in document["grades"]}
    assert len(grades) == len(students)
    numbers = {
        row["Full name"]: row["Identifier"].removeprefix("Participant ")
        for row in csv.DictReader((folder / "grades" / "moodle-worksheet.csv").read_text().splitlines())
    }
    site = on_moodle.Site(on_moodle.LANGUAGES["en"], dict.fromkeys(numbers.values()), maximum=30)
    given = site.import_worksheet((folder / "grades" / "moodle-worksheet-graded.csv").read_bytes())
    assert given == {numbers[one.name]: grades[one.id] for one in students}
    imported = on_moodle.import_grades(
        site,
        (folder / "grades" / "moodle-gradebook-graded.csv").read_bytes(),
        ",",
        "ID number",
        set(grades),
        "Assignment: Blood cells (Real)",
    )
    assert imported == grades
    table = (folder / "grades" / "canvas-graded.csv").read_bytes()
    ids = {row["ID"]: row["SIS User ID"] for row in csv.DictReader(table.decode().splitlines()) if row["ID"]}
    course = on_canvas.Course({77: "Blood cells"}, {int(number): ("", "") for number in ids})
    cells = course.import_gradebook(table)[77]
    assert {ids[str(user)]: float(cell) for user, cell in cells.items()} == grades
    scores = others.read_nbgrader((folder / "grades" / "nbgrader-graded.csv").read_text())
    assert scores == {("cells", number): total for number, total in grades.items()}
    for number, total in grades.items():
        result = json.loads((folder / "grades" / "gradescope" / number / "results.json").read_text())
        assert others.check_gradescope(result) == total
        result = json.loads((folder / "grades" / "classroom50" / number / "result.json").read_text())
        assert others.check_classroom50(result, "course", "cells", number) == (int(2 * total), 60)


def wrong_row(kind, **facts):
    """Make a round in which the board says something else of the entry of a kind."""

    def made(found):
        (sent,) = found.course.of_kind(kind)
        entry = found.judged[sent.name]["entry"]
        return replace(found, rows=found.rows | {entry: found.rows[entry] | facts})

    return made


def one_flagged(found):
    """Make a round in which two honest entries were flagged."""
    one, other = (found.judged[sent.name]["entry"] for sent in found.course.of_kind("honest")[1:3])
    pair = {"one": {"id": one}, "other": {"id": other}, "kinds": ["mistakes"]}
    return replace(found, similar={"flagged": [*found.similar["flagged"], pair]})


def one_grade_less(found):
    said = found.grades["canvas"]
    return replace(found, grades=found.grades | {"canvas": said | {"filled": said["filled"] | {"filled": 7}}})


def by_the_copy(found):
    said = found.grades["nbgrader"]
    first = said["grades"][0] | {"entry": found.disqualified}
    return replace(found, grades=found.grades | {"nbgrader": said | {"grades": [first, *said["grades"][1:]]}})


WRONG = {
    "none flagged": (lambda found: replace(found, similar={"flagged": []}), {"copied", "same files"}),
    "honest flagged": (one_flagged, {"honest"}),
    "stolen labels": (wrong_row("label_thief", public=0.9, public_low=0.8), {"label thief"}),
    "memory": (wrong_row("memoriser", public=0.9, public_low=0.8), {"memoriser"}),
    "chance": (wrong_row("random", public=0.9, public_low=0.8), {"random"}),
    "another majority": (wrong_row("majority", public=0.1), {"majority"}),
    "a shape that is let in": (wrong_row("mis_shaped", outcome="scored"), {"mis shaped"}),
    "time without end": (wrong_row("slow", outcome="killed"), {"slow"}),
    "no fall": (wrong_row("divided_by_255", public=0.9), {"divided by 255"}),
    "a copy that ranks": (wrong_row("copied", note="", rank=1), {"copied"}),
    "a batch that ranks": (wrong_row("batch_dependent", note="", rank=1), {"batch dependent"}),
    "no grace": (wrong_row("in grace", rank=None, note="late"), {"in grace"}),
    "no deadline": (wrong_row("late", rank=1, note=""), {"late"}),
    "no extension": (wrong_row("extended", rank=None, note="late"), {"extended"}),
    "a grade less": (one_grade_less, {"canvas"}),
    "a grade of the copy": (by_the_copy, {"nbgrader"}),
    "no baseline": (
        lambda found: replace(found, rows={number: row for number, row in found.rows.items() if number > 1}),
        {"random", "majority", "memoriser", "label thief"},
    ),
    "nothing judged": (lambda found: replace(found, judged={}), {"no zip", "stranger", "over the limit", "honest"}),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_goes_wrong_is_said(case, course):
    make, names = WRONG[case]
    wrong = {one.name for one in verdicts(make(course[3])) if not one.ok}
    assert names <= wrong if case == "nothing judged" else names == wrong


def test_a_hidden_image_in_a_letter_is_found_and_the_exit_code_tells(course, monkeypatch, tmp_path):
    found = course[3]
    (leak := found.folder / "letters" / "leak.md").write_text(f"its log: {hidden_texts(found)[0]}")
    monkeypatch.setattr(leading, "lead", lambda *words, **more: found)
    try:
        said = CommandLine(tmp_path)("class", "rehearse", "-o", tmp_path / "new", code=1)
    finally:
        leak.unlink()
    assert "leak.md" in said.stdout and said.stdout.count("NOT OK") == 1
    assert all(len(line) <= 80 for line in said.stdout.splitlines())
    assert "**not ok**" not in (page := (tmp_path / "new" / "index.html").read_text()) and "not ok" in page


@pytest.fixture(scope="module")
def public(frozen_workspace):
    return PublicData.of(open_frozen(Workspace(frozen_workspace)))


def test_the_same_seed_draws_the_same_bytes(public, tmp_path):
    found = []
    for at in range(2):
        (tmp_path / f"{at}").mkdir()
        course = draw_course(tmp_path / f"{at}", public, np.random.default_rng(7), n_teams=6, n_zips=24, n_days=1)
        write_download(course, 2, home := tmp_path / f"{at} given")
        found.append({path.relative_to(home): path.read_bytes() for path in home.rglob("*") if path.is_file()})
    assert found[0] == found[1]
    assert len(set(found[0].values())) == len(found[0]), "no two files are the same"
    assert draw_names(np.random.default_rng(7), 40) != draw_names(np.random.default_rng(8), 40)


@pytest.mark.parametrize(("sizes", "hint"), [((5, 24, 1), "--teams 6"), ((6, 10, 2), "--zips 2")])
def test_too_small_a_class_is_refused(sizes, hint, public, tmp_path):
    n_teams, n_zips, n_days = sizes
    with pytest.raises(UsageError) as refused:
        draw_course(tmp_path, public, np.random.default_rng(0), n_teams=n_teams, n_zips=n_zips, n_days=n_days)
    assert hint in refused.value.hint


@pytest.mark.slow
def test_the_whole_class_is_rehearsed(tmp_path):
    told, said = rehearsed(CommandLine(tmp_path / "none"), tmp_path / "rehearsal")
    assert all(one["ok"] for one in told.values()), told
    assert "doctor: input scale" in told["divided by 255"]["happened"]
    assert "in 40 teams" in said and "200 zips in 3 days" in said and not (tmp_path / "none").exists()
    check_grades(tmp_path / "rehearsal")
