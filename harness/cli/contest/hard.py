"""``hemobench contest hard``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import contest_option, json_option, workspace_option

if TYPE_CHECKING:
    from harness.analysis.hard import Relabelled


@click.command(short_help="Find images whose label may be wrong, and what relabelling does.")
@click.option("--good", type=click.IntRange(min=2), default=5, show_default=True, help="Best entries that all miss it.")
@click.option("--relabel", type=click.Path(path_type=Path), metavar="CSV", help="Say what its classes do to scores.")
@click.option("--reveal-private", is_flag=True, help="With hidden images: for who runs the contest.")
@contest_option
@workspace_option
@json_option
def hard(
    good: int, relabel: Path | None, reveal_private: bool, contest: str | None, workspace: Path, as_json: bool
) -> None:
    """Find images that all good entries miss, and say what relabelling them would do.

    Writes a sheet (PNG) and a table (CSV) into hard/ of the workspace, readable by you alone. Write a better class into
    the column relabel, and give the table back with --relabel: every score before and after, from kept labels. What is
    to stay is written into the contest file, and frozen anew.

    \b
    Example:
      hemobench contest hard --reveal-private
      hemobench contest hard --relabel workspace/hard/blood-cells/hard.csv
    """
    import msgspec

    from harness import api
    from harness.analysis import hard as images
    from harness.board.visibility import looking
    from harness.cli._view import screen
    from harness.words import as_toml, counted
    from harness.workspace import Workspace

    home, frozen, role = Workspace(workspace), api.open_contest(workspace, contest), looking(reveal_private)
    if relabel is None:
        found = images.hard_images(home, frozen, role, good=good)
        paths = images.write_hard(frozen, found, home.path / "hard" / frozen.contest.name)
        click.echo(msgspec.json.encode(found).decode() if as_json else "\n".join(map(str, paths)))
        screen.message(f"{counted(len(found), 'image')} that the best entries all miss.")
        return
    classes = images.read_relabelling(relabel, frozen)
    rows, elsewhere = images.relabel(home, frozen, role, classes)
    if elsewhere:
        screen.message(f"{counted(len(elsewhere), 'image')} of the table stand in no split that is scored here.")
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    show(rows)
    if classes:
        lines = "\n".join(f"{as_toml(name)} = {as_toml(label)}" for name, label in sorted(classes.items()))
        click.echo(
            f"To keep it, write into the contest file, then freeze again:\n\n[cleaning.relabel]\n{lines}", err=True
        )


def show(rows: list[Relabelled]) -> None:
    """Print what a relabelling does to each entry."""
    from harness.cli._view import screen
    from harness.format import SHORT, percent, points

    splits = tuple(rows[0].before) if rows else ()
    columns = [screen.Column("#", number=True, key=True), screen.Column("was", number=True)]
    columns += [screen.Column("id", number=True, key=True), screen.Column("entry", key=True)]
    columns += [screen.Column(f"{SHORT[split]} %", number=True) for split in splits]
    screen.table(
        columns,
        [
            (
                str(one.ranks[1]),
                str(one.ranks[0]),
                str(one.id),
                one.name,
                *(
                    f"{percent(one.before[split])} → {percent(one.after[split])} "
                    f"({points(one.after[split] - one.before[split])})"
                    for split in splits
                ),
            )
            for one in rows
        ],
        "Scores before and after, with the change in points",
    )
