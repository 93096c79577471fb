"""``hemobench ledger restore``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import json_option, workspace_option
from harness.words import counted

if TYPE_CHECKING:
    from harness.board.restore import Restored


@click.command(short_help="Make the board again from receipts and cards.")
@click.option("--expect", metavar="HEAD", help="A head written down earlier: the chain that holds it is the true one.")
@workspace_option
@json_option
def restore(expect: str | None, workspace: Path, as_json: bool) -> None:
    """Make the board again from receipts and cards.

    Receipts and cards are mended from the board's own copies first, where the hashes prove them. What was damaged is
    kept under another name. Exit code 1 when something cannot be mended.

    \b
    Example:
      hemobench ledger restore
    """
    from harness import api

    done = api.restore(workspace, expect=expect)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({"restored": done}).decode())
    else:
        _show(done)
    if done is not None and done.left:
        raise click.exceptions.Exit(1)


def _show(done: Restored | None) -> None:
    from harness.cli._view.screen import wrapped
    from harness.cli.ledger.audit import show_findings

    for note in done.notes if done else ():
        click.echo(wrapped(note), err=True)
    if done is None or not (done.aside or done.receipts_mended or done.cards_mended):
        click.echo("Nothing to restore: the board is as its receipts say.")
    else:
        mended = f"{counted(done.receipts_mended, 'receipt')} and {counted(done.cards_mended, 'card')} mended"
        click.echo(f"The board has {counted(done.rows, 'row')} again; {mended}.")
    for name in done.aside if done else ():
        click.echo(f"Kept aside: {name}")
    if done and done.left:
        click.echo("Not mended:")
        show_findings(done.left)
