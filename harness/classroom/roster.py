"""Who is in a class: students and teams, read from a table of one's own or from a platform's export as it is.

Columns are found by what they are called on Moodle (participants, grading worksheet), Canvas (gradebook, people,
groups), Gradescope and nbgrader, in English, German, Italian, French and Spanish, in any order.  Names are compared as
the board compares them (`harness.board.team_name`).
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from harness.board.team_name import LONGEST, may_stand, team_key, tidy
from harness.errors import ClassError
from harness.spreadsheet import read_csv
from harness.words import counted
from harness.workspace import Workspace, write_atomic

# What the columns are called, without accents, blanks and capitals; of several that are there all ids count, the first
# of them as `id`, and of the others the first.
COLUMNS = {
    "id": "studentid sid idnumber idnummer matrikelnummer matriculationnumber matricola numerodimatricola "
    "codiceidentificativo numerodidentification numerodeid sisuserid sisid userid id username anmeldename "
    "nomutilisateur nombredeusuario sisloginid loginid login canvasuserid identifier participantid",
    "name": "name fullname studentname student vollstandigername nomecompleto nomcomplet nombrecompleto sortablename",
    "first": "firstname givenname vorname nome prenom nombre",
    "last": "lastname surname familyname nachname familienname cognome nomdefamille nom apellidos apellido",
    "email": "email emailaddress mail emailadresse indirizzoemail adressedecourriel courriel correoelectronico "
    "direcciondecorreo",
    "team": "team teamname groupname group groups gruppe gruppen gruppo gruppi groupe groupes grupo grupos",
    "alias": "alias pseudonym nickname",
    "section": "section sections sektion sezione seccion",
    "role": "role roles rolle rollen ruolo ruoli rol",
}
NOT_STUDENTS = re.compile(
    r"teacher|instructor|\bta\b|assistant|reader|manager|observer|trainer|dozent|tutor|docente", re.I
)
NOT_A_ROW = re.compile(r"\s*(points possible|manual posting)", re.I)  # of a Canvas gradebook, above its students
TEST_STUDENT = "test student"  # whom Canvas adds for its teachers
PARTICIPANT = re.compile(r"[^\W\d].*\D(\d+)")  # Moodle's number of a hand-in: "Participant 123"
BEGIN = "A table begins with a row such as: id,name,e-mail,team,alias. Read by: hemobench class roster FILE"


@dataclass(frozen=True)
class Student:
    """One student; who is in no team is a team of one, called as the student is.

    Attributes
    ----------
    id : str
        The e-mail or else the name where the table has no id.
    alias : str
        What the team is called where others see it; empty: `team`.
    ids : tuple of str
        All by which platforms know the student: `id`, and numbers and login names of other columns.
    """

    id: str
    name: str
    email: str = ""
    team: str = ""
    alias: str = ""
    section: str = ""
    ids: tuple[str, ...] = ()

    @property
    def board_name(self) -> str:
        """What the student's team is called on the board."""
        return self.alias or self.team


@dataclass(frozen=True)
class Roster:
    """The students of a class, in the order of the table.

    Attributes
    ----------
    students : tuple of Student
    notes : tuple of str
        What of the table was left out or put right, for a person.
    """

    students: tuple[Student, ...] = ()
    notes: tuple[str, ...] = ()

    def with_id(self, number: str) -> Student | None:
        """Return the student whom any platform knows by this id."""
        return self._by_id.get(_fold(number))

    def with_email(self, email: str) -> Student | None:
        """Return the student with this e-mail."""
        return self._by_email.get(_fold(email)) if email.strip() else None

    def with_name(self, name: str) -> tuple[Student, ...]:
        """Return the students of this name: surname first or last, with a comma, or squeezed as Canvas does it.

        Accents count where that tells two students apart.
        """
        return self._by_name.get(_squeezed(name)) or self._by_plain_name.get(_plain(_squeezed(name)), ())

    def in_team(self, team: str) -> tuple[Student, ...]:
        """Return the students of a team, by its name or alias."""
        return self._by_team.get(team_key(team), ())

    @cached_property
    def teams(self) -> dict[str, tuple[Student, ...]]:
        """The students of each team by its name, in the order of the table."""
        found: defaultdict[str, list[Student]] = defaultdict(list)
        for student in self.students:
            found[student.team].append(student)
        return {team: tuple(students) for team, students in found.items()}

    @cached_property
    def _by_id(self) -> dict[str, Student]:
        return {_fold(number): student for student in reversed(self.students) for number in reversed(student.ids)}

    @cached_property
    def _by_email(self) -> dict[str, Student]:
        return {_fold(student.email): student for student in self.students if student.email}

    @cached_property
    def _by_name(self) -> dict[str, tuple[Student, ...]]:
        return _grouped((key, student) for student in self.students for key in _name_keys(student.name))

    @cached_property
    def _by_plain_name(self) -> dict[str, tuple[Student, ...]]:
        return _grouped((_plain(key), student) for student in self.students for key in _name_keys(student.name))

    @cached_property
    def _by_team(self) -> dict[str, tuple[Student, ...]]:
        return {
            team_key(name): students
            for students in self.teams.values()
            for name in (students[0].team, students[0].alias)
            if name
        }


def keep_roster(workspace: Workspace, path: Path) -> Roster:
    """Read the table `path`, and keep it in the workspace as the class's, byte for byte.

    Raises
    ------
    ClassError
        As `read_roster`; the one before is kept then.
    """
    roster = read_roster(path)
    write_atomic(workspace.roster, path.read_bytes(), private=True)
    return roster


def class_roster(workspace: Workspace) -> Roster:
    """Return the roster that is kept in a workspace, one without students where none is.

    Raises
    ------
    ClassError
        It cannot be read.
    """
    return read_roster(workspace.roster) if workspace.roster.exists() else Roster()


def read_roster(path: Path) -> Roster:
    """Read a table of students.

    Raises
    ------
    ClassError
        It is no table, names no student, or contradicts itself; all contradictions are named.
    """
    try:
        lines = [[tidy(cell) for cell in line] for line in read_csv(path.read_bytes())]
    except (OSError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ClassError(f"{path.name} is no table of students: {reason}.", BEGIN) from error
    header = lines[0] if lines else []
    columns = columns_in(header, COLUMNS)
    if not columns.keys() & {"id", "name", "email", "team"} and not columns.keys() >= {"first", "last"}:
        raise ClassError(
            f"{path.name} has no column of names, e-mails, ids or teams; it has {', '.join(header)}.", BEGIN
        )
    notes: list[str] = []
    students: list[Student] = []
    for number, line in enumerate(lines[1:], start=2):
        if student := _student(cells_of(line, columns), f"Line {number}", notes):
            students.append(student)
    if not students:
        raise ClassError(f"{path.name} names no student.", BEGIN)
    return Roster(_checked(path, _each_once(students, notes)), tuple(notes))


def columns_in(header: Sequence[str], names: Mapping[str, str]) -> dict[str, list[int]]:
    """Return where columns stand, by what they hold, the one that counts most first; `names` are as in `COLUMNS`."""
    at: dict[str, int] = {}
    for place, cell in enumerate(header):
        at.setdefault(re.sub(r"[\W_]+", "", _plain(cell.casefold())), place)
    found = {what: [at[word] for word in words.split() if word in at] for what, words in names.items()}
    return {what: places for what, places in found.items() if places}


def cells_of(line: Sequence[str], columns: Mapping[str, Sequence[int]]) -> dict[str, list[str]]:
    """Return what a line says in its columns, by what they hold; nothing where it is empty."""
    found = {what: [tidy(line[at]) for at in places if at < len(line)] for what, places in columns.items()}
    return {what: [cell for cell in cells if cell] for what, cells in found.items() if any(cells)}


def student_of(cells: Mapping[str, Sequence[str]]) -> Student:
    """Return whom the cells of a line are of; its fields are empty where they say nothing."""
    first, last, name, email, team, alias, section = (
        next(iter(cells.get(what, ())), "") for what in ("first", "last", "name", "email", "team", "alias", "section")
    )
    if first and last:
        name = f"{first} {last}"
    else:
        name = " ".join(reversed(name.split(", "))) if name.count(", ") == 1 else name or first or last
    ids = list(dict.fromkeys(cells.get("id", ())))
    ids += [found[1] for number in ids if (found := PARTICIPANT.fullmatch(number))]
    return Student(next(iter(ids), ""), name, email, team, alias, section, tuple(ids))


def _student(cells: Mapping[str, Sequence[str]], where: str, notes: list[str]) -> Student | None:
    """Return whom a line of the table is of; None where of nobody, which is noted unless it is empty."""
    if not cells or NOT_A_ROW.match(next(iter(cells.get("name", ())), "")):
        return None
    student = student_of(cells)
    name = student.name or student.email or student.id or student.team
    if not name:
        notes.append(f"{where} names nobody: left out.")
        return None
    if name.casefold() == TEST_STUDENT:
        notes.append(f"{where}, {name}, is the test student of the platform: left out.")
        return None
    if NOT_STUDENTS.search(role := ", ".join(cells.get("role", ()))):
        notes.append(f"{where}, {name}, is {role}: left out.")
        return None
    if ", " in student.team:
        notes.append(
            f"{where}, {name}, is in several groups, {student.team}: taken for one team. A column 'team' says which."
        )
    number = student.id or student.email or name
    return replace(student, id=number, name=name, ids=student.ids or (number,))


def _each_once(students: Iterable[Student], notes: list[str]) -> list[Student]:
    """Join lines of the same student, as of one in two sections."""
    found: dict[str, Student] = {}
    for student in students:
        earlier = found.get(_fold(student.id))
        if earlier and replace(student, section="") == replace(earlier, section=""):
            notes.append(f"{student.name} stands there twice: taken once.")
            sections = dict.fromkeys((earlier.section, student.section))
            found[_fold(student.id)] = replace(earlier, section=", ".join(filter(None, sections)))
        else:
            found[_fold(student.id) if earlier is None else f"{student.id} {len(found)}"] = student
    return list(found.values())


def _checked(path: Path, students: Sequence[Student]) -> tuple[Student, ...]:
    """Return the students with their teams spelt alike and the alias of a team at each; refuse contradictions."""
    wrong = []
    for what, values in (("id", [one.id for one in students]), ("e-mail", [one.email for one in students])):
        for value, same in _grouped((_fold(value), one) for value, one in zip(values, students, strict=True)).items():
            if value and len(same) > 1:
                wrong.append(f"{' and '.join(one.name for one in same)} have the same {what}, {value}")
    students = _in_teams(students)
    members = _grouped((team_key(student.team), student) for student in students)
    named: dict[str, str] = {}
    found: dict[str, tuple[str, str]] = {}
    for key, team in members.items():
        spelt: dict[str, str] = {}
        for student in team:
            spelt.setdefault(team_key(student.alias), student.alias)
        aliases = [alias for key, alias in spelt.items() if key]
        if len(aliases) > 1:
            wrong.append(f"team {team[0].team} has the aliases {' and '.join(aliases)}")
        found[key] = team[0].team, aliases[0] if aliases else ""
        if not may_stand(shown := found[key][1] or team[0].team):
            wrong.append(f"team {shown[:LONGEST]} … has over {LONGEST} characters, or odd ones; give it an alias")
        for name in {key, team_key(found[key][1])} - {""}:
            if name in named:
                wrong.append(f"{found[key][1] or team[0].team} is a name of team {named[name]} and of {team[0].team}")
            named[name] = team[0].team
    if wrong:
        raise ClassError(
            f"{path.name} contradicts itself {counted(len(wrong), 'time')}: {'; '.join(wrong)}.",
            "Correct the table; nothing was kept.",
        )
    return tuple(
        replace(student, team=team, alias=alias)
        for student in students
        for team, alias in [found[team_key(student.team)]]
    )


def _in_teams(students: Sequence[Student]) -> list[Student]:
    """Return the students each in a team: who is in none is one alone, and nobody else's."""
    names = Counter(team_key(student.team or student.name) for student in students)
    return [
        student
        if student.team
        else replace(
            student, team=student.name if names[team_key(student.name)] == 1 else f"{student.name} ({student.id})"
        )
        for student in students
    ]


def _fold(text: str) -> str:
    return tidy(text).casefold()


def _name_keys(name: str) -> set[str]:
    """Return the squeezed name with each of its words first, since nobody says where a surname begins."""
    words = tidy(name).split()
    return {_squeezed(" ".join(words[at:] + words[:at])) for at in range(len(words))}


def _squeezed(name: str) -> str:
    return "".join(letter for letter in team_key(name) if letter.isalnum())


def _plain(text: str) -> str:
    """Return text without accents."""
    return "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))


def _grouped(pairs: Iterable[tuple[str, Student]]) -> dict[str, tuple[Student, ...]]:
    found: defaultdict[str, list[Student]] = defaultdict(list)
    for key, student in pairs:
        if student not in found[key]:
            found[key].append(student)
    return {key: tuple(students) for key, students in found.items()}
