"""``hemobench class``: one file a verb."""

from __future__ import annotations

import click

from harness.cli.group import VerbGroup


@click.command(
    "class",
    cls=VerbGroup,
    home=__name__,
    sections={"Verbs": ("rehearse", "roster", "judge", "extend", "similar", "evidence", "disqualify", "reinstate")},
    short_help="Lead a class: who is in it, hand-ins, grades.",
)
def class_group() -> None:
    """Lead a class through a contest.

    \b
    Example:
      hemobench class roster participants.csv
    """
