"""``hemobench class judge``"""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import (
    contest_option,
    device_option,
    fresh_option,
    isolation_option,
    json_option,
    workers_options,
    workspace_option,
)
from harness.words import counted

if TYPE_CHECKING:
    from harness.classroom.judge import Judged


@click.command(short_help="Judge all that a class handed in; a letter for each zip.")
@click.argument("download", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--listing",
    metavar="TABLE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Table of files or students with teams or times; by default one in the download.",
)
@click.option("--pattern", metavar="REGEX", default="", help="Of paths, with groups such as (?P<team>...), timestamp.")
@click.option("--zone", metavar="NAME", default="UTC", show_default=True, help="Of times that name none: Europe/Rome.")
@click.option(
    "--letters",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the letters; by default letters/CONTEST of the workspace.",
)
@click.option("--closed", is_flag=True, help="Train the fit.py of each here, twice, from --seed and its code alone.")
@click.option("--seed", type=int, metavar="N", help="Of --closed.")
@click.option("--dry-run", is_flag=True, help="Say what would be judged, and run nothing.")
@contest_option
@isolation_option
@device_option
@fresh_option
@workers_options
@workspace_option
@json_option
def judge(
    download: Path,
    listing: Path | None,
    pattern: str,
    zone: str,
    letters: Path | None,
    closed: bool,
    seed: int | None,
    dry_run: bool,
    contest: str | None,
    isolation: str,
    device: str,
    fresh: bool,
    n_workers: int | None,
    cluster: str | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Judge all that a class handed in, each zip once, and write a letter for each.

    DOWNLOAD is the folder or zip of Moodle, Canvas, Gradescope or nbgrader as it is, or a folder of zips called as
    their teams. Limits and lateness go by the time of hand-in. Typed again, after a stop or with the next download, it
    goes on: what a team has on record is not run again. The first new zip of each team comes first, then the second of
    each; --dry-run shows the queue, and about how long it takes.

    Exit code 1 when something is of no team of the roster, or was not recorded.

    \b
    Example:
      hemobench class judge hand-ins --dry-run
      hemobench class judge hand-ins
      hemobench class judge hand-ins --closed --seed 7
    """
    import msgspec

    from harness import api
    from harness.classroom.handins import collect
    from harness.classroom.judge import judge as judge_all
    from harness.classroom.judge import plan
    from harness.classroom.letters import write_letters
    from harness.classroom.roster import class_roster
    from harness.classroom.times import zone_named
    from harness.cli._view.screen import message
    from harness.closed_division import limits_of_training
    from harness.sandbox.machine import n_at_once
    from harness.sandbox.scratch import scratch_folder
    from harness.workspace import Workspace

    if seed is not None and not closed:
        raise click.UsageError("--seed N is that of --closed.")
    home, frozen = Workspace(workspace), api.open_contest(workspace, contest)
    roster, name = class_roster(home), frozen.contest.name
    given_by: dict[str, Any] = {"listing": listing, "pattern": pattern, "zone": zone_named(zone)}
    terms: dict[str, Any] = {"isolation": isolation, "device": device}
    done: list[Judged] = []
    with scratch_folder(home.scratch) as scratch:
        given = collect(download, scratch, roster, frozen.contest.limits, **given_by)
        for note in given.notes:
            message(note)
        limits = limits_of_training(frozen.contest.limits) if closed else frozen.contest.limits
        at_once = n_workers or (1 if cluster else n_at_once(limits, device))
        planned = plan(home, frozen, given, closed=closed, n_workers=at_once)
        if last := max((one for one in planned if one.turn), key=lambda one: one.turn or 0, default=None):
            message(f"{counted(last.turn or 0, 'zip')} to judge{_about(last)}.")
        more: dict[str, Any] = {"fresh": fresh, "n_workers": n_workers, "cluster": cluster}
        results = judge_all(home, frozen, planned, **terms, **more, closed=(seed or 0) if closed else None)
        try:
            started = time.monotonic()
            for one in planned if dry_run else results:
                done.append(one)
                message(_line(one, done, planned, time.monotonic() - started))
        finally:
            if as_json:
                click.echo(msgspec.json.encode([_document(one) for one in done]).decode())
        if not dry_run:
            folder = letters or home.path / "letters" / name
            examine = partial(api.examine, workspace, contest=name, **terms)
            n_letters = len(write_letters(home, frozen, done, roster, folder, examine))
    message("; ".join(f"{state}: {n}" for state, n in Counter(one.state for one in done).items()) + ".")
    if not dry_run:
        message(f"{counted(n_letters, 'letter')} in {folder}.")
    if any(not one.team or one.state == "not recorded" for one in done):
        raise click.exceptions.Exit(1)


def _about(one: Judged) -> str:
    """Say after how long a zip will be on record, as far as that is known."""
    from harness.progress import in_short

    return "" if one.expected_s is None else f", by the entries before in about {in_short(one.expected_s)}"


def _line(one: Judged, done: list[Judged], planned: list[Judged], seconds: float) -> str:
    """Say in one line what became of a zip, and how long the rest will take."""
    from harness.cli._view.result import ended
    from harness.cli.submit import place_of, visible_card
    from harness.progress import pace

    n_run = sum(bool(each.submitted) for each in done)
    rest = pace(n_run, sum(each.state == "new" for each in planned[len(done) :]), seconds)
    where = f"{len(done)} of {len(planned)}{f', {rest}' if rest else ''}, {one.place}: "
    whose = f"{one.team or 'of no team'}, "
    if one.hand_in:
        whose += f"handed in {one.hand_in.handed_in:%Y-%m-%d %H:%M} UTC ({one.hand_in.by}), "
    if one.submitted:
        card = visible_card(one.submitted, reveal_private=False)
        told = f"entry {one.entry}, {place_of(one.submitted)}; {ended(card)}"
        told = " ".join((told, *one.submitted.notes))
    elif one.state == "new":
        told = f"new, place {one.turn} in the queue{_about(one)}"
    else:
        told = f"{one.state}{f', entry {one.entry}' if one.entry else ''}. {one.told} {one.hint}".strip()
    return where + whose + told


def _document(one: Judged) -> dict[str, Any]:
    """Return what became of a zip, for programs, with the scores that its team may be shown."""
    import msgspec

    from harness.cli.submit import visible_card

    facts: dict[str, Any] = {"place": one.place, "team": one.team, "state": one.state, "entry": one.entry}
    facts |= {"zip_sha256": one.digest, "told": one.told, "hint": one.hint}
    facts |= {"turn": one.turn, "expected_s": one.expected_s}
    if one.hand_in:
        facts |= {"handed_in": one.hand_in.handed_in.isoformat(), "by": one.hand_in.by}
        facts |= {"marked_late": one.hand_in.marked_late}
    if submitted := one.submitted:
        card = visible_card(submitted, reveal_private=False)
        facts |= {"outcome": card.outcome, "late": submitted.late, "rank": submitted.rank, "equals": submitted.equals}
        facts |= {"scores": msgspec.to_builtins({split: score.metrics for split, score in card.scores.items()})}
    return facts
