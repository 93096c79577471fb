"""``hemobench contest``: one file a verb."""

from __future__ import annotations

import click

from harness.cli.group import VerbGroup


@click.command(
    cls=VerbGroup,
    home=__name__,
    sections={"Verbs": ("new", "list", "rules", "publish", "close", "rescore")},
    short_help="Make and list contests, see and change rules, publish, close, rescore.",
)
def contest() -> None:
    """Make and list contests, and lead one from its first day to its last.

    \b
    Example:
      hemobench contest list
    """
