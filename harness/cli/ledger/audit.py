"""``hemobench ledger audit``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli._view.screen import wrapped
from harness.cli.options import json_option, workspace_option
from harness.words import counted

if TYPE_CHECKING:
    from harness.board.audit import Audit, Finding


@click.command(short_help="Compare the board with its chain of receipts.")
@click.option("--expect", metavar="HEAD", help="A head written down earlier, which must be in the chain.")
@workspace_option
@json_option
def audit(expect: str | None, workspace: Path, as_json: bool) -> None:
    """Compare the board with its chain of receipts.

    Every receipt, row, kept card, zip and file of predictions is looked at. The head stands for all receipts so far:
    write it down, and ask for it later. Exit code 1 when anything was changed.

    \b
    Example:
      hemobench ledger audit --expect 3f2a9c0417be
    """
    from harness import api
    from harness.cli._view.screen import working

    with working("Walking the ledger"):
        found = api.audit(workspace, expect=expect)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(found).decode())
    else:
        _show(found)
    if found.findings:
        raise click.exceptions.Exit(1)


def _show(found: Audit) -> None:
    show_findings(found.findings)
    for note in found.notes:
        click.echo(wrapped(note), err=True)
    if not found.receipts and not found.findings:
        click.echo(f"No receipts yet; {counted(found.rows, 'row')}.")
        return
    told = f"{counted(len(found.findings), 'finding')}" if found.findings else "nothing was changed"
    click.echo(wrapped(f"Receipts: {found.receipts}, rows: {found.rows}; {told}. Head, to be written down:"))
    click.echo(f"  {found.head}")


def show_findings(findings: tuple[Finding, ...]) -> None:
    """Print findings as a numbered list."""
    for number, finding in enumerate(findings, start=1):
        click.echo(wrapped(f"{number}. {finding.what}", "   "))
        for word in ("got", "expected"):
            click.echo(wrapped(f"   {word:<9} {getattr(finding, word)}", " " * 13))
        click.echo(wrapped(f"   {'fix':<9} {finding.hint}", " " * 13))
