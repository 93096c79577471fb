"""A roster is read as the platforms export it, and finds a student by whatever is known of him."""

import json

import pytest

from harness.classroom.roster import Student, read_roster
from harness.errors import ClassError

PEOPLE = [("Zoë", "Müller Ortiz", "s101", "zoe@uni.example"), ("Bo", "O'Neil", "s102", "bo@uni.example")]

EXPORTS = {
    "own table": "team,alias,name,id,e-mail,section\nRed,Fox,Zoë Müller Ortiz,s101,zoe@uni.example,A\n"
    "Red,,Bo O'Neil,s102,bo@uni.example,A\n",
    "Moodle participants": '"First name","Last name","ID number","Email address",Roles,Groups\n'
    'Zoë,"Müller Ortiz",s101,zoe@uni.example,Student,Red\nBo,O\'Neil,s102,bo@uni.example,Student,Red\n'
    "Ada,Adams,t1,ada@uni.example,Teacher,\n",
    "Moodle participants in German": "Vorname;Nachname;ID-Nummer;E-Mail-Adresse;Gruppen\r\n"
    "Zoë;Müller Ortiz;s101;zoe@uni.example;Red\r\nBo;O'Neil;s102;bo@uni.example;red \r\n",
    "Moodle participants in Italian": "Nome,Cognome,Codice identificativo,Indirizzo email,Gruppi\n"
    "Zoë,Müller Ortiz,s101,zoe@uni.example,Red\nBo,O'Neil,s102,bo@uni.example,Red\n",
    "Canvas gradebook": "Student;ID;SIS User ID;SIS Login ID;Section;Contest (77)\n"
    "    Points Possible;;;;;10\n\"Müller Ortiz, Zoë\";9001;s101;zoe@uni.example;A;\n"
    "\"O'Neil, Bo\";9002;s102;bo@uni.example;A;3\n\"Student, Test\";9009;;x;A;\n",
    "Canvas groups": "name,canvas_user_id,user_id,login_id,sections,group_name\n"
    "Zoë Müller Ortiz,9001,s101,zoe@uni.example,A,Red\nBo O'Neil,9002,s102,bo@uni.example,A,Red\n",
    "Gradescope": "First Name,Last Name,SID,Email,Role,Section\nZoë,Müller Ortiz,s101,zoe@uni.example,Student,A\n"
    "Bo,O'Neil,s102,bo@uni.example,Student,A\nAda,Adams,,ada@uni.example,Instructor,\n",
    "nbgrader": "id,first_name,last_name,email\ns101,Zoë,Müller Ortiz,zoe@uni.example\ns102,Bo,O'Neil,bo@uni.example\n",
}  # fmt: skip


def written(path, text, encoding="utf-8-sig"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("text", EXPORTS.values(), ids=EXPORTS)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "utf-16", "cp1252"])
def test_an_export_is_read_as_it_is(text, encoding, tmp_path):
    roster = read_roster(written(tmp_path / "export.csv", text, encoding))
    assert [(one.name, one.id) for one in roster.students] == [(f"{first} {last}", id) for first, last, id, _ in PEOPLE]
    for (first, last, id, email), student in zip(PEOPLE, roster.students, strict=True):
        assert roster.with_id(id) == roster.with_id(id.upper()) == student
        assert roster.with_email(email) == student or student.email == ""
        squeezed = "".join(filter(str.isalnum, f"{last}{first}".lower()))
        for name in (f"{first} {last}", f"{last}, {first}", f"{last} {first}", squeezed, f"{first}  {last}".upper()):
            assert roster.with_name(name) == (student,), name
    assert roster.with_name("Zoe Muller Ortiz") == (roster.students[0],), "accents that a file name has lost"
    if "Red" in text:
        assert roster.in_team("RED\u200b") == roster.students and list(roster.teams) == ["Red"]
    if "Fox" in text:
        assert roster.in_team("fox") == roster.students
        assert {one.board_name for one in roster.students} == {"Fox"}, "the alias of one line is its team's"


def test_numbers_of_a_platform_find_a_student_beside_the_id_of_the_school(tmp_path):
    roster = read_roster(written(tmp_path / "gradebook.csv", EXPORTS["Canvas gradebook"]))
    assert roster.with_id("9002") == roster.with_id("s102") == roster.students[1]
    assert any("test student" in note for note in roster.notes)
    roster = read_roster(written(tmp_path / "participants.csv", EXPORTS["Moodle participants"]))
    assert any("Ada Adams" in note for note in roster.notes), "who is left out is named"


def test_who_is_in_no_team_is_one_alone_also_beside_a_namesake(tmp_path):
    text = "name,id,team\nJan Novak,1,\nJan Novak,2,\nEva Horn,3,\nJan Novak,4,Blue\n"
    roster = read_roster(written(tmp_path / "roster.csv", text))
    assert list(roster.teams) == ["Jan Novak (1)", "Jan Novak (2)", "Eva Horn", "Blue"]
    assert len(roster.with_name("novak, jan")) == 3 and roster.in_team("eva horn")[0].id == "3"


def test_a_student_in_two_sections_is_one(tmp_path):
    text = "name,id,section\nA B,1,x\nA B,1,y\n"
    roster = read_roster(written(tmp_path / "roster.csv", text))
    assert roster.students == (Student("1", "A B", team="A B", section="x, y", ids=("1",)),) and len(roster.notes) == 1


def test_every_contradiction_is_named_at_once(tmp_path):
    text = (
        "name,id,email,team,alias\nA,1,a@x,Red,Fox\nB,1,b@x,Red,Owl\nC,3,a@x,Blue,Red\nD,4,,Green,Fox\n"
        "E,5,,\uff32ed,fox\n"
    )
    with pytest.raises(ClassError) as error:
        read_roster(written(tmp_path / "roster.csv", text))
    assert "5 times" in error.value.message
    for word in ("same id, 1", "same e-mail, a@x", "aliases Fox and Owl;", "Red and of Blue"):
        assert word in error.value.message


@pytest.mark.parametrize("text", ["", "\n", "colour,size\nred,1\n", "name,id\n", 'name,id\n"torn', "\0\0\n"])
def test_what_is_no_table_of_students_is_said(text, tmp_path):
    with pytest.raises(ClassError) as error:
        read_roster(written(tmp_path / "roster.csv", text))
    assert error.value.hint


def test_the_table_is_kept_byte_for_byte_and_shown(hemobench, tmp_path):
    export = written(tmp_path / "an export.csv", EXPORTS["own table"])
    assert json.loads(hemobench("class", "roster", "--json").stdout) == []
    found = json.loads(hemobench("class", "roster", export, "--json").stdout)
    assert [row["team"] for row in found] == ["Red", "Red"]
    kept = hemobench.workspace / "roster.csv"
    assert kept.read_bytes() == export.read_bytes() and kept.stat().st_mode & 0o077 == 0
    assert json.loads(hemobench("class", "roster", "--json").stdout) == found
    wrong = written(tmp_path / "wrong.csv", "colour\nred\n")
    assert "colour" in hemobench("class", "roster", wrong, code=1).stderr
    assert kept.read_bytes() == export.read_bytes(), "the one before is kept"
