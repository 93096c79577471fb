"""``hemobench serve``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli._view.screen import plain
from harness.cli.options import contest_option, workspace_option

if TYPE_CHECKING:
    from harness.report.live import LiveBoard

HOST = "127.0.0.1"


@click.command(short_help="Show the live board in the browser, here or to a class.")
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    default=8765,
    help="Port, by default 8765; 0 takes any that is free.",
)
@click.option(
    "--host", metavar="ADDRESS", default=HOST, help="Listen on it, by default for this machine alone; 0.0.0.0: on all."
)
@click.option("--name", "names", metavar="NAME", multiple=True, help="One more name that it answers to.")
@click.option("--top", metavar="N", type=click.IntRange(min=1), default=100, help="Show the N best, by default 100.")
@click.option("--reveal-private", is_flag=True, help="Add the private half, and rank by it.")
@click.option("--open", "open_browser", is_flag=True, help="Open the browser.")
@contest_option
@workspace_option
def serve(
    port: int,
    host: str,
    names: tuple[str, ...],
    top: int,
    reveal_private: bool,
    open_browser: bool,
    contest: str | None,
    workspace: Path,
) -> None:
    """Show the live board in the browser, on this machine or to a class.

    It is the page of hemobench report, and takes in new scores by itself, as the reader has sorted, filtered and
    opened it. /board.csv and /board.json beside it hold the same for other programs. Nobody outside this machine can
    reach it without --host; with it, whoever reaches that address reads what everybody may see. A request must call
    it by a name of this machine, or one of --name. Ctrl-C stops it.

    \b
    Example:
      hemobench serve --host 0.0.0.0 --name board.example.edu
    """
    if reveal_private and host != HOST:
        raise click.UsageError("--reveal-private is for this machine alone: leave out --host.")
    from harness import api

    def ready(address: str) -> None:
        if reveal_private:
            click.secho(
                "The page shows private scores: not for entrants while the contest is open.", fg="yellow", err=True
            )
        click.echo(f"The live board: {address}")
        click.echo("It takes in new scores by itself. Ctrl-C stops it.", err=True)
        if open_browser and click.launch(address):
            click.echo("No browser could be opened here: open the address yourself.", err=True)

    def changed(live: LiveBoard) -> None:
        content = live.shown.content
        if live.trouble:
            click.secho(plain(live.trouble), fg="red", err=True)
        elif content:
            click.echo(f"{content.since[11:19]} UTC: {content.report.n_scored} scored entries.", err=True)

    api.serve(
        workspace,
        contest,
        port=port,
        host=host,
        names=names,
        top=top,
        reveal_private=reveal_private,
        ready=ready,
        changed=changed,
    )
