"""``hemobench class similar``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import contest_option, json_option, workspace_option

if TYPE_CHECKING:
    from harness.classroom.similar.pairs import Pair, Similarity


@click.command(short_help="Find entries of different teams that are copies.")
@click.option(
    "--common",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A zip or file of weights that all may use: a public network, a template.",
)
@click.option("--all", "everything", is_flag=True, help="Also what is the same and explained otherwise.")
@contest_option
@workspace_option
@json_option
def similar(common: tuple[Path, ...], everything: bool, contest: str | None, workspace: Path, as_json: bool) -> None:
    """Find entries of different teams that are copies, and say what speaks for it.

    Compared are files, weights (in any order of units, with noise, pruned, under other names, in other formats),
    mistakes on the hidden images, and code. What baselines and --common hold is no evidence. Nothing of a zip is
    run, and nobody is punished: look at the evidence, and ask.

    \b
    Example:
      hemobench class similar --common mobilenet.weights.h5
    """
    from harness import api
    from harness.classroom.similar.pairs import find_similar
    from harness.cli._view.screen import bar
    from harness.workspace import Workspace

    found = find_similar(Workspace(workspace), api.open_contest(workspace, contest), common=common, track=bar)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(found).decode())
    else:
        _show(found, everything)


def _show(found: Similarity, everything: bool) -> None:
    from harness.cli._view.screen import message, wrapped
    from harness.words import counted, plain

    for pair in found.flagged:
        _show_pair(pair)
    if everything:
        for pair in found.noted:
            _show_pair(pair, "not flagged")
    for number, files in found.unread.items():
        message(f"Entry {number}, not read: {'; '.join(map(plain, files))}.")
    told = f"{counted(len(found.flagged), 'pair')} flagged in {counted(len(found.groups), 'group')}"
    if found.noted and not everything:
        told += f", {counted(len(found.noted), 'more', 'more')} noted: --all shows them"
    click.echo(
        wrapped(
            f"{told}; {counted(found.entries, 'entry')} of {counted(found.teams, 'team')}, "
            f"{counted(found.compared, 'pair')} compared."
        )
    )
    for group in found.groups:
        click.echo(wrapped(f"  Together: {', '.join(map(str, group))}", "    "))
    if found.flagged:
        message(f"For a dispute: hemobench class evidence {found.flagged[0].other.id} -o FOLDER")


def _show_pair(pair: Pair, more: str = "") -> None:
    from harness.cli._view.screen import wrapped
    from harness.words import plain

    sides = " and ".join(f"{side.id} ({plain(side.name)})" for side in (pair.one, pair.other))
    kinds = ", ".join(pair.kinds) + (f"; {more}" if more else "")
    click.echo(wrapped(f"Entries {sides}: {kinds}", "  "))
    for sentence in pair.says:
        click.echo(wrapped(f"  {plain(sentence)}", "    "))
