"""A class that is drawn: students, what each hands in and when, and Moodle's files of it, day by day.

The clock is that of the hand-in times in Moodle's grading worksheet; nothing waits for a day to pass.
"""

from __future__ import annotations

import csv
import io
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from harness.classroom.rehearse.names import draw_names, team_names, written
from harness.classroom.rehearse.zips import PublicData, train, write_zip
from harness.classroom.roster import Student
from harness.errors import UsageError
from harness.words import counted

START = datetime(2026, 3, 2, 8, tzinfo=UTC)  # of the first day, a Monday
DUE = timedelta(hours=10)  # after the start of a day: when the last one ends
DAY = timedelta(days=1)
GRACE = 15  # minutes
LEAST_TEAMS = 6
WORKSHEET = "grades.csv"  # of Moodle, in a download
MINUTES = 600  # between two teams one, up to the end of the day

# What is planted, each once, by its folder of ``planted/``.
PLANTED = (
    "random", "majority", "memoriser", "label_thief", "copied", "mis_shaped", "slow", "divided_by_255",
    "log_exfiltrator", "batch_dependent",
)  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """One file that a student handed in.

    Attributes
    ----------
    kind : str
        What it is: "honest", one of `PLANTED`, or what tries a rule: "in grace", "late", "extended", "over the limit",
        "same files", "no zip", "stranger".
    student : Student
    when : datetime
        UTC.
    file : Path
    """

    kind: str
    student: Student
    when: datetime
    file: Path

    @property
    def name(self) -> str:
        """What its file is called in a download; where that is no entry, its folder."""
        return self.folder if self.kind in ("no zip", "stranger") else f"entry-{self.file.stem}.zip"

    @property
    def folder(self) -> str:
        """Moodle's folder of it."""
        return f"{self.student.name}_{self.student.ids[-1]}_assignsubmission_file_"


@dataclass(frozen=True)
class Course:
    """A class, and what it hands in.

    Attributes
    ----------
    students : tuple of Student
        The last of their `ids` is Moodle's number of the participant.
    sent : tuple of Sent
        The earliest first.
    n_days : int
    a_day : int
        Entries of a team that the rules take on a day.
    """

    students: tuple[Student, ...]
    sent: tuple[Sent, ...]
    n_days: int
    a_day: int

    @property
    def deadline(self) -> datetime:
        return START + (self.n_days - 1) * DAY + DUE

    def of_kind(self, kind: str) -> list[Sent]:
        return [one for one in self.sent if one.kind == kind]


def draw_course(
    folder: Path, data: PublicData, rng: np.random.Generator, *, n_teams: int, n_zips: int, n_days: int
) -> Course:
    """Draw a class, and write all that it will hand in into `folder`, a file each.

    Raises
    ------
    UsageError
        There are too few teams or zips for all that is planted.
    """
    plan, a_day = _plan(n_teams, n_zips, n_days)
    students = _students(rng, n_teams)
    teams = team_names(n_teams)
    members = {team: [one for one in students if one.team == team] for team in teams}
    stranger = Student("", draw_names(rng, len(students) + 1)[-1] + " Nemo", ids=("99999",))
    turns: Counter[tuple[int, datetime]] = Counter()
    tries: Counter[int] = Counter()
    networks, sent = {}, []
    for number, (kind, team, when) in enumerate(plan):
        own = np.random.default_rng(rng.integers(2**63))
        tries[team] += 1
        name = f"{number:04d}"
        if kind == "no zip":
            file = folder / f"{name}.pdf"
            file.write_bytes(b"%PDF-1.4\n% a report in place of a zip\n")
        else:
            file = folder / f"{name}.zip"
            network = train(data, own, units=64 + 16 * int(own.integers(5)), share=min(1.0, 0.5 + 0.1 * tries[team]))
            networks[number] = network
            if kind == "copied":
                network = networks[0]
            if kind == "same files":
                _packed_anew(folder / "0000.zip", file)
            else:
                write_zip(kind if kind in PLANTED else "honest", file, data, network, own)
        at = turns[team, when]
        turns[team, when] += 1
        group = members[teams[team]]
        student = stranger if kind == "stranger" else group[at // 5 % len(group)]
        sent.append(Sent(kind, student, when, file))
    return Course(tuple(students), tuple(sorted(sent, key=lambda one: one.when)), n_days, a_day)


def _plan(n_teams: int, n_zips: int, n_days: int) -> tuple[list[tuple[str, int, datetime]], int]:
    """Return kind, team and time of all that is handed in, and how many a team may hand in a day.

    Planted and honest entries are dealt to all teams but the last, which hands in too much on the first day.
    """
    if n_teams < LEAST_TEAMS or n_days < 1:
        raise UsageError(
            f"Got {counted(n_teams, 'team')} and {counted(n_days, 'day')}, expected {LEAST_TEAMS} teams and a day at "
            "least.",
            f"Type: --teams {max(n_teams, LEAST_TEAMS)} --days {max(n_days, 1)}",
        )
    dealt_to = n_teams - 1
    a_day = -(-n_zips // (dealt_to * n_days)) + 1
    due = START + (n_days - 1) * DAY + DUE
    after = [("in grace", 1, due + timedelta(minutes=10)), ("late", 2, due + timedelta(hours=15))]
    after += [("extended", 3, due + timedelta(hours=16)), ("stranger", 0, due + timedelta(hours=17))]
    # Of a student Moodle keeps what came last on a day, so that these come with what the team hands in that day anyway.
    with_others = [("copied", 1, _time_of(1, n_days - 1)), ("same files", 4, _time_of(4, n_days - 1))]
    too_many = [("over the limit", dealt_to, START)] * (a_day + 1)
    n_dealt = n_zips - len(after) - len(too_many) - len(with_others)
    least = n_zips - n_dealt + len(PLANTED) + 1
    if n_zips < least:
        raise UsageError(
            f"Got {counted(n_zips, 'zip')}, expected {least} at least: what is planted, and some honest ones.",
            f"Type: --zips {least}",
        )
    dealt = ["honest", *(one for one in PLANTED if one != "copied")]
    dealt += ["honest"] * (n_dealt - len(dealt))
    kinds = []
    for number, kind in enumerate(dealt):
        turn, team = divmod(number, dealt_to)
        kinds.append((kind, team, _time_of(team, turn % n_days)))
    return [*kinds, *with_others, *after, *too_many, ("no zip", 0, due + timedelta(minutes=5))], a_day


def _time_of(team: int, day: int) -> datetime:
    return START + day * DAY + timedelta(minutes=team % MINUTES)


def _students(rng: np.random.Generator, n_teams: int) -> list[Student]:
    """Draw who is in the class: every third team is of two, every second has an alias."""
    sizes = [2 if at % 3 == 0 else 1 for at in range(n_teams)]
    names = iter(draw_names(rng, sum(sizes)))
    found: list[Student] = []
    for at, team in enumerate(team_names(n_teams)):
        for _ in range(sizes[at]):
            number = str(1001 + len(found))
            alias = f"Alias {at + 1}" if at % 2 else ""
            ids = (number, str(50000 + len(found)))
            found.append(Student(number, next(names), f"s{number}@uni.example", team, alias, ids=ids))
    return found


def write_participants(course: Course, path: Path) -> None:
    """Write Moodle's list of participants, with columns of teams; names are written in other ways than in downloads."""
    head = ("First name", "Last name", "ID number", "Email address", "Team", "Alias")
    rows = []
    for at, one in enumerate(course.students):
        first, _, last = one.name.partition(" ")
        rows.append(
            [*(written(part, at) for part in (first, last)), one.id, one.email, written(one.team, at), one.alias]
        )
    write_table(path, [head, *rows])


def write_download(course: Course, day: int, folder: Path) -> None:
    """Write what Moodle gives on the evening of a day, 1 the first: of each student what came last, and the worksheet.

    That of the day behind the last one has what came after the deadline.
    """
    until = START + (day - 1) * DAY + DUE + (DAY if day > course.n_days else timedelta(0))
    latest: dict[str, list[Sent]] = {}
    for one in course.sent:
        if one.when <= until:
            before = latest.get(one.folder, [])
            latest[one.folder] = [*(each for each in before if each.when == one.when), one]
    for place, files in latest.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        for one in files:
            name = "report.pdf" if one.kind == "no zip" else f"entry-{one.file.stem}.zip"  # a stranger's, too
            shutil.copyfile(one.file, folder / place / name)
    times = {files[0].student.id: files[0].when for files in latest.values()}
    write_worksheet(course.students, times, folder / WORKSHEET)


def write_worksheet(students: Iterable[Student], times: dict[str, datetime], path: Path) -> None:
    """Write Moodle's grading worksheet of an assignment with 30 points."""
    head = ("Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade", "Grade can be changed",
            "Last modified (submission)", "Last modified (grade)", "Feedback comments")  # fmt: skip
    rows = []
    for one in students:
        when = times.get(one.id)
        status = "Submitted for grading" if when else "No submission"
        told = f"{when:%A, %-d %B %Y, %-I:%M %p}" if when else "-"
        rows.append((f"Participant {one.ids[-1]}", one.name, one.email, status, "", "30.00", "Yes", told, "-", ""))
    write_table(path, [head, *rows], end="\n")


def _packed_anew(source: Path, target: Path) -> None:
    """Write the same files in another order, compressed, with another date."""
    with zipfile.ZipFile(source) as given, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name in reversed(given.namelist()):
            made.writestr(zipfile.ZipInfo(name, (2026, 3, 1, 0, 0, 0)), given.read(name), zipfile.ZIP_DEFLATED)


def write_table(path: Path, rows: Sequence[Sequence[str]], end: str = "\r\n") -> None:
    """Write a CSV file in UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end).writerows(rows)
    path.write_bytes(text.getvalue().encode("utf-8"))
