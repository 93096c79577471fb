"""``hemobench lesson``: one file a verb."""

from __future__ import annotations

import click

from harness.cli.group import VerbGroup


@click.command(
    cls=VerbGroup,
    home=__name__,
    sections={"Verbs": ("list", "open", "check")},
    short_help="Learn: claims to test, exercises that are checked.",
)
def lesson() -> None:
    """Notebooks that put a claim to the test on your own machine, each with an exercise that is checked.

    \b
    Example:
      hemobench lesson open 1
    """
