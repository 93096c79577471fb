"""A class is graded by a scheme: the arithmetic adds up, and what it is counted on is said."""

import json
from decimal import Decimal

import pytest

from harness.board.closing import close
from harness.board.disqualification import disqualify
from harness.board.in_force import open_in_force
from harness.board.rule_change import change_rules
from harness.classroom.grades.give import give_grades
from harness.classroom.grades.handwritten import read_written
from harness.classroom.grades.scheme import WrittenPart
from harness.classroom.roster import Roster, read_roster
from harness.errors import ClassError, WorkspaceError
from tests.classroom.oracles import others
from tests.conftest import CommandLine

SCHEME = """
maximum = 20
[score]
bands = [{ at_least = 0.7, points = 10 }, { at_least = 0.4, points = 5 }]
[[beats]]
baseline = "Base line"
points = 4
[written]
file = "essays.csv"
points = 6
"""
GROUPS = "maximum = 10\nwithout_entry = 0\n[score]\ngroups = [10, 6, 2.5]\n"
ROSTER = """id,name,e-mail,team,alias,section
s1,Zoë Ek,zoe@uni.example,Red,Fox,A
s2,Bo Ek,bo@uni.example,Red,,A
s3,Cy Day,cy@uni.example,Blue,,B
s4,Di Roe,di@uni.example,Green,,B
s5,Ed Poe,ed@uni.example,,,B
"""
ESSAYS = "who;Points\nzoe@uni.example;5,5\ns2;6\nBlue;4\nDi Roe;\nsomebody;3\n"


@pytest.fixture
def course(desk, tmp_path):
    """A board of three teams, a baseline and a stranger, with a roster, a scheme and marks by hand."""
    for number, (name, accuracy) in enumerate(
        (("base LINE", 0.3), ("Fox", 0.95), ("fox", 0.75), ("Blue", 0.7), ("Green", 0.75), ("guests", 0.99))
    ):
        desk.record(name if name != "fox" else "Fox", accuracy, number=number)
    for name, text in (("roster.csv", ROSTER), ("essays.csv", ESSAYS), ("grades.toml", SCHEME)):
        (tmp_path / name).write_text(text)
    return desk


def graded(course, tmp_path, text=SCHEME, *, roster=True):
    (tmp_path / "grades.toml").write_text(text)
    frozen = open_in_force(course.workspace)
    students = read_roster(tmp_path / "roster.csv") if roster else Roster()
    return give_grades(course.workspace, frozen, tmp_path / "grades.toml", students)[1]


def test_every_grade_is_the_sum_of_what_is_shown(course, tmp_path):
    sheet = graded(course, tmp_path)
    by_id = {one.id: one for one in sheet.grades}
    assert list(by_id) == ["s1", "s2", "s3", "s4", "s5"]
    for one in sheet.grades:
        if one.exact is not None:
            assert sum(part.points for part in one.parts) - one.late == one.exact
            assert one.total % sheet.step == 0 and 0 <= one.total <= sheet.maximum
            assert abs(one.total - one.exact) <= sheet.step / 2
            assert [part.name for part in one.parts] == ["score", "beating Base line", "written"]
    assert (by_id["s1"].team, by_id["s1"].entry) == ("Fox", 2)
    assert by_id["s1"].parts[:2] == by_id["s2"].parts[:2]
    assert by_id["s1"].total == by_id["s2"].total - Decimal("0.5")
    assert by_id["s3"].parts[2].points == 4, "a mark for the team"
    assert [by_id[who].note for who in ("s4", "s5")] == ["no mark for the written part", "no entry that counts"]
    assert any("guests" in note for note in sheet.notes) and any("somebody" in note for note in sheet.notes)


def test_an_open_contest_is_previewed_by_its_public_half_alone(full, other_private_half, tmp_path):
    (tmp_path / "grades.toml").write_text(GROUPS)
    sheets = [
        give_grades(board.workspace, open_in_force(board.workspace), tmp_path / "grades.toml", Roster())[1]
        for board in (full, other_private_half)
    ]
    assert sheets[0] == sheets[1]
    assert sheets[0].by == "public" and not sheets[0].closed_at
    assert len({one.total for one in sheets[0].grades}) == 3, "of six teams and two that are apart"


def test_a_closed_contest_is_graded_by_the_private_half_of_finals(course, tmp_path):
    early = graded(course, tmp_path, GROUPS)
    close(course.workspace, course.frozen)
    course.record("Blue", 0.99, number=9)  # late
    sheet = graded(course, tmp_path, GROUPS)
    assert (early.by, sheet.by) == ("public", "private") and sheet.closed_at
    scores = {one.team: one.score for one in sheet.grades if one.score}
    with_scores = {one.id: one for one in sheet.grades}
    assert with_scores["s3"].entry == 4
    assert with_scores["s5"].total == 0 and with_scores["s5"].arithmetic == "0 no entry = 0"
    order = sorted(scores, key=lambda team: -scores[team].value)
    points = [next(one.total for one in sheet.grades if one.team == team) for team in order]
    assert points == sorted(points, reverse=True) and points[0] == 10


def late_rule(course, **rules):
    change_rules(course.workspace, open_in_force(course.workspace), rules, "as announced")


def test_lateness_is_taken_off_by_the_rules_on_record(course, tmp_path):
    bands = (
        "maximum = 10\nstep = 0.01\n[score]\nbands = [{ at_least = 0, points = 7 }, { at_least = 0.7, points = 10 }]"
    )
    course.record("Blue", 0.99, number=300)  # 35 hours after the first
    deadline = {"deadline": "2026-05-04T12:22:00Z"}  # Blue's first in time, Green's by the grace alone
    late_rule(course, **deadline, grace_min=0, late="per_day", late_per_day=0.25)
    for closed in (False, True):
        by_id = {one.id: one for one in graded(course, tmp_path, bands).grades}
        assert (by_id["s3"].entry, by_id["s3"].late) == (4, 0), "in time it has 7, and 5 with the better score"
        assert by_id["s4"].late == Decimal("0.25") * by_id["s4"].parts[0].points > 0
        assert "25 % for 1 day late" in by_id["s4"].arithmetic
        for one in by_id.values():
            if one.exact is not None:
                assert sum(part.points for part in one.parts) - one.late == one.exact == one.total
        assert any("loses 25 % for each day begun" in said for said in graded(course, tmp_path, bands).rule)
        if not closed:
            late_rule(course, **deadline, grace_min=9, late="zero")
            in_grace = {one.id: one for one in graded(course, tmp_path, bands).grades}
            assert not in_grace["s4"].late
            late_rule(course, **deadline, grace_min=0, late="zero")
            assert {one.id: one for one in graded(course, tmp_path, bands).grades}["s4"].total == 0
            late_rule(course, **deadline, grace_min=0, late="per_day", late_per_day=0.25)
            close(course.workspace, open_in_force(course.workspace))


def test_who_is_disqualified_gets_no_points_and_a_line_that_says_why(course, tmp_path):
    disqualify(course.workspace, course.frozen, 4, "the weights of Fox")
    for when in ("open", "closed"):
        sheet = graded(course, tmp_path, GROUPS.replace("without_entry = 0\n", ""))
        assert [one.team for one in sheet.grades if one.entry is None] == ["Blue", "Ed Poe"], when
        assert sum("Blue, is disqualified: the weights of Fox." in note for note in sheet.notes) == 1
        if when == "open":
            close(course.workspace, course.frozen)
    disqualify(course.workspace, course.frozen, 2, "the weights of Fox")
    assert graded(course, tmp_path, GROUPS).grades[0].entry == 3, "its other final counts"


def test_without_a_roster_each_team_is_a_row(course, tmp_path):
    sheet = graded(course, tmp_path, GROUPS.replace("10,", "9,").replace("= 10", "= 9"), roster=False)
    assert {one.id for one in sheet.grades} == {"base LINE", "Fox", "Blue", "Green", "guests"}
    assert {one.total for one in sheet.grades} <= {9, 6, Decimal("2.5")}
    sheet = graded(
        course,
        tmp_path,
        SCHEME.replace("[written]", "#").replace("file", "#").replace("points = 6", "").replace("20", "14"),
        roster=False,
    )
    assert {one.id for one in sheet.grades} == {"Fox", "Blue", "Green", "guests"}, "a baseline is no team"


def test_a_baseline_that_is_not_there_is_named(course, tmp_path):
    with pytest.raises(ClassError, match="'vgg16', which has no score") as refused:
        graded(course, tmp_path, SCHEME.replace("Base line", "vgg16"))
    assert "hemobench submit vgg16" in refused.value.hint


def test_a_team_of_the_roster_is_no_baseline(course, tmp_path):
    for name in ("Fox", "4"):
        with pytest.raises(ClassError, match="a team of the roster handed in"):
            graded(course, tmp_path, SCHEME.replace("Base line", name))


def test_points_of_single_tasks_are_no_ids_and_a_dash_is_no_mark(tmp_path):
    (tmp_path / "roster.csv").write_text("id,name\n1,Zoe\n2,Bo\n3,Cy\n")
    rows = ("\ufeffMatrikelnummer;Aufgabe 1;Aufgabe 2;points", "1;2;3;5,5", "2;1;1;-", "3;0;;2", "")
    (tmp_path / "marks.csv").write_text("\r\n".join(rows), newline="")
    part = WrittenPart(file="marks.csv", points=6)
    marks, notes = read_written(tmp_path, part, read_roster(tmp_path / "roster.csv"))
    assert (marks, notes) == ({"1": Decimal("5.5"), "3": Decimal(2)}, [])


def test_who_cannot_be_compared_is_named_and_not_guessed(course, tmp_path):
    (card,) = [path for path in course.workspace.cards("small").glob("*.npz") if "T122800" in path.name]
    card.unlink()
    assert graded(course, tmp_path, "maximum = 5\n[score]\nbands = [{ at_least = 0.5, points = 5 }]").grades
    with pytest.raises(WorkspaceError, match=r"not kept as they were scored: 5 \(Green\)"):
        graded(course, tmp_path, GROUPS)


@pytest.mark.parametrize(
    ("essays", "said"),
    [
        ("who;Points\ns1;7\n", "gives Zoë Ek '7', expected a number from 0 to 6"),
        ("who;Points\ns1;good\n", "gives Zoë Ek 'good'"),
        ("who;Points\ns1;-1\n", "expected a number from 0"),
        ("who;Points\ns1;1\nzoe@uni.example;2\n", "gives Zoë Ek 1 and 2"),
        ("who;marks\ns1;1\n", "no column 'points'"),
        (None, "cannot be read"),
    ],
)
def test_marks_by_hand_are_checked(course, tmp_path, essays, said):
    (tmp_path / "essays.csv").unlink()
    if essays:
        (tmp_path / "essays.csv").write_text(essays)
    with pytest.raises(ClassError, match=said):
        graded(course, tmp_path)


def test_the_verb_shows_the_arithmetic_and_fills_in_a_file(course, tmp_path):
    hemobench = CommandLine(course.workspace.path, tmp_path)
    hemobench("class", "roster", "roster.csv")
    export = b"\xef\xbb\xbfStudent;ID;SIS User ID;Section;Cells (77)\r\n    Points Possible;;;;20,00\r\n"
    export += 'Ek, Zoë;1;s1;A;\r\nEk, Bo;2;s2;A;EX\r\n"Stranger; Ann";3;s9;A;7,0\r\n'.encode()
    (tmp_path / "gradebook.csv").write_bytes(export)
    done = hemobench("class", "grades", "--scheme", "grades.toml", "--fill", "gradebook.csv")
    assert "10 score (from 70 %, lifted)" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    for word in ("Preview", "guests", "Ann", "excused", "(1): Cy Day", "rounded half up"):
        assert word in " ".join(done.stderr.split())
    assert (tmp_path / "gradebook.csv").read_bytes() == export
    written = (tmp_path / "gradebook-graded.csv").read_bytes()
    assert written == export.replace(b"s1;A;", b"s1;A;19,5")
    assert (tmp_path / "gradebook-graded.csv").stat().st_mode & 0o077 == 0
    found = json.loads(
        hemobench("class", "grades", "--scheme", "grades.toml", "--fill", "gradebook.csv", "--json").stdout
    )
    assert found["grades"][0]["arithmetic"] == "10 score (from 70 %, lifted) + 4 beating Base line + 5.5 written = 19.5"
    assert found["grades"][0]["total"] == 19.5 and found["filled"]["filled"] == 1
    rows = hemobench("class", "grades", "--scheme", "grades.toml", "--format", "csv").stdout
    assert rows.splitlines()[0].startswith("id,name,email,section,team,entry,accuracy,")
    for form in ("markdown", "latex"):
        assert "19.5" in hemobench("class", "grades", "--scheme", "grades.toml", "--format", form).stdout
    for words in (
        ("--fill", "gradebook.csv", "--out", "gradebook.csv"),
        ("--fill", "gradebook.csv", "--results", "gradescope"),
        ("--results", "gradescope"),
    ):
        assert "expected" in hemobench("class", "grades", "--scheme", "grades.toml", *words, code=2).stderr


def test_documents_for_gradescope_and_classroom_50(course, tmp_path):
    hemobench = CommandLine(course.workspace.path, tmp_path)
    hemobench("class", "roster", "roster.csv")
    words = ("class", "grades", "--scheme", "grades.toml", "--out", "results", "--results")
    sheet = {one.id: one for one in graded(course, tmp_path).grades}
    hemobench(*words, "gradescope")
    hemobench(*words, "classroom50", "--item", "cs/cells")
    files = sorted(path.relative_to(tmp_path / "results").as_posix() for path in tmp_path.glob("results/*/*"))
    assert files == sorted(f"{who}/{name}" for who in ("s1", "s2", "s3") for name in ("result.json", "results.json"))
    for who in ("s1", "s2", "s3"):
        total = float(sheet[who].total)
        assert others.check_gradescope(json.loads((tmp_path / "results" / who / "results.json").read_text())) == total
        document = json.loads((tmp_path / "results" / who / "result.json").read_text())
        assert others.check_classroom50(document, "cs", "cells", who) == (total * 2, 40)
        assert document["datetime"] == sheet[who].submitted_at.replace("+00:00", "Z")
    assert "CLASSROOM/ASSIGNMENT" in hemobench(*words, "classroom50", "--item", "cells", code=2).stderr


@pytest.mark.parametrize("closed", [False, True])
def test_a_baseline_outside_the_ranks_is_beaten_and_a_disqualified_entry_counts_nothing(course, tmp_path, closed):
    course.record("majority", 0.35, number=20, baseline=True)
    text = SCHEME.replace("Base line", "majority").replace("[written]\nfile", "[written]\n# two\nfile")
    if closed:
        close(course.workspace, course.frozen)
    before = {one.id: one for one in graded(course, tmp_path, text).grades}
    assert before["s1"].entry == 2 and before["s1"].parts[1].points == 4
    for number in (2, 3):  # both of team Fox
        disqualify(course.workspace, course.frozen, number, "it was copied")
    after = {one.id: one for one in graded(course, tmp_path, text).grades}
    assert after["s1"].entry is None and after["s1"].note == "no entry that counts"
    assert after["s3"] == before["s3"]
