"""``hemobench report``"""

from __future__ import annotations

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
@click.option("--top", metavar="N", type=click.IntRange(min=1), default=100, help="Show the N best, by default 100.")
@click.option("--csv", "as_csv", is_flag=True, help="Write the board beside it, as .csv.")
@click.option("--json", "as_json", is_flag=True, help="Write all facts beside it, as .json.")
@click.option("--reveal-private", is_flag=True, help="Add the private half, and rank by it.")
@contest_option
@workspace_option
def report(
    output: Path, top: int, as_csv: bool, as_json: bool, reveal_private: bool, contest: str | None, workspace: Path
) -> None:
    """Write the board and all figures as one HTML page.

    The file needs no network: give it to anybody. Without --reveal-private nothing of the private half of the hidden
    test is in its bytes.

    \b
    Example:
      hemobench report -o report.html --csv --json
    """
    from harness import api

    written = api.report(workspace, output, contest, top=top, csv=as_csv, json=as_json, reveal_private=reveal_private)
    for path in written:
        click.echo(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    if reveal_private:
        click.secho("It holds private scores: not for entrants while the contest is open.", fg="yellow", err=True)
