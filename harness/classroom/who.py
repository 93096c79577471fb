"""Whose a file is: what its place and a listing tell of its owner, and the team that this names."""

from __future__ import annotations

from dataclasses import dataclass

from harness.board.team_name import LONGEST, may_stand, tidy
from harness.classroom.roster import Roster, Student
from harness.errors import ClassError, did_you_mean
from harness.words import printable


@dataclass(frozen=True)
class Clues:
    """What is known of who handed something in; empty where nothing is.

    Attributes
    ----------
    team, id, email, name : str
    number : str
        Of the platform, beside a name: a student's id, or one that stands nowhere else.
    word : str
        A name of a file or folder, which may be any of these.
    """

    team: str = ""
    id: str = ""
    email: str = ""
    name: str = ""
    number: str = ""
    word: str = ""


def board_name(roster: Roster, clues: Clues) -> str:
    """Return what the team behind `clues` is called on the board.

    Without a roster it is called as the clues say.

    Raises
    ------
    ClassError
        It is in no roster, or may be two.
    """
    said = next(filter(None, map(tidy, (clues.team, clues.name, clues.id, clues.email, clues.word))), "")
    if not roster.students:
        if not said:
            raise ClassError("Nothing tells whose it is.", "Name the folder or the zip by its team.")
        if not may_stand(said):
            raise ClassError(
                f"{printable(said)[:LONGEST]} cannot stand on the board, expected 1 to {LONGEST} printable characters.",
                "Give it an alias in a roster: hemobench class roster TABLE",
            )
        return said
    students = find_students(roster, clues)
    teams = list(dict.fromkeys(student.board_name for student in students))
    if len(teams) == 1:
        return teams[0]
    if teams:
        names = ", ".join(f"{student.name} ({student.id})" for student in students)
        raise ClassError(f"{said} may be {names}.", "Say which by a listing with their ids: --listing TABLE")
    known = dict.fromkeys((*roster.teams, *(student.name for student in roster.students)))
    near = did_you_mean(said, known, 0.75)
    hint = f"{near} {_ADD}" if near.startswith("Did") else _ADD  # not the whole class
    raise ClassError(f"{said or 'It'} is in no team of the roster.", hint)


_ADD = "Add the student or team, then: hemobench class roster TABLE"


def find_students(roster: Roster, clues: Clues) -> tuple[Student, ...]:
    """Return the students that the surest clue names; several where it is not clear which of them."""
    if found := roster.in_team(clues.team) if clues.team else ():
        return found
    for student in (roster.with_id(clues.id) if clues.id else None, roster.with_email(clues.email)):
        if student:
            return (student,)
    named = _named(roster, clues.name)
    numbered = roster.with_id(clues.number) if clues.number else None
    if numbered and (not named or numbered in named):
        return (numbered,)
    if named:
        return named
    if clues.word:
        student = roster.with_id(clues.word) or roster.with_email(clues.word)
        return roster.in_team(clues.word) or ((student,) if student else roster.with_name(clues.word))
    return ()


def _named(roster: Roster, name: str) -> tuple[Student, ...]:
    """Return the students or the team of a name; Moodle puts the name of a group before a student's, with a dash."""
    if not name:
        return ()
    if found := roster.with_name(name) or roster.in_team(name):
        return found
    for at, letter in enumerate(name):
        if letter == "-":
            group, student = roster.in_team(name[:at]), roster.with_name(name[at + 1 :])
            if both := tuple(one for one in student if one in group):
                return both
    return ()
