"""Leads a class that was drawn through the whole round, verb by verb, as its teacher would type them."""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.classroom.rehearse import exports
from harness.classroom.rehearse.course import (
    DAY,
    GRACE,
    WORKSHEET,
    Course,
    draw_course,
    write_download,
    write_participants,
    write_table,
)
from harness.classroom.rehearse.zips import PLANTED, PublicData
from harness.contest import rules_of
from harness.errors import ClassError
from harness.freeze.frozen import Frozen, open_frozen
from harness.workspace import Workspace

NAME = "rehearsal"
CONTEST = """name = "rehearsal"
title = "Drawn blood cells"
version = 1
class_names = [
  "basophil", "eosinophil", "erythroblast", "immature_granulocyte", "lymphocyte", "monocyte", "neutrophil", "platelet",
]
image_shape = [96, 96, 3]
[source]
kind = "embedded"
n_images = 640
seed = 5
[split]
hidden = 0.25
val = 0.25
"""
SCHEME = """maximum = 30
step = 0.5
without_entry = 0
[score]
bands = [{at_least = 0.7, points = 18}, {at_least = 0.5, points = 12}, {at_least = 0.3, points = 6}]
[[beats]]
baseline = "majority"
points = 5
[written]
file = "written.csv"
points = 7
"""
TIME_S = 6  # of an entry here; the slow one takes all of it
IMAGES_A_SECOND = 1000  # of contests that are larger than that allows


@dataclass(frozen=True)
class Typed:
    """What a verb said, and its exit code."""

    out: str
    err: str
    code: int


Type = Callable[[Sequence[str]], Typed]


@dataclass(frozen=True)
class Step:
    """One command of the round: as the teacher would type it, how long it took, and what it wrote."""

    command: str
    seconds: float
    typed: Typed


@dataclass(frozen=True)
class Round:
    """What came of the round.

    Attributes
    ----------
    folder : Path
        What the rehearsal leaves: `letters`, ``site``, ``evidence``, files of grades, `workspace`.
    course : Course
    frozen : Frozen
    steps : tuple of Step
    judged : dict of str to dict
        What ``class judge`` said of each thing when it was new, by the name of its file; `Sent.name`.
    rows : dict of int to dict
        The board while the contest was open, by entry, `disqualified` among them.
    similar, doctor : dict
        What these verbs said, the doctor of the entry that divides by 255.
    closed : list of dict
        The board after the close.
    grades : dict of str to dict
        What ``class grades`` said, by platform.
    """

    folder: Path
    course: Course
    frozen: Frozen
    steps: tuple[Step, ...]
    judged: dict[str, dict[str, Any]]
    rows: dict[int, dict[str, Any]]
    disqualified: int
    similar: dict[str, Any]
    doctor: dict[str, Any]
    closed: list[dict[str, Any]]
    grades: dict[str, dict[str, Any]]

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.folder / "workspace")

    @property
    def letters(self) -> list[Path]:
        return sorted((self.folder / "letters").rglob("*.html"))


class Teacher:
    """Types verbs in the rehearsal's folder, and stops at the first that ends otherwise than it should."""

    def __init__(self, folder: Path, type_verb: Type, say: Callable[[str], None]) -> None:
        self.folder, self.type_verb, self.say = folder, type_verb, say
        self.steps: list[Step] = []

    def __call__(self, *words: object, code: int = 0) -> str:
        """Type a verb, which should end with this exit code, and return what it printed."""
        line = ["hemobench", *(str(word).replace(f"{self.folder}/", "") for word in words)]
        command = shlex.join(line)
        self.say(command)
        started = time.monotonic()
        with contextlib.chdir(self.folder):
            typed = self.type_verb([*map(str, words), "--workspace", str(self.folder / "workspace")])
        seconds = time.monotonic() - started
        if seconds >= 1:
            self.say(f"  {seconds:.0f} s")
        self.steps.append(Step(command, seconds, typed))
        with (self.folder / "transcript.txt").open("a", encoding="utf-8") as file:
            file.write(f"$ {command}\n{typed.err}{typed.out}\n")
        if typed.code != code:
            told = typed.err.strip().splitlines() or [""]
            raise ClassError(
                f"{command} ended with exit code {typed.code}, expected {code}: {told[-1]}",
                f"All that was said: {self.folder / 'transcript.txt'}",
            )
        return typed.out

    def json(self, *words: object, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code))


def lead(
    folder: Path,
    type_verb: Type,
    say: Callable[[str], None],
    *,
    n_teams: int,
    n_zips: int,
    n_days: int,
    seed: int,
    like: Frozen | None = None,
) -> Round:
    """Draw a class, and lead it from the freeze to the grades.

    Parameters
    ----------
    folder : Path
        An empty one, for all that it leaves.
    type_verb : callable
        Runs a verb of the command line, given as its words.
    say : callable
        Told of each step.
    like : Frozen, optional
        The contest to rehearse, under its rules but for those of time and number, and without the Ladder; a small
        drawn one where there is none.

    Raises
    ------
    UsageError
        There are too few teams or zips for all that is planted.
    ClassError
        A verb ended otherwise than it should.
    """
    hemobench = Teacher(folder, type_verb, say)
    rng = np.random.default_rng(seed)
    rules = _open(hemobench, like)
    frozen = open_frozen(Workspace(folder / "workspace"))
    shutil.copytree(PLANTED, folder / "planted", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "zips").mkdir()
    course = draw_course(folder / "zips", PublicData.of(frozen), rng, n_teams=n_teams, n_zips=n_zips, n_days=n_days)
    n_images = sum(sum(counts.values()) for counts in frozen.lock.counts.values())
    rules |= {
        "submissions_per_day": course.a_day,
        "failed_free": 0,
        "ladder": "false",
        "deadline": course.deadline.isoformat(timespec="minutes"),
        "grace_min": GRACE,
        "late": "per_day",
        "late_per_day": 0.1,
        "transductive": "apart",
        "time_s": TIME_S + n_images // IMAGES_A_SECOND,
    }
    if (like or frozen).contest.board.submissions_total:
        rules["submissions_total"] = n_zips
    hemobench("contest", "rules", *(f"{name}={value}" for name, value in rules.items()), "--why", "a rehearsal")
    hemobench("submit", "majority", "-m", "the most frequent class")
    hemobench("contest", "publish", folder / "site")
    write_participants(course, folder / "participants.csv")
    hemobench("class", "roster", folder / "participants.csv")
    judged: dict[str, dict[str, Any]] = {}
    for day in range(1, n_days + 2):
        last = day > n_days
        download = folder / "hand-ins" / ("late" if last else f"day-{day}")
        write_download(course, day, download)
        if last:
            (extended,) = course.of_kind("extended")
            until = (course.deadline + 2 * DAY).isoformat(timespec="minutes")
            hemobench("class", "extend", extended.student.team, "--until", until, "--why", "ill")
        words = ("class", "judge", download, "--letters", folder / "letters")
        for one in hemobench.json(*words, code=1 if last else 0):  # the last one has a stranger's
            judged.setdefault(one["place"].rpartition("/")[2], one)
    shutil.rmtree(folder / "zips")
    similar = hemobench.json("class", "similar")
    copy = judged[course.of_kind("copied")[0].name]["entry"]
    hemobench("class", "evidence", copy, "-o", folder / "evidence")
    (divided,) = course.of_kind("divided_by_255")
    (there, *_) = (folder / "hand-ins").rglob(divided.name)
    doctor = hemobench.json("doctor", there)
    hemobench("class", "disqualify", copy, "--why", "it has the weights of another team")
    rows = hemobench.json("leaderboard", "--all")
    hemobench("report", "-o", folder / "board.html", "--csv", "--json")
    hemobench("contest", "close", "--yes")
    closed = hemobench.json("leaderboard", "--all")
    grades = _grade(hemobench, course, download, rng)
    hemobench("ledger", "audit")
    return Round(
        folder=folder,
        course=course,
        frozen=frozen,
        steps=tuple(hemobench.steps),
        judged=judged,
        rows={row["id"]: row for row in rows},
        disqualified=copy,
        similar=similar,
        doctor=doctor,
        closed=closed,
        grades=grades,
    )


def _open(hemobench: Teacher, like: Frozen | None) -> dict[str, Any]:
    """Freeze the small contest, or take over another with its rules in force; return those that are to be set."""
    workspace = Workspace(hemobench.folder / "workspace")
    if like is None:
        file = hemobench.folder / f"{NAME}.toml"
        file.write_text(CONTEST, encoding="utf-8")
        hemobench("freeze", "--contest", file)
        return {}
    name = like.contest.name
    shutil.copytree(like.folder, workspace.contest(name) / like.folder.name)
    (workspace.contest(name) / "current").symlink_to(like.folder.name)
    workspace.activate(name)
    frozen, now = rules_of(like.lock.contest), rules_of(like.contest)
    return {
        rule: ",".join(value) if isinstance(value, list) else value
        for rule, value in now.items()
        if value != frozen[rule] and value is not None
    }


def _grade(hemobench: Teacher, course: Course, worksheets: Path, rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Grade the class into the files of all platforms; return what was said of each."""
    folder = hemobench.folder / "grades"
    folder.mkdir()
    (folder / "grades.toml").write_text(SCHEME, encoding="utf-8")
    marks = [(one.id, f"{rng.integers(15) / 2:g}") for one in course.students]
    write_table(folder / "written.csv", [("id", "points"), *marks])
    shutil.copyfile(worksheets / WORKSHEET, folder / "moodle-worksheet.csv")
    exports.write_gradebook(course.students, folder / "moodle-gradebook.csv")
    exports.write_canvas(course.students, folder / "canvas.csv")
    exports.write_nbgrader(course.students, folder / "nbgrader.csv")
    words = ("class", "grades", "--scheme", folder / "grades.toml")
    found = {
        name: hemobench.json(*words, "--fill", folder / f"{name}.csv")
        for name in ("moodle-worksheet", "moodle-gradebook", "canvas", "nbgrader")
    }
    found["gradescope"] = hemobench.json(*words, "--results", "gradescope", "--out", folder / "gradescope")
    more = ("--results", "classroom50", "--item", exports.CLASSROOM50, "--out", folder / "classroom50")
    found["classroom50"] = said = hemobench.json(*words, *more)
    (folder / "grades.json").write_text(json.dumps(said, indent=1, ensure_ascii=False), encoding="utf-8")
    return found
