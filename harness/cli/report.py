"""``hemobench report``"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from harness.cli.options import contest_option, workspace_option


@click.command(short_help="Write the board and all figures as one HTML page.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="File to write; its folder is made.",
)
@click.option(
    "--watch",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep board.html, .csv and .json in DIR as they stand, until Ctrl-C.",
)
@click.option("--top", metavar="N", type=click.IntRange(min=1), default=100, help="Show the N best, by default 100.")
@click.option("--csv", "as_csv", is_flag=True, help="Write the board beside it, as .csv.")
@click.option("--json", "as_json", is_flag=True, help="Write all facts beside it, as .json.")
@click.option("--reveal-private", is_flag=True, help="Add the private half, and rank by it.")
@contest_option
@workspace_option
def report(
    output: Path,
    watch: Path | None,
    top: int,
    as_csv: bool,
    as_json: bool,
    reveal_private: bool,
    contest: str | None,
    workspace: Path,
) -> None:
    """Write the board and all figures as one HTML page.

    The file needs no network: give it to anybody. Without --reveal-private nothing of the private half of the hidden
    test is in its bytes. With --watch the folder is kept as the board stands, for any web server.

    \b
    Example:
      hemobench report -o report.html --csv --json
    """
    from harness import api
    from harness.cli._view.screen import message, working

    if watch:
        if reveal_private:
            raise click.UsageError("--reveal-private is not for a folder that is published: leave out one of the two.")
        for trouble in api.watch(workspace, watch, contest, top=top):
            message(trouble or f"{datetime.now(UTC):%H:%M:%S} UTC: {watch / 'board.html'}")
    with working("Drawing the page"):
        written = api.report(
            workspace, output, contest, top=top, csv=as_csv, json=as_json, reveal_private=reveal_private
        )
    for path in written:
        click.echo(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    if reveal_private:
        click.secho("It holds private scores: not for entrants while the contest is open.", fg="yellow", err=True)
