"""``hemobench contest``"""

from __future__ import annotations

import click

from harness.cli.group import VerbGroup


@click.command(cls=VerbGroup, verbs=("rules",), short_help="See and change the rules of a running contest.")
def contest() -> None:
    """See and change the rules of a running contest.

    \b
    Example:
      hemobench contest rules
    """
