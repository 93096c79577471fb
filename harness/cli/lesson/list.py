"""``hemobench lesson list``"""

from __future__ import annotations

import click

from harness.cli.options import format_option


@click.command(name="list", short_help="List the lessons and what each puts to the test.")
@format_option
def list_command(form: str) -> None:
    """List the lessons and the claim that each puts to the test.

    \b
    Example:
      hemobench lesson list
    """
    from harness.cli._view.screen import Column, message
    from harness.cli._view.table import Table, print_table
    from harness.lessons.course import lessons
    from harness.records import Records

    rows = [{"number": one.number, "title": one.title, "claim": one.claim} for one in lessons()]
    columns = [Column("lesson", number=True, key=True), Column("title"), Column("claim")]
    cells = [(str(row["number"]), str(row["title"]), str(row["claim"])) for row in rows]
    print_table(Table(columns, cells, Records(("number", "title", "claim"), rows)), form)
    if form == "table":
        message("Open one: hemobench lesson open 1")
