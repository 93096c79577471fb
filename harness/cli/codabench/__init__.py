"""``hemobench codabench``: one file a verb."""

from __future__ import annotations

import click

from harness.cli.group import VerbGroup


@click.command(
    cls=VerbGroup,
    home=__name__,
    short_help="Write, check and rehearse a Codabench bundle.",
)
def codabench() -> None:
    """Write the contest as a Codabench bundle, and find out here what the server would do with it.

    \b
    Example:
      hemobench codabench export course
      hemobench codabench lint course.zip
    """
