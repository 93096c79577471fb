"""``hemobench contest publish``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import contest_option, workspace_option


@click.command(short_help="Write what entrants get: rules, starting kit, board.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--no-data", is_flag=True, help="Leave the public data out of the kit.")
@contest_option
@workspace_option
def publish(folder: Path, no_data: bool, contest: str | None, workspace: Path) -> None:
    """Write what entrants get into the new folder DIR, for any web server or learning platform.

    index.html holds the rules, kit.zip the starting kit: a template of model.py, a notebook that trains a first model
    and writes its zip, the contest's lock and the public data; board.html is the board as it stands. Nothing of the
    hidden test is in it, and no seed of the split.

    \b
    Example:
      hemobench contest publish site
    """
    from harness import api
    from harness.cli._view.screen import working

    with working("Writing the folder"):
        n_bytes = api.publish(workspace, folder, contest, data=not no_data)
    click.echo(f"{folder}: {n_bytes / 1e6:.1f} MB. Begin with index.html.")
    click.echo(f"To keep the board as it stands: hemobench report --watch {folder}", err=True)
