"""``hemobench verify``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli._view.screen import message, wrapped
from harness.cli.options import contest_option, json_option, workspace_option
from harness.words import counted

if TYPE_CHECKING:
    from harness.analysis.leaks import LeakAudit

SHOWN = 20  # pairs


@click.command(short_help="Compare a frozen contest with its lock, or look for leaks.")
@contest_option
@click.option("--ignore-versions", is_flag=True, help="Accept that other library versions are installed now.")
@click.option("--leaks", is_flag=True, help="Look for leaks between the parts instead.")
@click.option(
    "--train", type=click.Path(path_type=Path), help="With --leaks: training images of anybody's, not of a contest."
)
@click.option("--test", type=click.Path(path_type=Path), help="Their test images: a folder, zip, tar, table or .npz.")
@workspace_option
@json_option
def verify(
    contest: str | None,
    ignore_versions: bool,
    leaks: bool,
    train: Path | None,
    test: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Compare a frozen contest with its lock and name what differs.

    Every array, label, file and count is computed again. Exit code 1 when anything differs.

    With --leaks: which images stand in two parts, as they are or changed; whether labels can be told from file names,
    sizes, dates, the order or the background alone; whether classes drift. Of the contest, or of any two sources of
    labelled images. Exit code 1 when a leak is found.

    \b
    Example:
      hemobench verify --contest blood-cells
      hemobench verify --leaks --train cells/train --test cells/test
    """
    from harness import api
    from harness.cli._view.screen import working

    if not leaks and (train or test):
        raise click.UsageError("--train and --test are for --leaks. Type: hemobench verify --leaks --train PATH")
    if test and not train:
        raise click.UsageError("--test needs --train, with which it is compared.")
    if train and contest:
        raise click.UsageError("Give --contest or --train, not both.")
    if leaks:
        paths = [(name, path) for name, path in (("train", train), ("test", test)) if path]
        with working("Looking for leaks"):
            found = api.audit_leaks(workspace, contest, paths)
        _show_leaks(found, as_json)
        return
    frozen = api.open_contest(workspace, contest)
    with working("Computing every hash"):
        all_differences = api.verify(workspace, contest)
    differences = [
        difference
        for difference in all_differences
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
            files, arrays = frozen.lock.files, frozen.lock.arrays
            n_arrays = sum(len(arrays.get(name, ())) for name in files)
            told = f"{counted(len(files), 'file')}, {counted(n_arrays, 'array')}, lock {frozen.lock_hash[:12]}"
            click.echo(wrapped(f"{frozen.contest.name} is as it was frozen: {told}."))
    if differences:
        raise click.exceptions.Exit(1)


def _show_leaks(audit: LeakAudit, as_json: bool) -> None:
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({"leaks": len(audit.leaks), "checks": audit.checks, "pairs": audit.pairs}))
    else:
        for check in audit.checks:
            click.echo(wrapped(f"{'LEAK' if check.leak else 'ok'}: {check.text}", "  "))
        for pair in audit.pairs[:SHOWN]:
            labels = pair.labels[0] if pair.labels[0] == pair.labels[1] else " / ".join(pair.labels)
            text = f"{pair.first} ({pair.parts[0]}) and {pair.second} ({pair.parts[1]}): {pair.kind}, {labels}"
            click.echo(wrapped(text, "    ", start="  - "))
        if len(audit.pairs) > SHOWN:
            click.echo(f"    … and {len(audit.pairs) - SHOWN:,} more; --json lists all")
        click.echo("No leak was found." if not audit.leaks else f"{counted(len(audit.leaks), 'leak')} found.")
    if audit.leaks:
        raise click.exceptions.Exit(1)
