"""``hemobench contest close``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import contest_option, json_option, workspace_option
from harness.words import counted


@click.command(short_help="End the contest and show the private half.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@contest_option
@workspace_option
@json_option
def close(yes: bool, contest: str | None, workspace: Path, as_json: bool) -> None:
    """End the contest and show the private half.

    Each team ranks by the better private score of its finals: those it named with select, else its best public ones.
    Entries that come later are scored and called late. It cannot be undone.

    \b
    Example:
      hemobench contest close --contest blood-cells
    """
    from harness import api

    name = api.open_contest(workspace, contest).contest.name
    if not yes:
        for team, ids in api.finals(workspace, name).items():
            click.echo(f"{team} chose {_entries(ids)}.", err=True)
        click.confirm(f"Close {name}, show the private half, and let no later entry count?", abort=True, err=True)
    closing = api.close(workspace, name)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({**msgspec.to_builtins(closing), "seal": closing.seal}))
        return
    n, chosen = len(closing.finals), len(closing.chosen)
    click.echo(f"{name} is closed after receipt {closing.receipts}.")
    click.echo(f"{counted(n, 'team')}, {chosen} with finals of their own choice.")
    click.echo(f"To write down, for hemobench ledger audit --expect:\n{closing.seal}")
    click.echo("See: hemobench leaderboard", err=True)


def _entries(ids: tuple[int, ...]) -> str:
    return f"{'entry' if len(ids) == 1 else 'entries'} {', '.join(map(str, ids))}"
