"""``hemobench runtime list``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import format_option, workspace_option

FIELDS = ("name", "lock", "python", "packages")


@click.command(name="list", short_help="List the runtimes with their packages.")
@workspace_option
@format_option
def list_command(workspace: Path, form: str) -> None:
    """List the runtimes that are here with what was asked for in each, and those that could be added.

    All packages of each stand in --format json.

    \b
    Example:
      hemobench runtime list
    """
    from harness import api
    from harness.cli._view.screen import Column, message
    from harness.cli._view.table import Table, print_table
    from harness.records import Records
    from harness.runtimes.runtime import definitions

    found = api.runtimes(workspace)
    columns = [Column("runtime", key=True), Column("Python", number=True), Column("lock"), Column("packages")]
    cells = [
        (one.name, one.python, one.lock[:12], ", ".join(f"{name} {version}" for name, version in one.main.items()))
        for one in found
    ]
    rows = [{field: getattr(one, field) for field in FIELDS} for one in found]
    print_table(Table(columns, cells, Records(FIELDS, rows)), form)
    if form == "table" and (more := definitions().keys() - {one.name for one in found}):
        message(f"Can be added by hemobench runtime add: {', '.join(sorted(more))}.")
