"""A class led through the whole round: what is planted ends as it deserves, and the platforms take the grades."""

import csv
import json
import re
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from harness.classroom.rehearse.course import draw_course, write_download
from harness.classroom.rehearse.deserve import CHECKS
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
    """What a small rehearsal of the frozen contest left, and what it said."""
    folder = tmp_path_factory.mktemp("a rehearsal") / "of a class"
    before = {path: path.stat().st_mtime_ns for path in frozen_workspace.rglob("*")}
    found = rehearsed(CommandLine(frozen_workspace), folder, *SMALL, "--contest", "small")
    assert {path: path.stat().st_mtime_ns for path in frozen_workspace.rglob("*")} == before, "a teacher's own stays"
    return folder, *found


def test_each_planted_thing_ends_as_it_deserves(course):
    folder, told, said = course
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
