"""``hemobench new``"""

from __future__ import annotations

from collections.abc import Iterable

import click

from harness.cli.options import complete


def example_names() -> Iterable[str]:
    from harness.examples import EXAMPLES, submission_names

    return submission_names(EXAMPLES)


@click.command(short_help="Write a folder to begin an entry of your own with.")
@click.argument("name")
@click.option(
    "--like",
    metavar="EXAMPLE",
    default="template",
    show_default=True,
    shell_complete=complete(example_names),
    help="majority, nearest-centroid, random, template, template-onnx or template-torch.",
)
def new(name: str, like: str) -> None:
    """Write the folder submissions/NAME to begin an entry with: a copy of an example.

    \b
    Example:
      hemobench new myteam
    """
    from harness import api
    from harness.cli._view.screen import message

    home = api.new_entry(name, like)
    message(f"Wrote {home}. Edit {home / 'model.py'}, then type:")
    click.echo(f'hemobench submit {name} -m "what is new in it"')
