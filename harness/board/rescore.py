"""Scoring again what is on the board, after a freeze or the scorer was repaired: all at once, and nothing is lost.

The files come first, then one receipt for all entries, then the board: a process killed at any moment leaves the board
as it was, or rescored as a whole.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from harness.ahead import in_turn
from harness.board import rows
from harness.board.again import match
from harness.board.artifacts import artifacts_of, forget, keep
from harness.board.closing import read_closing
from harness.board.in_force import in_force, stated_rules
from harness.board.ledger import checked_why, newest_lines, scores_newest_first
from harness.board.receipts import FORMAT, Rescored, Rescoring, Scored
from harness.board.recorder import open_recorder, open_to_read
from harness.board.rescored import Change, Changed, Standings, differences, listed
from harness.board.rule_change import change_rules
from harness.board.visibility import Role
from harness.contest import rules_of
from harness.errors import BoardError, HarnessError, UsageError, writing_to
from harness.freeze.frozen import Frozen, find_freeze
from harness.freeze.hashing import hash_file
from harness.score.card import scorer_version
from harness.score.estimate import Estimate
from harness.score.evaluate import Evaluation
from harness.score.workers import workers
from harness.words import counted
from harness.workspace import Workspace

EXAMPLE = "three labels of the hidden test were wrong"
SINCE = "Rescored on {}: {}. Nothing ran for it: what the entry had answered before was scored again."


class Rescore(msgspec.Struct, frozen=True, kw_only=True):
    """What a rescoring did, or would do.

    Attributes
    ----------
    receipt : int or None
        None of a dry run, and where nothing changes.
    before, lock : str
        The lock under which entries stood, and under which they stand now; equal where only the scorer is another one.
    differences : tuple of str
        What is not as it was.
    rules : dict of str to object
        Rules that had been changed by command, and go on to be in force.
    by, metrics : str, and tuple of two
        The half and the metrics that rank, before and now.
    changed : tuple of Changed
        In the order of their new ranks, then of their ids.
    """

    contest: str
    before: str
    lock: str
    why: str
    receipt: int | None
    differences: tuple[str, ...]
    rules: dict[str, Any]
    by: str
    metrics: tuple[str, str]
    changed: tuple[Changed, ...]


def rescore(
    workspace: Workspace,
    frozen: Frozen,
    why: str,
    *,
    source: str | None = None,
    role: Role = Role.EVERYBODY,
    dry_run: bool = False,
    n_workers: int | None = None,
    cluster: str | None = None,
    **terms: Any,
) -> Rescore:
    """Score the entries of a contest again under its freeze in force, and say what that changes.

    Entries of an earlier freeze are carried over to it.  What an entry had answered is scored where all images of today
    are among those that it has seen, else its zip is run again, which a dry run does not.

    Parameters
    ----------
    workspace, frozen
    why : str
        One line for everybody.
    source : str, optional
        The beginning of the lock under which they stand, where there are several.
    role : Role
        Who looks at the list.
    dry_run : bool
        Write nothing.
    n_workers, cluster, terms
        How zips are run, see `harness.score.evaluate.Terms`.

    Raises
    ------
    UsageError
        The reason cannot be kept, or it is not clear which freeze is meant.
    BoardError
        The board changed meanwhile, or cannot be written: nothing was rescored.
    """
    why = checked_why(why, EXAMPLE)
    frozen.must_have_hidden()
    states = _states(workspace, frozen)
    old = in_force(workspace, _source(workspace, frozen, states, source))
    carried = _carried_rules(workspace, old, frozen)
    ruled = Frozen(frozen.folder, {**frozen.changes, **carried})
    here = match(ruled, ruled)
    moved = here if old.lock_hash == frozen.lock_hash else match(old, ruled)
    now = datetime.now(UTC)
    note = SINCE.format(f"{now:%Y-%m-%d}", why)
    found: dict[int, Evaluation | str] = {}  # what each is worth, or why that is not known
    to_run: list[Scored] = []
    concerned = [one for one in states.values() if one.lock in (old.lock_hash, frozen.lock_hash)]
    for state in concerned:
        matched = here if state.lock == frozen.lock_hash else moved
        if matched is here and not _is_stale(state, ruled):
            continue
        again = matched.scored(artifacts_of(workspace, state), note) if matched else None
        if again is None:
            to_run.append(state)
        elif matched is not here or _scores(again) != state.scores:
            found[state.entry] = again
    ran = {state.entry for state in to_run}
    found |= _run(workspace, ruled, to_run, dry_run, n_workers, cluster, **terms)
    change = Change(workspace, old, ruled, role)
    facts: dict[str, Any] = {"contest": frozen.contest.name, "lock": frozen.lock_hash, "before": old.lock_hash}
    facts |= {"why": why, "created_at": now.isoformat(timespec="seconds")}
    facts |= {"renumbered": moved.renumbered if moved else ()}
    number = None
    if dry_run or not any(isinstance(one, Evaluation) for one in found.values()):
        kept = {entry: _facts_of(one) for entry, one in found.items() if isinstance(one, Evaluation)}
        rescorings = tuple(Rescoring(entry=entry, ran=entry in ran, **of) for entry, of in kept.items())
        with open_to_read(workspace) as board, contextlib.closing(sqlite3.connect(":memory:")) as copy:
            before = change.before(board)
            board.backup(copy)
            rows.rescore(copy, Rescored(format=FORMAT, number=1, previous="", entries=rescorings, **facts))
            after = change.after(copy)
    else:
        if carried:
            change_rules(workspace, frozen, carried, why)
        before, after, number = _record(workspace, frozen, change, states, found, ran, now, facts)
    return Rescore(
        contest=frozen.contest.name,
        before=old.lock_hash,
        lock=frozen.lock_hash,
        why=why,
        receipt=number,
        differences=tuple(differences(old, ruled, moved, concerned)),
        rules=carried,
        by=change.visible_now.by,
        metrics=(change.metric_before, change.metric),
        changed=listed(states, found, ran, before, after),
    )


def _record(
    workspace: Workspace,
    frozen: Frozen,
    change: Change,
    states: Mapping[int, Scored],
    found: Mapping[int, Evaluation | str],
    ran: Container[int],
    now: datetime,
    facts: Mapping[str, Any],
) -> tuple[Standings, Standings, int]:
    """Write the files, then the receipt, then the board; return who stood where, who stands where, and its number."""
    kept: dict[int, dict[str, Any]] = {}
    with open_recorder(workspace) as recorder:
        today = _states(workspace, frozen)
        if any(today[entry].card != states[entry].card for entry in found):
            raise BoardError("Others have rescored meanwhile: nothing was written.", "Type it again.")
        before, newest = change.before(recorder.board), next(newest_lines(workspace.ledger)).receipt.number
        try:
            for entry, one in found.items():
                if isinstance(one, Evaluation):
                    kept[entry] = keep(workspace, one, now)
            rescorings = tuple(Rescoring(entry=entry, ran=entry in ran, **of) for entry, of in kept.items())
            number = recorder.record_event(Rescored, entries=rescorings, **facts).receipt.number
        except BaseException:
            last = next(newest_lines(workspace.ledger), None)
            if last and last.receipt.number == newest:  # no receipt needs them
                for of in kept.values():
                    forget(workspace, of)
            raise
        return before, change.after(recorder.board), number


def _states(workspace: Workspace, frozen: Frozen) -> dict[int, Scored]:
    """Return what is on record of every entry of a contest, under any lock, by id."""
    known = [one for one in scores_newest_first(workspace.ledger) if one.contest == frozen.contest.name]
    return {one.entry: one for one in reversed(known)}


def _source(workspace: Workspace, frozen: Frozen, states: Mapping[int, Scored], wanted: str | None) -> Frozen:
    """Return the freeze under which the entries to be rescored stand: another one where there is one, else this."""
    name = frozen.contest.name
    locks = Counter(one.lock for one in states.values() if one.lock != frozen.lock_hash)
    if wanted is not None:
        chosen = [lock for lock in (*locks, frozen.lock_hash) if lock.startswith(wanted.lower())]
    else:
        chosen = list(locks) or [frozen.lock_hash]
    if len(chosen) != 1:
        told = ", ".join(f"{lock[:12]} ({counted(n, 'entry')})" for lock, n in locks.items())
        raise UsageError(
            f"{name} has entries under {'no' if not chosen else 'several'} such locks: {told or 'none'}.",
            f"Name one: --from LOCK; {frozen.lock_hash[:12]} is in force.",
        )
    found = find_freeze(workspace, name, chosen[0])
    if found is None:
        raise BoardError(
            f"The freeze {chosen[0][:12]} of {name} is not here, under which the entries were scored.",
            f"Put it back from a copy of the workspace, or freeze it again: hemobench freeze --contest {name}",
        )
    return found


def _carried_rules(workspace: Workspace, old: Frozen, frozen: Frozen) -> dict[str, Any]:
    """Return the rules that were changed by command under `old`, and that the contest file states as it did then."""
    if old.lock_hash == frozen.lock_hash or read_closing(workspace, frozen.contest.name, frozen.lock_hash):
        return {}  # a closed contest keeps its rules
    stated, today = stated_rules(workspace, old), rules_of(frozen.contest)
    return {
        rule: value
        for rule, value in rules_of(old.contest).items()
        if value != stated.get(rule) and today.get(rule) == stated.get(rule)
    }


def _is_stale(state: Scored, frozen: Frozen) -> bool:
    """Say whether an entry was scored by another scorer, or by other metrics, than it would be today."""
    metrics = {spec.name for spec in frozen.contest.metrics}
    measured = {metric for of in state.scores.values() for metric in of}
    return state.outcome == "scored" and (state.scorer != scorer_version() or measured != metrics)


def _scores(evaluation: Evaluation) -> dict[str, dict[str, Estimate]]:
    return {split: score.metrics for split, score in evaluation.card.scores.items()}


def _facts_of(evaluation: Evaluation) -> dict[str, Any]:
    """Return what a receipt would say of an evaluation whose files are not written."""
    card = evaluation.card
    facts: dict[str, Any] = dict.fromkeys(("card", "card_sha256", "labels", "labels_sha256"), "")
    facts |= {"outcome": card.outcome, "scorer": card.scorer, "order": card.order, "scores": _scores(evaluation)}
    return facts | {"predictions": card.predictions, "n_changed": card.repeat.n_changed if card.repeat else None}


def _run(
    workspace: Workspace,
    frozen: Frozen,
    states: Sequence[Scored],
    dry_run: bool,
    n_workers: int | None,
    cluster: str | None,
    **terms: Any,
) -> Iterator[tuple[int, Evaluation | str]]:
    """Yield what the zips of entries are worth when they are run today, by id, or why they were not run."""
    paths = {state.entry: workspace.zips() / f"{state.zip_sha256}.zip" for state in states}
    there = []
    for state in states:
        if state.trained_from == state.zip_sha256:
            yield state.entry, "no model came of its training"
        elif not (path := paths[state.entry]).is_file() or hash_file(path) != state.zip_sha256:
            yield state.entry, "it needs a new run, and its zip is gone"
        elif dry_run:
            yield state.entry, "it needs a new run, which a dry run leaves out"
        else:
            there.append(state)
    if not there:
        return
    places = {"scratch": workspace.scratch, "runtimes": workspace.runtimes, "kept": workspace.kept_runs}
    n, device = len(there), terms.get("device", "auto")
    with writing_to(workspace.scratch), workers(frozen.contest.limits, n, device, n_workers, cluster) as (begin, ahead):
        own = [f"{one.runtime}@{one.runtime_lock}" if one.runtime else None for one in there]
        at_work = [
            partial(begin, frozen, paths[state.entry], runtime=runtime, **places, **terms)
            for state, runtime in zip(there, own, strict=True)
        ]
        for state, done in zip(there, in_turn(at_work, ahead), strict=True):
            yield state.entry, done.message if isinstance(done, HarnessError) else done
