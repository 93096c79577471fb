"""``hemobench contest``: one file a verb."""

from __future__ import annotations

import click

from harness.cli.group import VerbGroup


@click.command(
    cls=VerbGroup,
    home=__name__,
    sections={"Verbs": ("list", "rules", "kit", "close")},
    short_help="List contests, see and change rules, hand out, close.",
)
def contest() -> None:
    """List the contests, and lead one from its first day to its last.

    \b
    Example:
      hemobench contest list
    """
