"""``hemobench doctor``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli._view.screen import wrapped
from harness.cli.options import (
    cluster_option,
    complete,
    contest_option,
    device_option,
    isolation_option,
    json_option,
    workspace_option,
)

if TYPE_CHECKING:
    from harness.doctor.findings import Checkup, Finding

COLOURS = {"fail": "red", "wrong": "magenta", "warning": "yellow", "note": "blue"}


def target_names() -> tuple[str, ...]:
    from harness.doctor.fit import names

    return names()


@click.command(short_help="Say whether a zip will work elsewhere, and is right.")
@click.argument("path", metavar="[ZIP|FOLDER]", type=click.Path(path_type=Path), required=False)
@click.option(
    "--target",
    default="local",
    show_default=True,
    metavar="NAME",
    shell_complete=complete(target_names),
    help="Where it is to run: local, codabench-4430.",
)
@click.option("--fix", is_flag=True, help="Write a repaired zip.")
@click.option(
    "-o",
    "--output",
    metavar="ZIP",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --fix: where to; by default NAME-fixed.zip beside it.",
)
@contest_option
@isolation_option
@cluster_option
@device_option
@workspace_option
@json_option
@click.pass_context
def doctor(
    ctx: click.Context,
    path: Path | None,
    target: str,
    fix: bool,
    output: Path | None,
    contest: str | None,
    isolation: str,
    cluster: str | None,
    device: str,
    workspace: Path,
    as_json: bool,
) -> None:
    """Say what is the matter with a submission, the worst first.

    Will it load, is it right, will it fit? The zip is read, then run in the sandbox on public images: as they are,
    and on other scales, in other orders, in other batches. Nothing is recorded.

    Without a zip and with --isolation: say which isolation this machine builds for entries, or each worker of
    --cluster, and how many it has room for at once.

    Exit code 1 when it would fail.

    \b
    Example:
      hemobench doctor entry.zip
      hemobench doctor entry.zip --target codabench-4430
      hemobench doctor entry.zip --fix -o fixed.zip
      hemobench doctor --isolation
    """
    if path is None:
        if cluster is None and ctx.get_parameter_source("isolation") is not click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError("Name a zip or a folder; for what this machine can do, type: doctor --isolation")
        if not look_at_machines(workspace, contest, isolation, cluster, device, as_json):
            raise click.exceptions.Exit(1)
        return
    if cluster:
        raise click.UsageError("A zip is examined on this machine; --cluster goes with --isolation and without a zip.")
    if output and not fix:
        raise click.UsageError("-o names the zip that --fix writes; add --fix.")
    from harness import api

    place = output or path.resolve().with_name(f"{path.resolve().stem}-fixed.zip")
    checkup = api.examine(
        workspace,
        path,
        contest,
        target=target,
        fix=place if fix else None,
        isolation=isolation,
        device=device,  # type: ignore[arg-type]
        say=lambda text: click.echo(text, err=True),
    )
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(checkup))
    else:
        show(checkup, fix=fix)
    if checkup.fails:
        raise click.exceptions.Exit(1)


def look_at_machines(
    workspace: Path, contest: str | None, isolation: str, cluster: str | None, device: str, as_json: bool
) -> bool:
    """Print what this machine, or each worker of a cluster, can do for entries; return whether all run them."""
    import msgspec

    from harness.contest import Limits
    from harness.errors import WorkspaceError
    from harness.freeze.frozen import open_frozen
    from harness.sandbox.machine import look_at
    from harness.workspace import Workspace, scratch_of

    home = Workspace(workspace)
    try:
        limits = open_frozen(home, contest).contest.limits
    except WorkspaceError:
        if contest:
            raise
        limits = Limits()
    if cluster:
        from harness.cluster.client import connected

        with connected(cluster) as workers:
            found = workers.look(limits, isolation, device)
    else:
        with scratch_of(home) as scratch:
            found = {"this machine": look_at(scratch, limits, isolation, device)}  # type: ignore[arg-type]
    if as_json:
        click.echo(
            msgspec.json.encode([{"worker": worker, **msgspec.to_builtins(one)} for worker, one in found.items()])
        )
    for worker, one in found.items() if not as_json else ():
        room = f"{one.n_cores} cores, {one.memory_mb:,} MB free, {one.gpus} GPUs: {one.n_at_once} at once"
        missing = f"; missing restrictions: {', '.join(one.missing_restrictions)}" if one.missing_restrictions else ""
        ends = (
            f"runs no entry: {one.reason} {one.hint}" if one.reason else f"isolation {one.isolation}{missing}; {room}"
        )
        click.echo(wrapped(f"{worker} ({one.name}): {ends}"))
    return not any(one.reason for one in found.values())


def show(checkup: Checkup, *, fix: bool) -> None:
    """Print a checkup as a numbered list, no wider than a sentence may be."""
    if checkup.missing_restrictions:
        missing = f"Missing restrictions: {', '.join(checkup.missing_restrictions)}. Run only zips that you trust."
        click.secho(wrapped(missing), fg="red", err=True)
    for number, finding in enumerate(checkup.findings, 1):
        show_finding(number, finding)
    if not checkup.findings:
        click.echo("Nothing was found.")
    for fit in checkup.fits:
        limit = f"of {fit.allowed:,.0f} {fit.unit}" if fit.allowed is not None else "(no limit is known)"
        click.echo(f"{fit.what:<7} {fit.verdict:<6} {fit.needed:,.1f} {fit.unit} {limit}")
        click.echo(wrapped(fit.how, " " * 15, start=" " * 15))
    for name, words in (("val", "as it is"), ("repaired", "repaired")):
        if name in checkup.accuracy:
            share, n = checkup.accuracy[name], checkup.n[name]
            click.echo(wrapped(f"right, {words}: {100 * share:.1f} % of {n} public val images"))
    fixable = [str(number) for number, finding in enumerate(checkup.findings, 1) if finding.fixable]
    if checkup.repaired:
        click.echo(f"Repaired ({', '.join(fixable)}): {checkup.repaired}")
    elif fix:
        click.echo("Nothing that --fix could fix.")
    elif fixable:
        click.echo(wrapped(f"--fix repairs {', '.join(fixable)}."))
    click.echo(f"Looked at in {checkup.seconds:.0f} s, for {checkup.target}:", err=True)
    for line in checkup.looked_at:
        click.echo(wrapped(line, "    ", start="  "), err=True)


def show_finding(number: int, finding: Finding) -> None:
    """Print one finding: its title, then cause, evidence and fix below it."""
    head = f"{number}. "
    word = f"{finding.severity}: "
    title = wrapped(f"{head}{word}{finding.title}", " " * len(head))
    click.echo(title.replace(word, click.style(word, fg=COLOURS[finding.severity], bold=True), 1))
    for name, text in (("cause", finding.cause), ("seen", finding.evidence), ("fix", finding.fix)):
        if text:
            start = f"{' ' * len(head)}{name:<6}"
            click.echo(wrapped(text, " " * len(start), start=start))
    click.echo()
