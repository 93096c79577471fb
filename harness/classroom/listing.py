"""Tables that say when something was handed in: a platform's listing, or one's own of file, team and time."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from harness.board.team_name import tidy
from harness.classroom.download import OF_A_PLATFORM, Download
from harness.classroom.roster import COLUMNS, Roster, cells_of, columns_in, student_of
from harness.classroom.times import read_time
from harness.classroom.who import Clues, find_students
from harness.errors import ClassError
from harness.spreadsheet import read_csv

TIMES = {
    "file": "file filename folder path zip submission submissionid entry place",
    # Of handing in: Moodle's worksheet has another one of grading.
    "time": "handedin handedinat submittedat submissiontime timesubmitted submitted createdat timestamp "
    "lastmodifiedsubmission zuletztgeandertabgabe zuletztgeandertlosung ultimamodificaconsegna "
    "dernieremodificationtravailremis ultimamodificacionentrega time datetime date",
}
METADATA = "submission_metadata.yml"  # of Gradescope
MOST = 20_000_000  # bytes
NAMED = 5  # lines of many that are named
EXPECTED = "A listing begins with a row such as: file,team,handed_in"


@dataclass(frozen=True)
class Line:
    """What a listing says of one hand-in: `file` is a name or path in the download, empty where it says none."""

    file: str
    clues: Clues
    time: datetime | None


@dataclass(frozen=True)
class Listing:
    """All that is known of times beside the files themselves; `places` are those of the tables in the download."""

    roster: Roster
    lines: tuple[Line, ...] = ()
    places: frozenset[PurePosixPath] = frozenset()
    notes: tuple[str, ...] = ()

    def of(self, place: PurePosixPath) -> tuple[PurePosixPath, Line] | None:
        """Return what is said of a file, or of a folder that it lies in, the nearest first, and which of them."""
        for one in (place, *place.parents):
            for name in (str(one), one.name, one.stem, f"{one.name}.zip"):
                if line := self._by_file.get(_key(name)):
                    return one, line
        return None

    def of_owner(self, clues: Clues) -> Line | None:
        """Return the line that is of the same owner and names no file; None where there is none.

        Raises
        ------
        ClassError
            There are several, with other times.
        """
        found = self._by_owner.get(("number", clues.number), [])
        found = found or [line for key in self._keys(clues) for line in self._by_owner.get(key, ())]
        times = {line.time for line in found if line.time}
        if len(times) > 1:
            said = ", ".join(f"{time:%Y-%m-%d %H:%M}" for time in sorted(times))
            raise ClassError(
                f"The listing has several times for it: {said} UTC.", "Add a column with the name of the file."
            )
        return next((line for line in found if line.time), None)

    @cached_property
    def _by_file(self) -> dict[str, Line]:
        """The lines by the file that they alone name; where all teams call theirs entry.zip, lines are of owners."""
        times = Counter(_key(line.file) for line in self.lines)
        return {key: line for line in self.lines if times[key := _key(line.file)] == 1 and line.file}

    @cached_property
    def _by_owner(self) -> dict[tuple[str, str], list[Line]]:
        found: dict[tuple[str, str], list[Line]] = {}
        for line in self.lines:
            numbered = [("number", line.clues.number)] if line.clues.number else []
            for key in () if _key(line.file) in self._by_file else (*numbered, *self._keys(line.clues)):
                found.setdefault(key, []).append(line)
        return found

    def _keys(self, clues: Clues) -> list[tuple[str, str]]:
        """Return what is equal for two clues to one owner."""
        if self.roster.students:
            return [("student", student.id) for student in find_students(self.roster, clues)]
        said = [(name, tidy(getattr(clues, name)).casefold()) for name in ("team", "id", "email", "name")]
        return [one for one in said if one[1]]


def _key(file: str) -> str:
    """Return what is equal for two ways to write the place of a file; Moodle's folders end with a line or without."""
    return tidy(file).replace("\\", "/").removeprefix("./").strip("/_")


def find_listing(opened: Download, roster: Roster, zone: tzinfo) -> Listing:
    """Return what the tables in a download say: Gradescope's metadata, and CSV files with a column of times."""
    lines: list[Line] = []
    places: list[PurePosixPath] = []
    notes: list[str] = []
    above = _above([file.place for file in opened.files])
    for file in opened.files:
        if file.place.parent not in above or (file.place.name != METADATA and file.place.suffix.lower() != ".csv"):
            continue  # what lies among a team's files was written by the team
        try:
            data = file.read(MOST)
            found = _metadata(data, zone) if file.place.name == METADATA else _table(data, file.place.name, zone)
        except ClassError as error:
            notes.append(f"{file.place} is not taken for a listing: {error.message}")
            continue
        lines += found
        places.append(file.place)
        notes.append(f"Times of hand-in are those of {file.place}.")
    return Listing(roster, tuple(lines), frozenset(places), tuple(notes))


def _above(places: Sequence[PurePosixPath]) -> set[PurePosixPath]:
    """Return the folders that all hand-ins lie in: the download itself, and one that is all there is in it."""
    folders = {place.parts[0] for place in places}
    only = PurePosixPath(*folders) if len(folders) == 1 else PurePosixPath()
    inside = {place.parts[1] for place in places if len(place.parts) > 2}
    is_entry = OF_A_PLATFORM.search(f"{only}/") or only / "model.py" in places
    around = not is_entry and (len(inside) > 1 or only / METADATA in places)
    return {PurePosixPath(), only} if around else {PurePosixPath()}


def read_listing(path: Path, roster: Roster, zone: tzinfo) -> Listing:
    """Read a listing.

    Raises
    ------
    ClassError
        It is none, or a time in it cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ClassError(f"{path} cannot be read: {error.strerror}.", EXPECTED) from error
    lines = _metadata(data, zone) if path.suffix in (".yml", ".yaml") else _table(data, path.name, zone)
    return Listing(roster, tuple(lines))


def _table(data: bytes, name: str, zone: tzinfo) -> list[Line]:
    try:
        rows = list(read_csv(data))
    except csv.Error as error:
        raise ClassError(f"{name} is no table: {error}.", EXPECTED) from error
    columns = columns_in(rows[0] if rows else [], COLUMNS | TIMES)
    if "time" not in columns or len(columns) < 2:
        raise ClassError(
            f"{name} has no column of times, or none of files or teams: {', '.join(rows[0] if rows else [])}.", EXPECTED
        )
    lines, wrong = [], []
    for number, row in enumerate(rows[1:], start=2):
        cells = cells_of(row, columns)
        try:
            time = read_time(next(iter(cells.get("time", ())), ""), zone)
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
            continue
        student = student_of(cells)
        participant = next((one for one in reversed(student.ids) if len(student.ids) > 1), "")
        clues = Clues(student.team, student.id, student.email, student.name, participant)
        lines.append(Line(next(iter(cells.get("file", ())), ""), clues, time))
    if wrong:
        raise ClassError(f"{name}: {'; '.join(wrong[:NAMED])}.", "Write times as 2026-11-20 10:00.")
    return lines


def _metadata(data: bytes, zone: tzinfo) -> list[Line]:
    """Read Gradescope's: a mapping of folders to submitters and times, with the colons of Ruby's names."""
    import yaml  # late: few downloads have it

    def plain(value: Any) -> dict[str, Any]:
        return {str(name).lstrip(":"): one for name, one in value.items()} if isinstance(value, dict) else {}

    try:
        document = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ClassError(f"{METADATA} cannot be read: {error}.", "Fetch the download again.") from error
    lines = []
    for folder, facts in plain(document).items():
        of = plain(facts)
        submitters = [plain(one) for one in of.get("submitters") or () if isinstance(one, dict)]
        first = submitters[0] if submitters else {}
        clues = Clues(*("", *(str(first.get(name) or "") for name in ("sid", "email", "name"))))
        when = of.get("created_at") or ""
        try:
            time = read_time(when.isoformat() if isinstance(when, datetime) else str(when), zone)
        except ValueError as error:
            raise ClassError(f"{METADATA}: {folder}: {error}.", EXPECTED) from error
        lines.append(Line(folder, clues, time))
    return lines
