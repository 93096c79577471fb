"""``hemobench kaggle``: one file a verb."""

from __future__ import annotations

import click

from harness.cli.group import VerbGroup


@click.command(
    cls=VerbGroup,
    home=__name__,
    short_help="Write the contest in the shape of a Kaggle competition.",
)
def kaggle() -> None:
    """Write the contest in the shape of a Kaggle competition.

    \b
    Example:
      hemobench kaggle export cells
    """
