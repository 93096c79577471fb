"""``hemobench ledger replay``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import device_option, isolation_option, json_option, workspace_option


@click.command(short_help="Run an entry's zip again and compare.")
@click.argument("entry", type=click.IntRange(min=1), metavar="ENTRY")
@isolation_option
@device_option
@workspace_option
@json_option
def replay(entry: int, isolation: str, device: str, workspace: Path, as_json: bool) -> None:
    """Run an entry's zip again and compare with what was recorded.

    ENTRY is the id of a row, as submit printed it and leaderboard lists it. The images are handed over in the
    order of that time. Nothing is recorded. Exit code 1 when the entry answers or scores otherwise.

    \b
    Example:
      hemobench ledger replay 3
    """
    from harness import api
    from harness.cli._view.screen import working

    with working("Running the entry again"):
        done = api.replay(workspace, entry, isolation=isolation, device=device)  # type: ignore[arg-type]
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(done).decode())
    else:
        from harness.cli._view.screen import wrapped

        for title, changes in (("Differs", done.results), ("Other than then", done.circumstances)):
            for change in changes:
                click.echo(wrapped(f"{title}: {change.what}: now {change.now}, then {change.then}", "  "))
        said = "equal" if done.equal else "not equal"
        click.echo(wrapped(f"Entry {done.entry}, {done.name}: {said} to receipt {done.receipt}."))
    if not done.equal:
        raise click.exceptions.Exit(1)
