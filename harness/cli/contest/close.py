"""``hemobench contest close``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import contest_option, json_option, workspace_option
from harness.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.analysis.shakeup import ShakeUp
    from harness.freeze.frozen import Frozen
    from harness.workspace import Workspace

SHOWN = 20  # teams in the table of the shake-up; the report has them all


@click.command(short_help="End the contest and show the private half.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@contest_option
@workspace_option
@json_option
def close(yes: bool, contest: str | None, workspace: Path, as_json: bool) -> None:
    """End the contest and show the private half.

    Each team ranks by the better private score of its finals: those it named with select, else its best public ones.
    Entries that come later are scored and called late, whenever they were handed in: judge what came first. With a
    deadline, close when it has passed. It cannot be undone.

    \b
    Example:
      hemobench contest close --contest blood-cells
    """
    from harness import api
    from harness.analysis.shakeup import see_shake_up
    from harness.cli._view import screen
    from harness.workspace import Workspace

    frozen = api.open_contest(workspace, contest)
    name = frozen.contest.name
    screen.message(_in_time(Workspace(workspace), frozen))
    if not yes:
        for team, ids in api.finals(workspace, name).items():
            click.echo(f"{team} chose {_entries(ids)}.", err=True)
        click.confirm(f"Close {name}, show the private half, and let no later entry count?", abort=True, err=True)
    closing = api.close(workspace, name)
    board, shaken = see_shake_up(Workspace(workspace), frozen)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({**msgspec.to_builtins(closing), "seal": closing.seal, "shakeup": shaken}))
        return
    n, chosen = len(closing.finals), len(closing.chosen)
    click.echo(f"{name} is closed after receipt {closing.receipts}.")
    click.echo(f"{counted(n, 'team')}, {chosen} with finals of their own choice.")
    if shaken:
        names = {standing.entry.id: standing.entry.name for standing in board.ranked}
        show(shaken, names, {one.entry.id: one.private.value for one in board.ranked if one.private})
    click.echo(f"To write down, for hemobench ledger audit --expect:\n{closing.seal}")
    click.echo("See: hemobench leaderboard", err=True)


def _in_time(workspace: Workspace, frozen: Frozen) -> str:
    """Say what is late after the close, and whether the deadline has passed."""
    from datetime import UTC, datetime

    from harness.board.deadline import read_deadline

    late = "What is judged after the close is late, whenever it was handed in."
    last = read_deadline(workspace, frozen).last
    if last is None:
        return late
    until = f"{last:%Y-%m-%d %H:%M} UTC"
    if last > datetime.now(UTC):
        return f"The deadline has not passed: until {until} entries are in time, grace and extensions included. {late}"
    return f"The deadline was {until}, grace and extensions included. {late}"


def show(shaken: ShakeUp, names: Mapping[int, str], scores: Mapping[int, float]) -> None:
    """Print how the ranks moved from the public half to the private one; teams and private scores by entry."""
    from harness.cli._view import screen
    from harness.format import percent

    columns = [screen.Column("#", number=True, key=True), screen.Column("was", number=True)]
    columns += [screen.Column("id", number=True, key=True), screen.Column("team", key=True)]
    columns += [screen.Column("private %", number=True), screen.Column("drawn anew", number=True)]
    columns += [screen.Column("first %", number=True)]
    moved = sorted(shaken.moved, key=lambda one: one.now)
    screen.table(
        columns,
        [
            (
                str(one.now),
                str(one.then),
                str(one.id),
                names[one.id],
                percent(scores.get(one.id)),
                str(one.ranks or "–"),
                percent(one.first, 0),
            )
            for one in moved[:SHOWN]
        ],
        "Shake-up, from the public half to the private one",
    )
    if shaken.kendall is not None:
        told = f"Rank correlation of the halves: Kendall {shaken.kendall:.2f}, Spearman {shaken.spearman:.2f}"
        drawn = "" if shaken.drawn_kendall is None else f"; where they are drawn anew, {shaken.drawn_kendall:.2f}"
        click.echo(screen.wrapped(f"{told}{drawn}."))
    screen.message(
        "Drawn anew: the middle 95 % of private ranks over 1,000 draws of the halves; first %: in how many it wins."
    )


def _entries(ids: tuple[int, ...]) -> str:
    return f"{'entry' if len(ids) == 1 else 'entries'} {', '.join(map(str, ids))}"
