"""Grades go into the files of the platforms: their own parsers take them, and nothing else of a file has changed."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.classroom.grades import canvas, moodle_import, moodle_worksheet, nbgrader
from harness.classroom.grades.cells import Cells
from harness.classroom.grades.fill import Mark, fill
from harness.classroom.roster import Roster, Student
from harness.errors import ClassError
from tests.classroom.oracles import canvas as on_canvas
from tests.classroom.oracles import moodle as on_moodle
from tests.classroom.oracles import others

FINDERS = (nbgrader.find, canvas.find, moodle_worksheet.find, moodle_import.find)
FIRST = ("Zoë", "Bo", "Ann-Marie", "李", "Åsa", "Bo")
LAST = ("Müller Ortiz", "O'Neil", 'de "la" Cruz', "小龙", "Ek, PhD", "Nilsson")
STUDENTS = tuple(
    Student(f"s{101 + at}", f"{first} {last}", f"{at}@uni.example", team=f"Team {at % 3}", ids=(f"s{101 + at}",))
    for at, (first, last) in enumerate(zip(FIRST, LAST, strict=True))
)
HALVES = st.integers(0, 60).map(lambda n: Decimal(n) / 2)  # grades of 30
MARKS = st.lists(st.none() | HALVES, min_size=len(STUDENTS), max_size=len(STUDENTS))
ROSTERS = st.sets(st.sampled_from(STUDENTS), min_size=1).map(
    lambda some: Roster(tuple(sorted(some, key=lambda one: one.id)))
)
STYLES = st.tuples(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.sampled_from(["\n", "\r\n"]), st.booleans())


def as_file(rows, separator, style):
    quote, end, mark = style
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=end, quoting=quote).writerows(rows)
    return text.getvalue().encode("utf-8-sig" if mark else "utf-8")


def fill_file(file, roster, marks, maximum=Decimal(30), item="", **more):
    table = Cells.read("export.csv", file)
    target = next(found for find in FINDERS if (found := find(table, item)))
    return fill(table, target, roster, marks, maximum, **more)


def marks_of(totals, late=Decimal(0)):
    return {student.id: Mark(total, late) for student, total in zip(STUDENTS, totals, strict=True)}


def table_of(file, separator):
    return list(csv.reader(io.StringIO(file.decode("utf-8-sig"), newline=""), delimiter=separator))


def differing(before, after, separator):
    """Row and column of each cell that differs, of two files that have the same shape."""
    one, other = table_of(before, separator), table_of(after, separator)
    assert list(map(len, one)) == list(map(len, other))
    return {(y, x) for y, row in enumerate(one) for x, cell in enumerate(row) if cell != other[y][x]}


def worksheet(words, grades, *, emails=True, locked=(), maximum=30, numbers=None):
    """A grading worksheet as Moodle writes it; `grades` are those given already."""
    sign = words["sign"]
    head = [words["id"], words["name"], *([words["email"]] if emails else []), words["status"], words["grade"]]
    head += [words[what] for what in ("max", "can", "sent", "modified", "feedback")]
    rows = [head]
    for at, (student, grade) in enumerate(zip(STUDENTS, grades, strict=True)):
        number = numbers[at] if numbers else 500 + at
        row = [f"{words['user']}{number}", student.name, *([student.email] if emails else []), words["submitted"]]
        row += ["" if grade is None else f"{grade:.2f}".replace(".", sign), f"{maximum:.2f}".replace(".", sign)]
        row += [words["no"] if at in locked else words["yes"], words["when"], "-" if grade is None else words["when"]]
        rows.append([*row, "two\nlines, and a comma" if at == 1 else ""])
    return rows


TITLES = st.text(st.characters(categories=["L"]), min_size=1, max_size=8)


@st.composite
def languages(draw):
    """One of Moodle's languages, or one that nobody has heard of."""
    if draw(st.booleans()):
        return on_moodle.LANGUAGES[draw(st.sampled_from(sorted(on_moodle.LANGUAGES)))]
    words = draw(st.lists(TITLES, min_size=16, max_size=16, unique=True))
    made = dict(zip(on_moodle.LANGUAGES["en"], words, strict=True))
    return made | {"user": made["user"] + draw(st.sampled_from(["", " "])), "sign": draw(st.sampled_from(".,"))}


@settings(max_examples=25)
@given(languages(), MARKS, MARKS, ROSTERS, STYLES, st.booleans(), st.sets(st.integers(0, 5)))
def test_moodle_takes_a_worksheet_in_any_language(words, new, old, roster, style, emails, locked):
    locked = locked if words in on_moodle.LANGUAGES.values() else set()  # a word for No is known of some languages
    before = as_file(worksheet(words, old, emails=emails, locked=locked), ",", style)
    after, filled = fill_file(before, roster, marks_of(new))
    site = on_moodle.Site(
        words,
        {str(500 + at): None if grade is None else float(grade) for at, grade in enumerate(old)},
        maximum=30,
        locked={str(500 + at) for at in locked},
    )
    ours = [at for at, student in enumerate(STUDENTS) if student in roster.students]
    assert site.import_worksheet(after) == {
        str(500 + at): float(new[at]) for at in ours if new[at] is not None and new[at] != old[at] and at not in locked
    }
    column = before.decode("utf-8-sig") and table_of(before, ",")[0].index(words["grade"])
    assert {x for _, x in differing(before, after, ",")} <= {column}
    assert len(filled.unknown) == len(STUDENTS) - len(ours) and filled.missing == filled.doubtful == ()
    assert filled.filled + len(filled.locked) + len(filled.without_grade) == len(ours)


def test_a_worksheet_without_names_is_filled_in_by_the_participant():
    words = on_moodle.LANGUAGES["de"]
    rows = [[row[0], *row[3:]] for row in worksheet(words, [None] * 6, numbers=[101, 102, 103, 104, 105, 106])]
    roster = Roster(tuple(Student(one.id[1:], one.name, ids=(one.id[1:],)) for one in STUDENTS))
    after, filled = fill_file(
        as_file(rows, ",", (csv.QUOTE_MINIMAL, "\n", True)), roster, {"103": Mark(Decimal("7.5"))}
    )
    assert on_moodle.Site(words, dict.fromkeys(map(str, range(101, 107))), 30).import_worksheet(after) == {"103": 7.5}
    assert (filled.filled, len(filled.without_grade)) == (1, 5)


def test_a_number_of_a_participant_is_not_the_id_of_another_student():
    words = on_moodle.LANGUAGES["en"]
    roster = Roster(
        tuple(Student(str(502 - at), one.name, one.email, ids=(str(502 - at),)) for at, one in enumerate(STUDENTS))
    )
    after, _ = fill_file(
        as_file(worksheet(words, [None] * 6), ",", (0, "\n", False)), roster, {"502": Mark(Decimal(9))}
    )
    assert on_moodle.Site(words, dict.fromkeys(map(str, range(500, 506))), 30).import_worksheet(after) == {"500": 9}


def test_an_empty_field_before_a_number_is_no_grade():
    words = on_moodle.LANGUAGES["it"]
    rows = [
        [*row[:2], *more, *row[2:]]
        for row, more in zip(worksheet(words, [None] * 6), [["Nr", "Anno"], *[["", "2026"]] * 6], strict=True)
    ]
    after, _ = fill_file(as_file(rows, ",", (0, "\n", False)), Roster(STUDENTS), marks_of([Decimal("2.5")] * 6))
    given = on_moodle.Site(words, dict.fromkeys(map(str, range(500, 506))), 30).import_worksheet(after)
    assert given == dict.fromkeys(map(str, range(500, 506)), 2.5)


def test_a_scale_of_words_is_refused():
    rows = worksheet(on_moodle.LANGUAGES["en"], [None] * 6)
    rows = [rows[0], *([*row[:5], "poor\ngood", *row[6:]] for row in rows[1:])]
    with pytest.raises(ClassError, match="scale of words"):
        fill_file(as_file(rows, ",", (0, "\n", False)), Roster(STUDENTS), {})


def test_another_maximum_is_said_and_stretched_only_when_asked():
    words = on_moodle.LANGUAGES["de"]
    file = as_file(worksheet(words, [None] * 6, maximum=100), ",", (0, "\n", False))
    marks = marks_of([Decimal("26.5"), *[None] * 5])
    with pytest.raises(ClassError, match="at most 100 points, the scheme has 30") as refused:
        fill_file(file, Roster(STUDENTS), marks)
    assert "--rescale" in refused.value.hint
    after, _ = fill_file(file, Roster(STUDENTS), marks, rescale=True)
    given = on_moodle.Site(words, dict.fromkeys(map(str, range(500, 506)))).import_worksheet(after)
    assert given == {"500": 88.33}
    assert '"88,33"' in after.decode(), "with the comma of the file"


def gradebook(separator, grades, *, parts=False, posted=True, note=""):
    """A Canvas gradebook; `grades` are texts."""
    sign = "," if separator == ";" else "."
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Blood cells (77)", "Essay (78)"]
    rows = [[*head, "Current Score", "Final Grade"]]
    if posted:
        rows.append(["", "", "", "", "", "Manual Posting", "", "", ""])
    rows.append(
        ["    Points Possible", "", "", "", "", f"30{sign}00{note}", f"10{sign}00", "(read only)", "(read only)"]
    )
    for at, (student, grade) in enumerate(zip(STUDENTS, grades, strict=True)):
        name = f"{LAST[at]}, {FIRST[at]}"
        rows.append([name, str(9000 + at), student.id, f"login{at}", "A and B", grade, "3", "", "F"])
    rows.append(["Student, Test", "9099", "", "x", "A", "", "", "", ""])
    return [["LastName" if row is rows[0] else "", "FirstName", *row[1:]] for row in rows] if parts else rows


@settings(max_examples=25)
@given(
    MARKS,
    st.lists(st.sampled_from(["", "-", "EX", "ex", "12.5", "30"]), min_size=6, max_size=6),
    ROSTERS,
    STYLES,
    st.sampled_from(",;"),
    st.booleans(),
)
def test_canvas_takes_a_gradebook(new, old, roster, style, separator, posted):
    old = [text.replace(".", ",") if separator == ";" else text for text in old]
    before = as_file(gradebook(separator, old, posted=posted), separator, style)
    after, filled = fill_file(before, roster, marks_of(new), item="blood cells")
    course = on_canvas.Course(
        {77: "Blood cells", 78: "Essay"}, {9000 + at: ("", "") for at in range(6)} | {9099: ("", "")}
    )
    was, now = course.import_gradebook(before), course.import_gradebook(after)
    assert now.keys() == {77, 78}, "no assignment is made anew, nor any student"
    assert now[78] == was[78]
    for at, student in enumerate(STUDENTS):
        if student in roster.students and new[at] is not None and old[at].upper() != "EX":
            assert on_canvas.is_same(now[77][9000 + at], f"{new[at]:.2f}")
        else:
            assert now[77][9000 + at] == was[77][9000 + at]
    assert {x for _, x in differing(before, after, separator)} <= {5}
    assert "Test" in " ".join(filled.unknown)


def test_canvas_with_names_in_two_columns():
    rows = gradebook(",", [""] * 6, posted=False)
    rows = [["LastName", "FirstName", *rows[0][1:]], [rows[1][0], "", *rows[1][1:]]]
    rows += [[LAST[at], FIRST[at], str(9000 + at), "", "", "A", "", "", "", ""] for at in range(6)]
    after, filled = fill_file(
        as_file(rows, ",", (0, "\n", False)), Roster(STUDENTS), marks_of([Decimal(5)] * 6), item="Blood cells (77)"
    )
    assert filled.filled == 6
    course = on_canvas.Course({77: "Blood cells", 78: "Essay"}, {9000 + at: ("", "") for at in range(6)})
    assert set(course.import_gradebook(after)[77].values()) == {"5"}


@pytest.mark.parametrize(
    ("item", "note", "said"),
    [
        ("", "", "several of what may be meant: Blood cells (77), Essay (78)"),
        ("Blood", "", "has no assignment 'Blood'"),
        ("Final Grade", "", "has no assignment 'Final Grade'"),
        ("Blood cells", " (read only)", "it is read only"),
    ],
)
def test_canvas_asks_which_assignment_is_meant(item, note, said):
    with pytest.raises(ClassError) as refused:
        fill_file(as_file(gradebook(",", [""] * 6, note=note), ",", (0, "\n", False)), Roster(STUDENTS), {}, item=item)
    assert said in refused.value.message and refused.value.hint


def moodle_export(grades, language, separator):
    head = ["Vorname", "Nachname", "ID-Nummer", "Institution", "E-Mail-Adresse", "Aufgabe: Blood cells (Punkte)"]
    rows = [[*head, "Kurs gesamt (Punkte)", "Zuletzt aus diesem Kurs geladen"]]
    for at, (student, grade) in enumerate(zip(STUDENTS, grades, strict=True)):
        shown = "-" if grade is None else f"{grade:.2f}".replace(".", language["sign"])
        rows.append([FIRST[at], LAST[at], student.id, "", student.email, shown, "12", "1764380000"])
    return rows


@settings(max_examples=25)
@given(MARKS, MARKS, ROSTERS, STYLES, st.sampled_from([",", ";", "\t"]), st.sampled_from(["en", "de"]))
def test_moodle_takes_its_own_export_with_grades(new, old, roster, style, separator, language):
    words = on_moodle.LANGUAGES[language]
    before = as_file(moodle_export(old, words, separator), separator, style)
    item = "Aufgabe: Blood cells (Punkte)"
    after, filled = fill_file(before, roster, marks_of(new), item=item)
    users = {student.email for student in STUDENTS}
    site = on_moodle.Site(words, {})
    given = on_moodle.import_grades(site, after, separator, "E-Mail-Adresse", users, item)
    for at, student in enumerate(STUDENTS):
        expected = new[at] if student in roster.students and new[at] is not None else old[at]
        assert given[student.email] == (None if expected is None else float(expected))
    assert {x for _, x in differing(before, after, separator)} <= {5}
    assert len(filled.unknown) == len(STUDENTS) - len(roster.students)


def test_an_export_with_one_column_without_grades_needs_no_name_of_it():
    file = as_file(moodle_export([None] * 6, on_moodle.LANGUAGES["en"], ","), ",", (0, "\n", False))
    _, filled = fill_file(file, Roster(STUDENTS), marks_of([Decimal(3)] * 6))
    assert filled.item == "Aufgabe: Blood cells (Punkte)" and filled.filled == 6
    with pytest.raises(ClassError, match="no column of grades 'Blood'"):
        fill_file(file, Roster(STUDENTS), {}, item="Blood")


def nbgrader_export(names=True):
    rows = "assignment,duedate,timestamp,student_id,last_name,first_name,email,"
    rows += "raw_score,late_submission_penalty,score,max_score\n"
    for assignment, most in (("ps1", 10.0), ("cells", 30.0)):
        for at, student in enumerate(STUDENTS):  # nbgrader puts no quotes
            who = f"{LAST[at]},{FIRST[at]}" if names else ","
            rows += f"{assignment},2026-05-04 12:00:00,,{student.id},{who},{student.email},0.0,0.0,0.0,{most}\n"
    return rows


@settings(max_examples=25)
@given(MARKS, ROSTERS, st.sampled_from([Decimal(0), Decimal("2.5")]))
def test_nbgrader_s_table_takes_grades_and_penalties(new, roster, late):
    before = nbgrader_export(names=False)
    after, filled = fill_file(before.encode(), roster, marks_of(new, late), item="cells")
    scores = others.read_nbgrader(after.decode())
    for at, student in enumerate(STUDENTS):
        known = student in roster.students and new[at] is not None
        assert scores["cells", student.id] == (float(new[at]) if known else 0)
        assert scores["ps1", student.id] == 0
    assert {x for _, x in differing(before.encode(), after, ",")} <= {7, 8, 9}
    assert filled.platform == nbgrader.PLATFORM and not filled.replaced, "0.0 is no grade that anybody gave"


def test_a_comma_in_a_name_moves_no_grade_of_nbgrader():
    after, filled = fill_file(
        nbgrader_export().encode(), Roster(STUDENTS), marks_of([Decimal("7.5")] * 6), item="cells"
    )
    assert filled.filled == 6
    for line in after.decode().splitlines()[7:]:
        assert line.endswith(",7.5,0.0,7.5,30.0")
    with pytest.raises(ClassError, match="2 assignments: ps1, cells"):
        fill_file(nbgrader_export().encode(), Roster(STUDENTS), {})


def test_of_two_students_of_one_name_none_is_guessed():
    twins = Roster(tuple(Student(f"s{at}", "Bo Ek", ids=(f"s{at}",)) for at in range(2)))
    rows = [
        ["Student", "ID", "Section", "Cells (1)"],
        ["Ek, Bo", "1", "A", ""],
        ["Ek, Bo", "2", "A", ""],
        ["Ek, Bo", "s1", "A", ""],
    ]
    after, filled = fill_file(
        as_file(rows, ",", (0, "\n", False)), twins, {"s0": Mark(Decimal(1)), "s1": Mark(Decimal(2))}
    )
    assert [row[3] for row in table_of(after, ",")[1:]] == ["", "", "2"]
    assert len(filled.doubtful) == 2 and filled.missing == ("Bo Ek",)
    one = Roster(twins.students[:1])
    after, filled = fill_file(as_file(rows[:3], ",", (0, "\n", False)), one, {"s0": Mark(Decimal(1))})
    assert [row[3] for row in table_of(after, ",")[1:]] == ["", ""], "one of the two is somebody else"
    assert filled.missing == ("Bo Ek",)
