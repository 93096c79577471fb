"""``hemobench runtime``: one file a verb."""

from __future__ import annotations

import click

from harness.cli.group import VerbGroup


@click.command(
    cls=VerbGroup,
    home=__name__,
    sections={"Verbs": ("list", "add")},
    short_help="Environments that entries run in: torch, onnx, sklearn.",
)
def runtime() -> None:
    """Build the environments that entries run in, and list them.

    \b
    Example:
      hemobench runtime add onnx
    """
