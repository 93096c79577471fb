"""``hemobench codabench rehearse``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import json_option, workspace_option

if TYPE_CHECKING:
    from harness.platforms.codabench.rehearse import Rehearsal

TAIL = 12  # lines of a log that are shown


@click.command(short_help="Run a zip through a bundle as the server's worker would.")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("zip_path", metavar="ZIP", type=click.Path(path_type=Path))
@click.option("--phase", metavar="NAME", help="Name or number (from 0) of a phase; by default all.")
@click.option("--keep", metavar="DIR", type=click.Path(path_type=Path), help="Keep what the scoring program wrote.")
@workspace_option
@json_option
def rehearse(
    bundle: Path, zip_path: Path, phase: str | None, keep: Path | None, workspace: Path, as_json: bool
) -> None:
    """Run ZIP through BUNDLE, a zip or folder, as Codabench's worker would.

    Prediction and scoring are two steps, with the worker's places, rules and quirks, and this machine's Python instead
    of the bundle's image. No docker is needed; there is no network. Exit code 0 only when every score arrives.

    \b
    Example:
      hemobench codabench rehearse course.zip myteam.zip --phase Development
    """
    from harness import api
    from harness.cli._view.screen import working

    with working("Running both steps"):
        found = api.rehearse(workspace, bundle, zip_path, phase=phase, keep=keep)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(found).decode())
    else:
        for rehearsal in found:
            _show(rehearsal)
    if not all(rehearsal.scored for rehearsal in found):
        raise click.exceptions.Exit(1)


def _show(rehearsal: Rehearsal) -> None:
    """Print the cells of the leaderboard on stdout, and how it came to them on stderr."""
    from harness.cli._view import screen

    good = rehearsal.status == "Finished"
    click.echo(f"{screen.plain(rehearsal.phase)}: " + click.style(rehearsal.status, fg="green" if good else "red"))
    if rehearsal.message:
        click.echo(f"  {screen.plain(rehearsal.message)}")
    for key, value in rehearsal.scores.items():
        click.echo(f"  {screen.plain(key)}: {'–' if value is None else repr(value)}")
    for step in rehearsal.steps:
        for container in step.containers:
            end = "stopped" if container.exit_code is None else f"exit code {container.exit_code}"
            click.echo(f"  {step.name}, {container.kind}: {end}, {container.seconds:.1f} s", err=True)
            if not rehearsal.scored:
                lines = (container.stdout + container.stderr).strip().splitlines()[-TAIL:]
                for line in screen.quoted(lines, "    "):
                    click.echo(line, err=True)
        for note in step.notes:
            click.echo(f"  {screen.plain(note)}", err=True)
