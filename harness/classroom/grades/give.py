"""Grade a class by a scheme, and put the grades into the files of platforms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec

from harness.board.visibility import Role, visible_to
from harness.classroom.grades import canvas, classroom50, gradescope, moodle_import, moodle_worksheet, nbgrader
from harness.classroom.grades.cells import Cells
from harness.classroom.grades.evidence import gather
from harness.classroom.grades.fill import Filled, fill
from harness.classroom.grades.handwritten import read_written
from harness.classroom.grades.numbers import exact
from harness.classroom.grades.scheme import Scheme, read_scheme
from harness.classroom.grades.sheet import Evidence, Sheet, grade
from harness.classroom.late import sentence
from harness.classroom.roster import Roster
from harness.errors import ClassError, UsageError
from harness.format import percent
from harness.freeze.frozen import Frozen
from harness.workspace import Workspace, write_atomic

FINDERS = (nbgrader.find, canvas.find, moodle_worksheet.find, moodle_import.find)  # the last takes what is left
WRITERS = {"gradescope": gradescope, "classroom50": classroom50}


def give_grades(workspace: Workspace, frozen: Frozen, scheme: Path, roster: Roster) -> tuple[Roster, Sheet]:
    """Grade the students of a roster by the scheme in a file; return them with their grades.

    Of a closed contest the finals count, by the private half.  While it is open the grades are a preview, by those
    public scores that everybody may see: nothing of the private half is looked at.

    Raises
    ------
    ClassError
        The scheme or a table that it names cannot be read, or names what is not there.
    WorkspaceError
        Labels that have to be compared are not kept.
    """
    rule = read_scheme(scheme)
    closing = visible_to(Role.OWNER, workspace, frozen).closing
    visible = visible_to(Role.OWNER if closing else Role.EVERYBODY, workspace, frozen)
    roster, evidence, notes = gather(workspace, frozen, rule, roster, visible)
    marks: dict[str, Decimal] = {}
    if rule.written:
        marks, unclear = read_written(scheme.parent, rule.written, roster)
        notes += unclear
    return roster, Sheet(
        contest=frozen.contest.name,
        title=frozen.contest.title,
        metric=evidence.metric,
        by=evidence.by,
        closed_at=closing.closed_at if closing else "",
        maximum=exact(rule.maximum),
        step=rule.step_exact,
        rounding=rule.rounding,
        rule=tuple(_sentences(rule, evidence, sentence(frozen.contest.hand_in))),
        grades=grade(rule, roster, evidence, marks),
        notes=tuple(notes),
    )


def _sentences(scheme: Scheme, evidence: Evidence, of_lateness: str) -> Iterator[str]:
    """Yield how points come about, a sentence each."""
    metric = f"{evidence.by} {evidence.metric.replace('_', ' ')}"
    if scheme.score.bands:
        bands = sorted(scheme.score.bands, key=lambda band: -band.at_least)
        steps = ", ".join(f"{band.points:g} from {percent(band.at_least, 0)} %" for band in bands)
        lift = "; a team is in the band that its 95 % interval reaches, and who scores more gets no less"
        yield f"Score: points by {metric}, {steps}, else 0{lift if scheme.score.lift else ''}."
    else:
        points = ", ".join(f"{one:g}" for one in scheme.score.groups)
        yield (
            f"Score: points by groups of {metric}, {points}; a new group begins below the last team that is not "
            "significantly worse than the best of the group (paired test of all pairs, 5 % over the class)."
        )
    for one in scheme.beats:
        yield (
            f"Beating {one.baseline}: {one.points:g} if significantly better (paired test of this pair, 5 %), or "
            "scoring as much as one that is."
        )
    if of_lateness:
        yield of_lateness
    if scheme.written:
        yield f"Written: up to {scheme.written.points:g}, marked by hand in {scheme.written.file}."
    yield f"The sum is rounded {scheme.rounding} to a multiple of {scheme.step:g}, of at most {scheme.maximum:g}."


def fill_file(source: Path, target: Path, item: str, roster: Roster, sheet: Sheet, *, rescale: bool = False) -> Filled:
    """Write the file that a platform exported, with the grades in it, as the new file `target`.

    Parameters
    ----------
    source, target : Path
    item : str
        The title of the column or the name of the assignment; empty where there is one alone.
    roster, sheet
    rescale : bool
        See `harness.classroom.grades.fill.fill`.

    Raises
    ------
    ClassError
        The file is of no platform that is known, or does not say where grades go.
    UsageError
        `target` is `source`.
    """
    if target.exists() and source.samefile(target):
        raise UsageError(f"{source} is the export itself, expected another file to write.", "Choose another --out.")
    try:
        table = Cells.read(source.name, source.read_bytes())
    except OSError as error:
        raise ClassError(f"{source} cannot be read: {error.strerror}.", "Export it again.") from error
    if len(table.rows) < 2:
        raise ClassError(f"{source.name} has no row of a student.", "Export it again.")
    where = next(found for find in FINDERS if (found := find(table, item)))
    marks = {one.id: one.mark for one in sheet.grades}
    content, filled = fill(table, where, roster, marks, sheet.maximum, rescale=rescale)
    write_atomic(target, content, private=True)
    return filled


def write_results(folder: Path, kind: str, item: str, sheet: Sheet) -> int:
    """Write a document a student who has a grade, ``FOLDER/ID/results.json`` or ``result.json``, and return how many.

    Raises
    ------
    UsageError
        `item` is not what this kind asks for.
    """
    writer = WRITERS[kind]
    graded = [one for one in sheet.grades if one.total is not None]
    documents = {_folder_of(one.id): writer.result(sheet, one, item) for one in graded}
    if len(documents) < len(graded):
        raise ClassError("Ids of two students give one name of a folder.", "Use ids of letters and digits.")
    for name, document in documents.items():
        content = msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
        write_atomic(folder / name / writer.FILE, content, private=True)
    return len(documents)


def _folder_of(identity: str) -> str:
    """Return an id as the name of a folder.

    Examples
    --------
    >>> _folder_of("s101"), _folder_of("../a b/c")
    ('s101', '_._a_b_c')
    """
    return re.sub(r"^\.|[^\w.@+-]", "_", identity)
