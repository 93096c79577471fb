"""``hemobench class roster``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import format_option, workspace_option


@click.command(short_help="Read the table of students, and keep it.")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@workspace_option
@format_option
def roster(file: Path | None, workspace: Path, form: str) -> None:
    """Read the table of students, and keep it; without FILE, show the one that is kept.

    It is a CSV with columns such as id, name, e-mail, team, alias and section, or the export of Moodle, Canvas,
    Gradescope or nbgrader as it is. A team with an alias is called so on the board. Who has no team is one alone.

    \b
    Example:
      hemobench class roster participants.csv
    """
    from harness.classroom.roster import class_roster, keep_roster
    from harness.cli._view.screen import Column, message
    from harness.cli._view.table import Table, print_table
    from harness.records import Records
    from harness.words import counted
    from harness.workspace import Workspace

    home = Workspace(workspace)
    found = keep_roster(home, file) if file else class_roster(home)
    for note in found.notes:
        message(note)
    fields = ("team", "alias", "name", "id", "email", "section")
    rows = [{field: getattr(student, field) for field in fields} for student in found.students]
    columns = [Column(field, key=field in ("team", "name")) for field in fields]
    print_table(Table(columns, [tuple(row.values()) for row in rows], Records(fields, rows), "Roster"), form)
    message(f"{counted(len(found.students), 'student')} in {counted(len(found.teams), 'team')}.")
