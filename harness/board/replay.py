"""Run a kept zip again as it was run, and say whether it gives the same."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.board.artifacts import Artifacts, artifacts_of
from harness.board.ledger import disqualified, states_newest_first
from harness.board.receipts import Scored
from harness.board.rows import entry_of
from harness.board.visibility import Role, visible_to
from harness.errors import ReplayError
from harness.freeze.frozen import Frozen, find_freeze
from harness.freeze.hashing import hash_file
from harness.sandbox.backends import Choice as Isolation
from harness.sandbox.sandbox_command import Device
from harness.score.card import ScoreCard
from harness.score.evaluate import evaluate, hash_labels
from harness.workspace import Workspace, scratch_of


class Change(msgspec.Struct, frozen=True):
    """One thing that is not as it was."""

    what: str
    now: str
    then: str


class Replay(msgspec.Struct, frozen=True):
    """What a run of today gave, beside what was recorded.

    `results` are differences in what the entry answered and scored: with any of them the replay is not equal.
    `circumstances` are differences in what surrounded it, which may explain them and do no harm where there are none.
    """

    entry: int
    name: str
    receipt: int
    equal: bool
    results: tuple[Change, ...]
    circumstances: tuple[Change, ...]


def replay(workspace: Workspace, entry: int, *, isolation: Isolation = "auto", device: Device = "auto") -> Replay:
    """Run the zip of an entry of the board through the sandbox again, its images in the same order.

    Raises
    ------
    ReplayError
        There is no such entry; its zip, its card or its contest are gone or are not what they were.
    """
    receipt, recorded, kept = _recorded(workspace, entry)
    if receipt.trained_from == receipt.zip_sha256:
        raise ReplayError(
            f"Nothing came of the training of entry {entry}: there is no model to be run again.",
            f"To train it again: hemobench submit zips/{receipt.zip_sha256}.zip --closed",
        )
    zip_path = _kept_zip(workspace, entry, recorded.zip_sha256)
    frozen = _kept_contest(workspace, entry, recorded)
    with scratch_of(workspace) as scratch:
        evaluation = evaluate(
            frozen,
            zip_path,
            scratch=scratch,
            runtimes=workspace.runtimes,
            runtime=f"{recorded.runtime}@{recorded.runtime_lock}" if recorded.runtime else None,
            probabilities=False,
            isolation=isolation,
            device=device,
            order=recorded.order,
        )
    row = entry_of(receipt, entry in disqualified(workspace.ledger))
    told = visible_to(Role.EVERYBODY, workspace, frozen).scores(row)
    results = (
        *_outcomes(evaluation.card, recorded),
        *_predictions(evaluation.predictions, recorded, kept.labels),
        *_scores(evaluation.card, recorded, told),
    )
    changed = tuple(_circumstances(evaluation.card, recorded))
    return Replay(entry, receipt.name, receipt.number, not results, results, changed)


def _recorded(workspace: Workspace, number: int) -> tuple[Scored, ScoreCard, Artifacts]:
    """Return what was recorded of an entry: its receipt, its card as the receipt proves it, and its files."""
    # As it was run last: a rescoring of what it had answered tells nothing of a run.
    known = states_newest_first(workspace.ledger)
    receipts = [next(state.scored for state in states if state.ran) for states in known]
    receipt = next((receipt for receipt in receipts if receipt.entry == number), None)
    if receipt is None:
        raise ReplayError(
            f"There is no entry {number} on the board, it has "
            + (f"{len(receipts)}, from {receipts[-1].entry} to {receipts[0].entry}." if receipts else "none yet."),
            "The ids stand in: hemobench leaderboard --format csv",
        )
    kept = artifacts_of(workspace, receipt)
    if kept.card is None:
        raise ReplayError(
            f"The card of entry {number}, {receipt.card}, is missing or was changed.", "See: hemobench ledger audit"
        )
    return receipt, kept.card, kept


def _kept_zip(workspace: Workspace, entry: int, digest: str) -> Path:
    path = workspace.zips() / f"{digest}.zip"
    if not path.is_file():
        raise ReplayError(
            f"The zip of entry {entry}, zips/{path.name}, is gone.", "Put it back from a copy of the workspace."
        )
    if (got := hash_file(path)) != digest:
        raise ReplayError(
            f"zips/{path.name} is not what entry {entry} was: its SHA-256 is {got[:12]}… now.",
            "Put it back from a copy of the workspace.",
        )
    return path


def _kept_contest(workspace: Workspace, entry: int, recorded: ScoreCard) -> Frozen:
    """Return the freeze that an entry was scored on, under the rules of then."""
    frozen = find_freeze(workspace, recorded.contest, recorded.lock)
    if frozen is not None:
        return Frozen(frozen.folder, recorded.rules)
    raise ReplayError(
        f"Entry {entry} was scored on {recorded.contest} with lock {recorded.lock[:12]}: that freeze is not here.",
        f"Freeze that contest again from the same source: hemobench freeze --contest {recorded.contest}",
    )


def _outcomes(now: ScoreCard, then: ScoreCard) -> list[Change]:
    return [] if now.outcome == then.outcome else [Change("outcome", now.outcome, then.outcome)]


def _predictions(
    now: dict[str, NDArray[np.int64]], then: ScoreCard, before: Mapping[str, NDArray[np.int64]]
) -> list[Change]:
    """Name the splits whose labels differ, and how many of them, where the kept labels are what they were."""
    changes = []
    for split, digest in then.predictions.items():
        labels = now.get(split)
        if labels is None or hash_labels(labels) == digest:
            continue  # an entry without labels has another outcome, which is told
        what, old = f"{split}: labels", before.get(split)
        if old is not None and hash_labels(old) == digest and old.shape == labels.shape:
            changes.append(Change(what, f"{int((old != labels).sum())} of {len(old)} differ", "0 differ"))
        else:
            changes.append(Change(what, f"SHA-256 {hash_labels(labels)[:12]}…", f"{digest[:12]}…"))
    return changes


def _scores(now: ScoreCard, then: ScoreCard, told: Container[str]) -> list[Change]:
    """Name the scores that differ; of splits that are not `told` only that they do."""
    changes = []
    for split, score in then.scores.items():
        if split not in now.scores:
            continue
        for metric, old in score.metrics.items():
            new = now.scores[split].metrics.get(metric)
            if new is None:
                changes.append(Change(f"{split}: {metric}", "not measured", "measured"))
            elif new != old and split not in told:
                changes.append(Change(f"{split}: {metric}", "another value", "the value on record, not told yet"))
            elif new != old:
                # The values are compared unrounded, with their intervals; equal values differ in those.
                both = [f"{one.value:.6f} ({one.low:.6f}–{one.high:.6f}), n = {one.n}" for one in (new, old)]
                changes.append(Change(f"{split}: {metric}", *both))
    return changes


def _circumstances(now: ScoreCard, then: ScoreCard) -> list[Change]:
    told = [
        ("scorer", now.scorer, then.scorer),
        ("packages of the runtime", now.runtime_lock[:12] or "none", then.runtime_lock[:12] or "none"),
        ("isolation", now.isolation or "none needed", then.isolation or "none needed"),
        ("missing restrictions", *(", ".join(run.missing_restrictions) or "none" for run in (now, then))),
    ]
    names = sorted(now.environment.keys() | then.environment.keys())
    told += [(name, now.environment.get(name, "absent"), then.environment.get(name, "absent")) for name in names]
    return [Change(what, got, expected) for what, got, expected in told if got != expected]
