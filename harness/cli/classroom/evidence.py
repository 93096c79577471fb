"""``hemobench class evidence``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import contest_option, json_option, workspace_option


@click.command(short_help="Write one folder for a dispute about an entry.")
@click.argument("entry", type=click.IntRange(min=1), metavar="ENTRY")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FOLDER", help="By default evidence-ENTRY, a new folder."
)
@click.option(
    "--common",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="As of class similar.",
)
@click.option("--no-run", is_flag=True, help="Do not run the zip again.")
@contest_option
@workspace_option
@json_option
def evidence(
    entry: int,
    output: Path | None,
    common: tuple[Path, ...],
    no_run: bool,
    contest: str | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Write one folder for a dispute about an entry.

    In it: a summary, the receipt and its hash, the card, a run of today beside what is on record, what the entry
    resembles, what its team handed in and was told, and how its code differs from the team's other entries and from
    the nearest one of another team. It is for who runs the contest: private scores are in it.

    \b
    Example:
      hemobench class evidence 7 -o dispute
    """
    from harness import api
    from harness.classroom.similar.evidence import write_evidence
    from harness.cli._view.screen import bar, wrapped
    from harness.words import plain
    from harness.workspace import Workspace

    target = output or Path(f"evidence-{entry}")
    frozen = api.open_contest(workspace, contest)
    says = write_evidence(Workspace(workspace), frozen, entry, target, common=common, run=not no_run, track=bar)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({"folder": str(target), "says": says}).decode())
        return
    for sentence in says:
        click.echo(wrapped(plain(sentence), "  "))
    click.echo(f"Written: {target}", err=True)
