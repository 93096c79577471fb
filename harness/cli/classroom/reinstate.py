"""``hemobench class reinstate``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import contest_option, json_option, workspace_option


@click.command(short_help="Let a disqualified entry rank again.")
@click.argument("entry", type=click.IntRange(min=1), metavar="ENTRY")
@click.option("--why", required=True, metavar="TEXT", help="The reason, for the ledger and the team.")
@contest_option
@workspace_option
@json_option
def reinstate(entry: int, why: str, contest: str | None, workspace: Path, as_json: bool) -> None:
    """Let a disqualified entry rank again.

    ENTRY is the id of a row. Both events stay in the ledger.

    \b
    Example:
      hemobench class reinstate 7 --why "both teams showed their training"
    """
    from harness import api
    from harness.board import disqualification
    from harness.workspace import Workspace

    frozen = api.open_contest(workspace, contest)
    receipt = disqualification.reinstate(Workspace(workspace), frozen, entry, why)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(receipt).decode())
    else:
        click.echo(f"Entry {entry} ranks again, receipt {receipt.number}.")
