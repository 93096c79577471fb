"""``hemobench ledger``: one file a verb."""

from __future__ import annotations

import click

from harness.cli.group import VerbGroup


@click.command(
    cls=VerbGroup,
    home=__name__,
    short_help="Find what was changed by hand; run an entry again.",
)
def ledger() -> None:
    """Hold the board against its chain of receipts.

    \b
    Example:
      hemobench ledger audit
    """
