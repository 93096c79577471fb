"""``hemobench class disqualify``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import contest_option, json_option, workspace_option


@click.command(short_help="Take an entry out of the ranks.")
@click.argument("entry", type=click.IntRange(min=1), metavar="ENTRY")
@click.option("--why", required=True, metavar="TEXT", help="The reason, for the ledger and the team.")
@contest_option
@workspace_option
@json_option
def disqualify(entry: int, why: str, contest: str | None, workspace: Path, as_json: bool) -> None:
    """Take an entry out of the ranks.

    ENTRY is the id of a row. It stays listed, without a rank, and with all its receipts; its public score is shown to
    its team and to you alone. Of a closed contest the other final of its team ranks.

    \b
    Example:
      hemobench class disqualify 7 --why "its weights are those of entry 3"
    """
    from harness import api
    from harness.board import disqualification
    from harness.workspace import Workspace

    frozen = api.open_contest(workspace, contest)
    receipt = disqualification.disqualify(Workspace(workspace), frozen, entry, why)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(receipt).decode())
    else:
        click.echo(
            f"Entry {entry} is out of the ranks, receipt {receipt.number}. Back: hemobench class reinstate {entry}"
        )
