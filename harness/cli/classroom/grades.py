"""``hemobench class grades``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import contest_option, format_option, workspace_option
from harness.words import counted

if TYPE_CHECKING:
    from harness.classroom.grades.fill import Filled
    from harness.classroom.grades.sheet import Sheet
    from harness.cli._view.table import Table

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _print_example(context: click.Context, option: click.Parameter, asked: bool) -> None:
    if asked:
        from harness.classroom.grades.scheme import EXAMPLE

        click.echo(EXAMPLE, nl=False)
        context.exit()


@click.command(short_help="Grade by a scheme, into your platform's file.")
@click.option("--scheme", type=FILE, required=True, help="The rule, a TOML file.")
@click.option(
    "--example",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_example,
    help="Print a scheme, and stop.",
)
@click.option("--fill", "export", type=FILE, help="Fill in the file that Moodle, Canvas or nbgrader exported.")
@click.option("--item", metavar="TITLE", default="", help="The column or assignment in it, where there are several.")
@click.option("--rescale", is_flag=True, help="Stretch grades to the maximum of that file.")
@click.option("--results", "kind", type=click.Choice(["gradescope", "classroom50"]), help="Write a JSON a student.")
@click.option("--out", type=click.Path(path_type=Path), help="The new file, or the folder of --results.")
@contest_option
@workspace_option
@format_option
def grades(
    scheme: Path,
    export: Path | None,
    item: str,
    rescale: bool,
    kind: str | None,
    out: Path | None,
    contest: str | None,
    workspace: Path,
    form: str,
) -> None:
    """Grade the class by a scheme, and show the arithmetic of every grade.

    Of a closed contest finals count, by the private half; while it is open this is a preview, by public scores.
    In the file of a platform cells of grades change, and nothing else.
    For --results classroom50 the --item is CLASSROOM/ASSIGNMENT.

    \b
    Example:
      hemobench class grades --example
      hemobench class grades --scheme grades.toml --fill gradebook.csv
    """
    import msgspec

    from harness import api
    from harness.classroom.grades.give import fill_file, give_grades, write_results
    from harness.classroom.roster import class_roster
    from harness.cli._view.screen import message
    from harness.cli._view.table import print_table
    from harness.errors import UsageError
    from harness.workspace import Workspace

    if export and kind:
        raise UsageError("Got --fill and --results, expected one of them.", "Call it once for each.")
    if kind and not out:
        raise UsageError("Got --results without --out, expected a folder to write to.", "Add: --out results")
    home = Workspace(workspace)
    roster, sheet = give_grades(home, api.open_contest(workspace, contest), scheme, class_roster(home))
    filled = None
    if export:
        out = out or export.with_name(f"{export.stem}-graded{export.suffix}")
        filled = fill_file(export, out, item, roster, sheet, rescale=rescale)
    written = write_results(out, kind, item, sheet) if kind and out else 0

    def document() -> Any:
        numbers = msgspec.json.Encoder(decimal_format="number")
        found = msgspec.json.decode(numbers.encode(sheet))
        for one, grade in zip(found["grades"], sheet.grades, strict=True):
            one["arithmetic"] = grade.arithmetic
        return found | ({"filled": msgspec.json.decode(numbers.encode(filled)) | {"file": str(out)}} if filled else {})

    print_table(_table(sheet), form, document)
    for sentence in (*sheet.rule, *sheet.notes) if form == "table" else sheet.notes:
        message(sentence)
    if filled:
        message(f"{filled.platform}, {filled.item}: {counted(filled.filled, 'grade')} in {out}.")
        for said in _said(filled):
            message(said)
    if kind:
        message(f"{counted(written, 'document')} in {out}.")
    if not sheet.closed_at:
        message(
            f"Preview: {sheet.contest} is open, and this is by the public half. Grades are by the private half of "
            "finals, after: hemobench contest close",
            style="yellow",
        )


def _table(sheet: Sheet) -> Table:
    from harness.classroom.grades.numbers import written
    from harness.cli._view.screen import Column
    from harness.cli._view.table import Table
    from harness.format import percent
    from harness.records import Records

    columns = [Column("student", key=True), Column("team"), Column(f"{sheet.by} %", number=True), Column("arithmetic")]
    rows = [
        [one.name, one.team, percent(one.score.value if one.score else None), one.arithmetic, _grade(one.total)]
        for one in sheet.grades
    ]
    names = list(dict.fromkeys(part.name for one in sheet.grades for part in one.parts))
    parts = {name: f"points_{name.replace(' ', '_')}" for name in names}
    values = []
    for one in sheet.grades:
        given = {parts[part.name]: written(part.points) for part in one.parts}
        values.append(
            {
                "id": one.id,
                "name": one.name,
                "email": one.email,
                "section": one.section,
                "team": one.team,
                "entry": one.entry,
                sheet.metric: one.score.value if one.score else None,
                f"{sheet.metric}_low": one.score.low if one.score else None,
                f"{sheet.metric}_high": one.score.high if one.score else None,
                **{field: float(given[field]) if field in given else None for field in parts.values()},
                "late": float(one.late),
                "exact": None if one.exact is None else float(one.exact),
                "grade": None if one.total is None else float(one.total),
                "arithmetic": one.arithmetic,
                "note": one.note,
            }
        )
    fields = tuple(values[0]) if values else ("id", "name", "grade")
    return Table(
        [*columns, Column(f"of {written(sheet.maximum)}", number=True)],
        rows,
        Records(fields, values),
        title=f"{sheet.title}: grades by {sheet.by} {sheet.metric.replace('_', ' ')}",
        note=" ".join(sheet.rule),
    )


def _grade(total: Any) -> str:
    from harness.classroom.grades.numbers import written

    return "–" if total is None else written(total)


def _said(filled: Filled) -> list[str]:
    """Say who of a file, or of the class, was not simply given a grade."""
    said = [
        ("Had another grade", filled.replaced),
        ("Left as it was", filled.locked),
        ("Without a grade, left as they were", filled.without_grade),
        ("Nobody of the roster, left as they were", filled.unknown),
        ("Not clear who that is, left as they were", filled.doubtful),
        ("Graded, and not in the file", filled.missing),
    ]
    found = [f"{what} ({len(names)}): {'; '.join(names)}." for what, names in said if names]
    if filled.refused_above is not None:
        found.append(f"Moodle refuses a file with more than {filled.refused_above} points, unless the site allows it.")
    return found
