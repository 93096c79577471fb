"""What a class handed in, as a platform gives it: one zip, team and time each, and every problem by its name.

Known are Moodle's folders ``First Last_123_assignsubmission_file_``, Canvas's files ``lastfirst_123_456_name.zip``,
Gradescope's ``submission_123`` with ``submission_metadata.yml``, nbgrader's ``STUDENT/ASSIGNMENT`` with
``timestamp.txt``, and a folder or zip called as its team; in a folder, in a zip of all that, or in a folder of such
zips.  A regular expression with named groups, as nbgrader's collector takes it, reads any other.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path, PurePosixPath

from harness.classroom.download import LooseFile, names_in, open_download
from harness.classroom.listing import Listing, find_listing, read_listing
from harness.classroom.roster import Roster
from harness.classroom.times import read_time
from harness.classroom.who import Clues, board_name, find_students
from harness.contest import Limits
from harness.errors import ClassError, HarnessError, PackError, UsageError
from harness.pack import leftover, pack
from harness.words import counted, printable

MOODLE = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?", re.DOTALL)
CANVAS = re.compile(r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<number>\d+)_\d+_.+", re.DOTALL)
GRADESCOPE = re.compile(r"submission_\d+")
TIMESTAMP = "timestamp.txt"  # of nbgrader, beside what was handed in
NAMED = 5  # files of many that are named
ARCHIVES = (".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz")
GROUPS = ("team", "student_id", "email", "name", "first_name", "last_name", "timestamp", "file_id")


@dataclass(frozen=True)
class HandIn:
    """One zip that was handed in.

    Attributes
    ----------
    place : str
        Where it lay in the download; for the teacher alone.
    zip_path : Path
    team : str
        What its team is called on the board.
    handed_in : datetime
        UTC, whole seconds.
    by : str
        What tells the time: ``pattern``, ``listing``, ``timestamp`` or ``file``.
    marked_late : bool
        By the platform.
    """

    place: str
    zip_path: Path
    team: str
    handed_in: datetime
    by: str
    marked_late: bool = False


@dataclass(frozen=True)
class Problem:
    """What was handed in and is no entry, or of nobody; `team` is empty where it is not known."""

    place: str
    what: str
    hint: str
    team: str = ""


@dataclass(frozen=True)
class HandIns:
    """All of a download: `found` the earliest first; `notes` say what was left aside, for a person."""

    found: tuple[HandIn, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


@dataclass
class Unit:
    """Files that were handed in together, below `place`, with what tells whose they are."""

    place: PurePosixPath
    clues: Clues
    time: str = ""
    marked_late: bool = False
    what: str = ""  # what is wrong with it
    stamped: bool = False  # by nbgrader
    files: list[LooseFile] = field(default_factory=list)


def collect(
    download: Path,
    scratch: Path,
    roster: Roster,
    limits: Limits,
    *,
    listing: Path | None = None,
    pattern: str = "",
    zone: tzinfo = UTC,
) -> HandIns:
    """Take a download apart.

    Parameters
    ----------
    download : Path
        A folder or a zip.
    scratch : Path
        An empty folder for what comes out of zips, to live as long as the paths of the result are used.
    roster : Roster
        One without students: teams are called as the download calls them.
    limits : Limits
        Of the contest: what is larger is not taken out of a zip, and folders are packed by them.
    listing : Path, optional
        A table of files or students with teams or times; else one that lies in the download counts.
    pattern : str
        A regular expression for paths in the download, with groups of `GROUPS`.
    zone : tzinfo
        Of times that name none.

    Raises
    ------
    UsageError
        There is no such folder or zip, or the pattern cannot be used.
    ClassError
        Download or listing cannot be read.
    """
    form = _pattern(pattern) if pattern else None

    def is_of_somebody(place: PurePosixPath) -> bool:
        known = CANVAS.fullmatch(place.name) or any(MOODLE.fullmatch(p) or GRADESCOPE.fullmatch(p) for p in place.parts)
        return bool(known or (roster.students and find_students(roster, Clues(word=place.stem))))

    opened = open_download(download, scratch, zone, limits.zip_mb * 1_000_000, is_of_somebody)
    table = read_listing(listing, roster, zone) if listing else find_listing(opened, roster, zone)
    own = {listing.resolve()} if listing else set()  # it may lie among the files that it lists
    files = [one for one in opened.files if one.place not in table.places and one.path.resolve() not in own]
    problems = [Problem(str(place), f"It is {what}.", "Look at it by hand.") for place, what in opened.left_out.items()]
    found: list[HandIn] = []
    notes = list(table.notes)
    if junk := sum(leftover(one.place) != "" for one in files):
        notes.append(f"{counted(junk, 'file')} that systems and editors leave behind: left out.")
    reader = _Reader(table, scratch, limits, zone, notes)
    for unit in _units([one for one in files if not leftover(one.place)], opened.empty, form, table):
        for one in reader.read(unit):
            (found if isinstance(one, HandIn) else problems).append(one)  # type: ignore[arg-type]
    if by_file := sum(one.by == "file" for one in found):
        notes.append(
            f"No listing tells when {by_file} of {counted(len(found), 'zip')} came: the time of the file counts. "
            "A table of times: --listing TABLE"
        )
    if not found and not problems:
        raise ClassError(
            f"{download} holds nothing that was handed in.", "Name the folder or zip as it was downloaded."
        )
    found.sort(key=lambda one: (one.handed_in, one.place))
    return HandIns(tuple(found), tuple(problems), tuple(notes))


def _pattern(pattern: str) -> re.Pattern[str]:
    try:
        form = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"--pattern {pattern!r}: {error}.", f"Groups: {', '.join(GROUPS)}.") from error
    if not form.groupindex or (unknown := form.groupindex.keys() - set(GROUPS)):
        got = ", ".join(sorted(unknown)) if form.groupindex else "none"
        raise UsageError(
            f"--pattern {pattern!r} has the named groups {got}, expected of {', '.join(GROUPS)}.",
            r"For instance: --pattern '(?P<team>[^/]+)/.*\.zip'",
        )
    return form


def _units(
    files: Sequence[LooseFile], empty: Sequence[PurePosixPath], form: re.Pattern[str] | None, table: Listing
) -> list[Unit]:
    """Return what was handed in together, in the order of the download."""
    units: dict[tuple[PurePosixPath, Clues], Unit] = {}
    stamped = _stamped(files)
    top = _shared([file.place for file in files])
    for file in files:
        if (known := table.of(file.place)) and known[1].clues != Clues():
            unit = Unit(known[0], known[1].clues)
        elif form:
            unit = _by_pattern(file.place, form)
        else:
            unit = _by_form(file.place, stamped, top, table.roster)
        units.setdefault((unit.place, unit.clues), unit).files.append(file)
    for folder in empty:
        if MOODLE.fullmatch(folder.name) and not form:
            units[folder, Clues()] = _by_form(folder, stamped, top, table.roster)
    return list(units.values())


def _stamped(files: Sequence[LooseFile]) -> set[PurePosixPath]:
    """Return nbgrader's folders, which all have a time: where some have none, whoever handed them in wrote it."""
    found = {file.place.parent for file in files if file.place.name == TIMESTAMP and len(file.place.parts) > 2}
    depth = min((len(folder.parts) for folder in found), default=0)
    below = (file.place for file in files if len(file.place.parts) > depth)
    return found if all(not found.isdisjoint(place.parents) for place in below) else set()


def _shared(places: Sequence[PurePosixPath]) -> int:
    """Return how many folders all of several places lie in, less one that is all there is."""
    parents = [place.parent.parts for place in places]
    shared = 0
    while parents and all(len(one) > shared + 1 and one[shared] == parents[0][shared] for one in parents):
        shared += 1
    return shared


def _by_pattern(place: PurePosixPath, form: re.Pattern[str]) -> Unit:
    if not (found := form.search(str(place))):
        return Unit(place, Clues(), what="The pattern does not match it.")
    told = {name: value for name, value in found.groupdict().items() if value}
    name = " ".join(told[name] for name in ("name", "first_name", "last_name") if name in told)
    clues = Clues(told.get("team", ""), told.get("student_id", ""), told.get("email", ""), name)
    return Unit(PurePosixPath(found[0]), clues, told.get("timestamp", ""))


def _by_form(place: PurePosixPath, stamped: set[PurePosixPath], top: int, roster: Roster) -> Unit:
    """Return whose a file is by the form of its place."""
    parts = place.parts
    for at, part in enumerate(parts):
        above = PurePosixPath(*parts[: at + 1])
        if moodle := MOODLE.fullmatch(part):
            # A site may put all into one folder, the file's own name behind the rest.
            if at + 1 == len(parts) and moodle["file"]:
                above = above.with_name(part[: moodle.end("number")])
            return Unit(above, Clues(name=moodle["name"].strip(), number=moodle["number"]))
        if GRADESCOPE.fullmatch(part) and at + 1 < len(parts):
            return Unit(above, Clues(word=part))
    if canvas := CANVAS.fullmatch(place.name):
        above = place.with_name(place.name[: canvas.end("number")])
        return Unit(above, Clues(name=canvas["name"], number=canvas["number"]), marked_late=bool(canvas["late"]))
    if stamp := next((folder for folder in place.parents if folder in stamped), None):
        return Unit(stamp, Clues(word=stamp.parts[-2]), stamped=True)
    # Some programs unpack a zip into a folder that is called as the zip.
    words = (*(re.sub(r"(?i)\.zip$", "", part) for part in parts[:-1]), place.stem)
    if len(parts) == 1 and place.suffix.lower() != ".zip" and not roster.students:
        return Unit(place, Clues(), what="It is no zip, and nothing tells whose it is.")
    at = min(top, len(words) - 1)
    if roster.students:
        at = next((at for at, word in enumerate(words) if find_students(roster, Clues(word=word))), at)
    return Unit(PurePosixPath(*parts[: at + 1]), Clues(word=words[at]))


@dataclass(frozen=True)
class _Reader:
    """Makes hand-ins of units."""

    table: Listing
    scratch: Path
    limits: Limits
    zone: tzinfo
    notes: list[str]

    def read(self, unit: Unit) -> Iterator[HandIn | Problem]:
        """Yield what a unit holds: each of its zips, or its folder, or what is wrong with it."""
        try:
            if unit.what:
                raise ClassError(unit.what, "Look at it by hand.")
            team = board_name(self.table.roster, unit.clues)
        except ClassError as error:
            yield Problem(str(unit.place), error.message, error.hint)
            return
        try:
            zips = [file for file in unit.files if file.place.suffix.lower() == ".zip"]
            models = [file.place.parent for file in unit.files if file.place.name == "model.py"]
            others = [file for file in unit.files if file not in zips and file.place.name != TIMESTAMP]
            if models and not any(map(self.holds_model, zips)):
                root = min(models, key=lambda folder: len(folder.parts))
                inside = [file for file in unit.files if file.place.is_relative_to(root)]
                time, by = self.time_of(unit, inside)
                yield HandIn(str(root), self.packed(root, inside), team, time, by, unit.marked_late)
                return
            if not zips:
                raise ClassError(_nothing_in(unit), _to_do(others))
        except HarnessError as error:
            yield Problem(str(unit.place), error.message, error.hint, team)
            return
        for file in zips:
            try:
                time, by = self.time_of(unit, [file])
                yield HandIn(str(file.place), self.taken(file), team, time, by, unit.marked_late)
            except HarnessError as error:
                yield Problem(str(file.place), error.message, error.hint, team)
        if others:
            self.notes.append(f"{unit.place}: beside the zip, and not looked at: {_some(others)}.")

    def taken(self, file: LooseFile) -> Path:
        name = hashlib.sha256(str(file.place).encode()).hexdigest()[:24]
        return file.taken(self.scratch / f"{name}.zip", self.limits.zip_mb * 1_000_000)

    def holds_model(self, file: LooseFile) -> bool:
        try:
            return any(name.rpartition("/")[2] == "model.py" for name in names_in(self.taken(file)))
        except ClassError:
            return False

    def packed(self, root: PurePosixPath, files: Sequence[LooseFile]) -> Path:
        """Return a folder that was handed in as the zip that `pack` makes of it."""
        home = self.scratch / hashlib.sha256(f"{root}/".encode()).hexdigest()[:24]
        for file in files:
            if file.place.name != TIMESTAMP:
                target = home / file.place.relative_to(root)
                target.parent.mkdir(parents=True, exist_ok=True)
                if (taken := file.taken(target, self.limits.zip_mb * 1_000_000)) != target:
                    shutil.copyfile(taken, target)
        try:
            return pack(home, home.with_suffix(".zip"), self.limits).path
        except PackError as error:
            raise PackError(
                error.message.replace(str(home), root.name), error.hint.replace(str(home), root.name)
            ) from error

    def time_of(self, unit: Unit, files: Sequence[LooseFile]) -> tuple[datetime, str]:
        """Return when files were handed in, and what tells it."""
        if unit.time and (time := self._read_time(unit.time, str(unit.place))):
            return time, "pattern"
        known = self.table.of(files[0].place)
        line = known[1] if known else self.table.of_owner(unit.clues)
        if line and line.time:
            return line.time, "listing"
        stamp = next((file for file in unit.files if file.place.name == TIMESTAMP), None) if unit.stamped else None
        if stamp and (time := self._read_time(stamp.read(1000).decode(errors="replace"), str(stamp.place))):
            return time, "timestamp"
        return max(file.time for file in files).replace(microsecond=0), "file"

    def _read_time(self, text: str, where: str) -> datetime | None:
        try:
            return read_time(text, self.zone)
        except ValueError as error:
            raise ClassError(f"{where}: {error}.", "Give the time in a table: --listing TABLE") from error


def _nothing_in(unit: Unit) -> str:
    got = f"got {_some(unit.files)}" if unit.files else "it is empty"
    return f"No zip and no model.py was handed in: {got}."


def _to_do(others: Sequence[LooseFile]) -> str:
    if any(file.place.suffix.lower() in ARCHIVES for file in others):
        return "Pack it as a .zip, with model.py at its top."
    return "Hand in a .zip with model.py at its top: hemobench pack FOLDER -o entry.zip"


def _some(files: Sequence[LooseFile]) -> str:
    names = [printable(file.place.name) for file in files]
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
