"""``hemobench freeze``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import complete, contest_names, json_option, workspace_option
from harness.words import counted

NAMED = 5  # files of a kind that are left out
# What a source says of itself that its owner should see at once.
SAID = (
    "colour",
    "layout",
    "values",
    "arrays not read",
    "labels",
    "splits of the source",
    "groups of the source",
    "resized",
    "reduced while decoding",
    "turned upright",
    "first frame taken",
    "16-bit values",
)


@click.command(short_help="Clean, split, shift and lock the images of a contest.")
@click.option(
    "--contest",
    metavar="NAME|FILE",
    shell_complete=complete(contest_names),
    help="Contest to freeze; by default the active one, else blood-cells.",
)
@click.option(
    "--source", type=click.Path(path_type=Path), help="File or folder of images, where the contest needs one."
)
@click.option(
    "--kit", type=click.Path(path_type=Path), metavar="DIR", help="Make a starting kit a contest without hidden test."
)
@click.option(
    "--leave-out-broken", is_flag=True, help="Leave out images that cannot be decoded; their ids are recorded."
)
@click.option("--if-missing", is_flag=True, help="Keep what is frozen already; then only make it the active one.")
@workspace_option
@json_option
def freeze(
    contest: str | None,
    source: Path | None,
    kit: Path | None,
    leave_out_broken: bool,
    if_missing: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Clean, split, shift and lock the images of a contest.

    Writes public/ (train, val, val_shifted) for participants and private/ (hidden test) for the scorer, and makes the
    contest the active one. The same images give the same bytes. Where the file states other rules alone (limits,
    quotas, texts), the board stays and the change is put on record: see hemobench contest rules.

    With --kit the organiser's starting kit becomes the same contest at home, less the hidden test: train, doctor and
    score work on its public data, and the score that the hidden test would give is predicted.

    \b
    Example:
      hemobench freeze --contest blood-cells-folder --source cells.zip
    """
    from harness import api
    from harness.board.receipts import RulesChanged
    from harness.board.recorder import count_under_other_locks
    from harness.cli._view import screen
    from harness.errors import UsageError, WorkspaceError
    from harness.workspace import Workspace

    home = Workspace(workspace)
    if kit and (contest or source or if_missing):
        raise UsageError("--kit states contest and images itself.", "Leave out --contest, --source and --if-missing.")
    name = contest or home.active() or api.DEFAULT_CONTEST
    frozen, anew = None, False
    changes: list[RulesChanged] = []
    if if_missing:
        try:
            frozen = api.open_contest(workspace, name)
            home.activate(frozen.contest.name)
        except WorkspaceError:
            frozen = None
    if frozen is None:
        frozen = api.freeze(
            workspace,
            name,
            source,
            kit=kit,
            leave_out_broken=leave_out_broken,
            track=screen.bar,
            rules_changed=changes.append,
        )
        anew = True
    elif source is not None:
        screen.message(f"{name} is frozen already; --source was not read. To freeze it anew, leave out --if-missing.")
    lock = frozen.lock
    broken = {finding.id: finding.reason for finding in lock.findings if finding.rule == "broken"}
    if as_json:
        import json

        identity = {"contest": lock.contest.name, "lock": frozen.lock_hash, "folder": str(frozen.folder)}
        found = {"counts": lock.counts, "source": lock.source, "broken": broken, "ignored": lock.ignored}
        click.echo(json.dumps(identity | found | ({"groups": lock.groups} if lock.groups else {})))
        return
    dropped = sum(finding.action == "dropped" for finding in lock.findings)
    sizes = ", ".join(f"{split} {sum(counts.values()):,}" for split, counts in lock.counts.items())
    screen.message(f"{frozen.contest.title}: {sizes}; {counted(dropped, 'image')} dropped.")
    for reason, names in {**lock.ignored, **({"broken": tuple(broken)} if broken else {})}.items():
        shown = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
        screen.message(f"Left out of the source: {counted(len(names), 'file')}, {reason}: {shown}")
    for what in SAID:
        if what in lock.source:
            screen.message(f"{what.capitalize()}: {lock.source[what]}.")
    if lock.groups:
        screen.message(f"Groups: {', '.join(f'{split} {n:,}' for split, n in sorted(lock.groups.items()))}.")
    if single := [split for split, n in sorted(lock.groups.items()) if n == 1 and split != "train"]:
        told = (
            f"One group alone in {', '.join(single)}: how groups differ is not known from one, so the interval of a "
            "score there is 0 to 100 %. More groups, or larger shares under [split], make it narrower."
        )
        click.secho(screen.wrapped(told), fg="yellow", err=True)
    screen.message(f"Lock {frozen.lock_hash[:12]} in {frozen.folder}")
    for change in changes:
        from harness.cli.contest.rules import show_change

        screen.message("The data are those frozen before; the contest file states other rules:")
        show_change(change)
    if lock.from_kit:
        screen.message("Of a kit: the hidden test is with the organiser. Next: hemobench score ZIP")
        return
    if anew and lock.known_labels:
        told = f"Its hidden labels are no secret, since {lock.known_labels}; a contest with real secrets needs images "
        click.secho(screen.wrapped(f"{told}of its own."), fg="yellow", err=True)
    if not if_missing:
        if earlier := count_under_other_locks(home, lock.contest.name, frozen.lock_hash):
            note = (
                f"Entries on the board: {earlier:,} of other freezes of {lock.contest.name}, which this one does not "
                "show: other images, classes, labels or another primary metric are another contest. Where that one "
                "was repaired by this: hemobench contest rescore --dry-run --why TEXT. Else freeze it again to see it."
            )
            click.secho(screen.wrapped(note), fg="yellow", err=True)
        screen.message("What was dropped, and why: private/removed.png in that folder.")
        screen.message("Next: hemobench submit majority -m first")
