"""``hemobench select``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import contest_option, json_option, workspace_option


@click.command(short_help="Name the entries of a team that count at the close.")
@click.argument("entries", metavar="[ENTRY]...", type=click.IntRange(1, 2**63 - 1), nargs=-1)
@contest_option
@workspace_option
@json_option
def select(entries: tuple[int, ...], contest: str | None, workspace: Path, as_json: bool) -> None:
    """Name the entries of one team that count at the close.

    ENTRY is the id of an entry. Without a choice the best public ones of a team count. A later choice takes the place
    of an earlier one; without ENTRY the choices made so far are listed.

    \b
    Example:
      hemobench select 1 2
    """
    from harness import api

    if not entries:
        chosen_by = api.finals(workspace, contest)
        if as_json:
            import json

            click.echo(json.dumps(chosen_by))
            return
        for team, ids in chosen_by.items():
            click.echo(f"{team}: {', '.join(map(str, ids))}")
        if not chosen_by:
            click.echo("No team has chosen: the best public entries of each will count.", err=True)
        return
    team, chosen = api.select(workspace, entries, contest)
    if as_json:
        import json

        click.echo(json.dumps({"team": team, "entries": chosen}))
        return
    word = "Entry" if len(chosen) == 1 else "Entries"
    click.echo(f"{word} {', '.join(map(str, chosen))} will count for {team}.")
