"""``hemobench contest rescore``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import contest_option, isolation_option, json_option, workers_options, workspace_option

if TYPE_CHECKING:
    from harness.board.rescore import Rescore
    from harness.board.rescored import Changed
    from harness.sandbox.backends import Choice


@click.command(short_help="Score the board again after a repaired freeze or scorer.")
@click.option("--why", required=True, metavar="TEXT", help="The reason, which the board shows to everybody.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@click.option("--from", "source", metavar="LOCK", help="Beginning of the lock whose entries are carried over.")
@click.option("--reveal-private", is_flag=True, help="List by the private score, for who runs the contest.")
@workers_options
@isolation_option
@contest_option
@workspace_option
@json_option
def rescore(
    why: str,
    dry_run: bool,
    source: str | None,
    reveal_private: bool,
    n_workers: int | None,
    cluster: str | None,
    isolation: Choice,
    contest: str | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Score the board again after a repaired freeze or scorer.

    Entries of the freeze before are carried over to the one in force, with their ids, times and finals. What they had
    answered is scored again where they have seen all of today's images; else their zips are run again. It is one
    receipt of the ledger; scores and cards of before stay on record.

    \b
    Example:
      hemobench contest rescore --why "three wrong labels" --dry-run
      hemobench contest rescore --why "three wrong labels"
    """
    from harness import api
    from harness.board import rescore as again
    from harness.board.visibility import looking
    from harness.workspace import Workspace

    done = again.rescore(
        Workspace(workspace),
        api.open_contest(workspace, contest),
        why,
        source=source,
        role=looking(reveal_private),
        dry_run=dry_run,
        n_workers=n_workers,
        cluster=cluster,
        isolation=isolation,
    )
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(done).decode())
    else:
        show(done, dry_run)


def show(done: Rescore, dry_run: bool = False) -> None:
    """Print what a rescoring changes."""
    from harness.cli._view import screen
    from harness.format import percent, points
    from harness.words import counted

    for said in done.differences:
        click.echo(screen.wrapped(said))
    moved = [one for one in done.changed if one.how == "not rescored" or _changes(one)]
    columns = [screen.Column("#", number=True, key=True), screen.Column("was", number=True)]
    columns += [screen.Column("id", number=True, key=True), screen.Column("entry", key=True)]
    columns += [screen.Column(f"{done.by} %", number=True), screen.Column("was %", number=True)]
    columns += [screen.Column("points", number=True), screen.Column("from")]
    cells = []
    for one in moved:
        before, after = one.score
        gain = None if before is None or after is None or len(set(done.metrics)) > 1 else after - before
        cells.append(
            (
                str(one.rank[1] or "–"),
                str(one.rank[0] or "–"),
                str(one.entry),
                one.name,
                percent(after) if after is not None or one.outcome[1] == "scored" else one.outcome[1],
                percent(before) if before is not None or one.outcome[0] == "scored" else one.outcome[0],
                points(gain),
                one.how,
            )
        )
    if cells:
        screen.table(columns, cells, f"Before and after, by {done.metrics[1].replace('_', ' ')}")
    for one in moved:
        if one.how == "not rescored":
            screen.message(f"Entry {one.entry}, {one.name}, stays as it was: {one.why}.")
    n = sum(one.how in ("kept predictions", "new run") for one in done.changed)
    same = len(done.changed) - len(moved)
    if done.rules:
        from harness.cli.contest.rules import said as written

        rules = ", ".join(f"{rule}={written(value)}" for rule, value in done.rules.items())
        screen.message(f"Rules that were changed by command stay in force: {rules}.")
    if not n:
        screen.message("There is nothing to rescore." if not moved else "Nothing was rescored.")
        return
    told = f"{counted(n, 'entry')}{f', {same} of which score and rank as before' if same else ''}"
    if dry_run:
        screen.message(f"Nothing is written. To rescore {told}: leave --dry-run out.")
    else:
        screen.message(f"Rescored: {told}; receipt {done.receipt}.")


def _changes(one: Changed) -> bool:
    return any(before != after for before, after in (one.outcome, one.score, one.rank))
