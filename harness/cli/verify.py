"""``hemobench verify``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli._view.screen import message, wrapped
from harness.cli.options import contest_option, json_option, workspace_option
from harness.words import counted


@click.command(short_help="Compare a frozen contest with its lock.")
@contest_option
@click.option("--ignore-versions", is_flag=True, help="Accept that other library versions are installed now.")
@workspace_option
@json_option
def verify(contest: str | None, ignore_versions: bool, workspace: Path, as_json: bool) -> None:
    """Compare a frozen contest with its lock and name what differs.

    Every array, label, file and count is computed again. Exit code 1 when anything differs.

    \b
    Example:
      hemobench verify --contest blood-cells
    """
    from harness import api

    frozen = api.open_contest(workspace, contest)
    differences = [
        difference
        for difference in api.verify(workspace, contest)
        if not (ignore_versions and difference.what.startswith("version of "))
    ]
    if as_json:
        import msgspec

        click.echo(
            msgspec.json.encode(
                {"contest": frozen.contest.name, "lock": frozen.lock_hash, "differences": differences}
            ).decode()
        )
    else:
        for difference in differences:
            click.echo(wrapped(f"{difference.what}: got {difference.got}, expected {difference.expected}", "  "))
        if differences:
            message(
                f"{frozen.contest.name} is not as it was frozen. To freeze it anew: hemobench freeze "
                f"--contest {frozen.contest.name}"
            )
        else:
            files, arrays = frozen.lock.files_here, frozen.lock.arrays
            n_arrays = sum(len(arrays.get(name, ())) for name in files)
            told = f"{counted(len(files), 'file')}, {counted(n_arrays, 'array')}, lock {frozen.lock_hash[:12]}"
            click.echo(wrapped(f"{frozen.contest.name} is as it was frozen: {told}."))
    if differences:
        raise click.exceptions.Exit(1)
