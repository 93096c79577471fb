"""``hemobench show``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import contest_option, json_option, workspace_option


@click.command(short_help="Show all that is known of one entry.")
@click.argument("entry", metavar="ENTRY")
@click.option("--full", is_flag=True, help="Add severities, every class on every split, and the confusion matrix.")
@click.option("--reveal-private", is_flag=True, help="Add the private half, and rank by it.")
@contest_option
@workspace_option
@json_option
def show(entry: str, full: bool, reveal_private: bool, contest: str | None, workspace: Path, as_json: bool) -> None:
    """Show all that is known of one entry.

    ENTRY is an id, or a name: then the best by its public score. Shown are its rank and those that chance leaves open,
    its scores from split to split, where it is right and where not, its predicted score, and how it ran.

    \b
    Example:
      hemobench show 1
      hemobench show majority --full
    """
    from harness import api

    facts = api.show(workspace, entry, contest, reveal_private=reveal_private)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(facts).decode())
        return
    from harness.cli._view.entry_view import draw

    draw(facts, by_name=entry != str(facts.id), full=full)
    if reveal_private:
        click.secho("With private scores: not for entrants while the contest is open.", fg="yellow", err=True)
