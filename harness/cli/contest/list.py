"""``hemobench contest list``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import format_option, workspace_option

SHOWN = ("contest", "version", "source", "state", "title")
FIELDS = ("name", "version", "title", "source", "frozen", "active")


@click.command(short_help="List the contests, and which are frozen.")
@workspace_option
@format_option
def list_command(workspace: Path, form: str) -> None:
    """List the contests that can be frozen, and all that are.

    A contest is one TOML file. Put your own into contests.d/ of the workspace, or give its path to freeze; the sets of
    MedMNIST need none: pathmnist, octmnist-64, and so on. The active one, frozen last, is what verbs mean where
    --contest is not given.

    \b
    Example:
      hemobench contest list
    """
    from harness import api
    from harness.freeze.frozen import frozen_names
    from harness.workspace import Workspace

    home = Workspace(workspace)
    active, frozen = home.active(), frozen_names(home)
    rows = [
        {
            "name": contest.name,
            "version": contest.version,
            "title": contest.title,
            "source": type(contest.source).__struct_config__.tag,
            "frozen": contest.name in frozen,
            "active": contest.name == active,
        }
        for contest in api.contests(workspace)
    ]
    from harness.cli._view.screen import Column
    from harness.cli._view.table import Table, print_table
    from harness.records import Records

    columns = [Column(name, number=name == "version", key=name == "contest") for name in SHOWN]
    cells = []
    for row in rows:
        state = "active" if row["active"] else "frozen" if row["frozen"] else "–"
        cells.append((str(row["name"]), str(row["version"]), str(row["source"]), state, str(row["title"])))
    print_table(Table(columns, cells, Records(FIELDS, rows)), form)
