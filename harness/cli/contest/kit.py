"""``hemobench contest kit``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import contest_option, workspace_option


@click.command(short_help="Write the starting kit for participants.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--no-data", is_flag=True, help="Leave the public data out.")
@contest_option
@workspace_option
def kit(folder: Path, no_data: bool, contest: str | None, workspace: Path) -> None:
    """Write the starting kit into the new folder DIR.

    Rules on one page, a template of model.py, a notebook that trains a first model and writes its zip, the contest's
    lock and the public data. Nothing of the hidden test is in it.

    \b
    Example:
      hemobench contest kit cells-kit
    """
    from harness import api

    n_bytes = api.export_kit(workspace, folder, contest, data=not no_data)
    click.echo(f"{folder}: {n_bytes / 1e6:.1f} MB. Participants start with README.md and start.ipynb.")
