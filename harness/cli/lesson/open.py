"""``hemobench lesson open``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import lessons_option


@click.command(name="open", short_help="Write a lesson as a notebook, and say how to open it.")
@click.argument("number", metavar="N", type=int)
@lessons_option
def open_command(number: int, folder: Path) -> None:
    """Write lesson N as a notebook into a folder of yours, and say how to open it.

    A notebook that is there stays as it is: it holds your work.

    \b
    Example:
      hemobench lesson open 1
    """
    import shlex
    import sys

    from harness.cli._view.screen import message
    from harness.lessons.course import find_lesson, write_notebook

    path, new = write_notebook(find_lesson(number), folder)
    click.echo(f"{path}: {'written.' if new else 'is there, and stays as it is.'}")
    jupyter = Path(sys.executable).with_name("jupyter-lab")
    if jupyter.exists():
        message(f"Open it: {shlex.join([str(jupyter), str(path)])}")
    else:
        message(
            f"Open it in an editor for notebooks, with {sys.executable} as its Python; Jupyter comes with "
            f"{shlex.quote(sys.executable)} -m pip install 'hemobench[lessons]'"
        )
    message(f"Then: hemobench lesson check {number}")
