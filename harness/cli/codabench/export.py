"""``hemobench codabench export``"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from harness.cli.options import contest_option, isolation_option, json_option, workspace_option

DATES = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"])


@click.command(short_help="Write a Codabench bundle: folder and zip.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--start", type=DATES, metavar="DATE", help="Development opens, UTC; by default at once.")
@click.option("--final", type=DATES, metavar="DATE", help="Development ends and the final phase begins, UTC.")
@click.option("--end", type=DATES, metavar="DATE", help="The final phase ends, UTC; by default never.")
@click.option("--image", metavar="NAME", help="Docker image, Python 3.11 or newer with NumPy.")
@click.option("--terms", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Your terms, Markdown.")
@click.option("--contact", metavar="EMAIL", default="", help="Whom participants may write to.")
@click.option("--queue", metavar="VHOST", default="", help="Queue of your own: more than 600 s a step, or a GPU.")
@click.option("--no-public-data", is_flag=True, help="Leave the training data out: you hand them out yourself.")
@contest_option
@isolation_option
@workspace_option
@json_option
def export(
    folder: Path,
    start: datetime | None,
    final: datetime | None,
    end: datetime | None,
    image: str | None,
    terms: Path | None,
    contact: str,
    queue: str,
    no_public_data: bool,
    contest: str | None,
    isolation: str,
    workspace: Path,
    as_json: bool,
) -> None:
    """Write a Codabench bundle as the folder DIR, and zipped as DIR.zip.

    It holds the labels of the hidden test: give it to nobody but the server. The same contest and options give the
    same bytes.

    \b
    Example:
      hemobench codabench export course
      hemobench codabench lint course.zip
    """
    from dataclasses import replace
    from datetime import UTC

    from harness import api
    from harness.cli._view.screen import working
    from harness.platforms.codabench.export import Settings
    from harness.platforms.facts import Dates

    given = {
        name: date.replace(tzinfo=UTC) for name, date in (("start", start), ("final", final), ("end", end)) if date
    }
    settings = Settings(
        dates=replace(Dates(), **given),
        terms=terms.read_text(encoding="utf-8") if terms else "",
        contact=contact,
        queue=queue,
        public_data=not no_public_data,
        isolation=isolation,
    )
    if image is not None:
        settings = replace(settings, image=image)
    with working("Writing the bundle"):
        zip_path = api.export_codabench(workspace, folder, contest, settings=settings)
    if as_json:
        import json

        click.echo(json.dumps({"folder": str(folder), "zip": str(zip_path), "bytes": zip_path.stat().st_size}))
        return
    click.echo(f"{zip_path}: {zip_path.stat().st_size / 1e6:.1f} MB, to be uploaded. It holds the hidden labels.")
    if not (folder / "sample_submissions").exists():
        click.echo("No sample submissions: submissions/ of the project is not in this folder.", err=True)
    if final is None:
        click.echo("No --final was given: development is open until you set its end on the server.", err=True)
    click.echo(f"Look at {folder / 'README.md'}. Next: hemobench codabench lint {zip_path}", err=True)
