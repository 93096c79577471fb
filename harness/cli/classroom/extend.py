"""``hemobench class extend``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import contest_option, workspace_option


@click.command(short_help="Give a team a later deadline.")
@click.argument("team")
@click.option("--until", metavar="TIME", required=True, help="Such as 2026-12-03T23:59+01:00.")
@click.option("--why", metavar="TEXT", required=True, help="The reason, for those who ask later.")
@contest_option
@workspace_option
def extend(team: str, until: str, why: str, contest: str | None, workspace: Path) -> None:
    """Give a team, by its name, its alias or a student of it, a later deadline; what it handed in by then is in time,
    also before this.

    It is a receipt of the ledger. The deadline of all: hemobench contest rules deadline=TIME.

    \b
    Example:
      hemobench class extend two --until 2031-12-03T23:59+01:00 --why ill
    """
    from harness import api
    from harness.classroom.late import extend as extend_deadline
    from harness.workspace import Workspace

    given = extend_deadline(Workspace(workspace), api.open_contest(workspace, contest), team, until, why)
    click.echo(f"{given.team}: until {given.until[:16].replace('T', ' ')} UTC, receipt {given.number}.", err=True)
