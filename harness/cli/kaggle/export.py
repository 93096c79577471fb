"""``hemobench kaggle export``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import contest_option, workspace_option


@click.command(short_help="Write images as PNG, tables, solution and metric.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@contest_option
@workspace_option
def export(folder: Path, contest: str | None, workspace: Path) -> None:
    """Write the folder DIR in the shape of a Kaggle competition.

    data/ is for participants; host/ holds the solution, with its Usage column, and the metric.

    \b
    Example:
      hemobench kaggle export cells
    """
    from harness import api
    from harness.cli._view import screen

    api.export_kaggle(workspace, folder, contest, track=screen.bar)
    click.echo(f"{folder / 'data'}: for participants. {folder / 'host'}: solution and metric, for the host alone.")
