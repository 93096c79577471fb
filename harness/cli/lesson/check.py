"""``hemobench lesson check``"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.options import lessons_option


@click.command(name="check", short_help="Check the exercise in a notebook of yours.")
@click.argument("number", metavar="N", type=int)
@lessons_option
def check_command(number: int, folder: Path) -> None:
    """Check the exercise of lesson N: the last cell of your notebook, as it is saved, runs by itself.

    Exit code 0 where it passes, 1 where it does not, with the reason.

    \b
    Example:
      hemobench lesson check 1
    """
    from harness.lessons.course import check_notebook, find_lesson

    lesson = find_lesson(number)
    verdict = check_notebook(lesson, folder / lesson.file)
    click.echo(verdict)
    if not verdict:
        sys.exit(1)
