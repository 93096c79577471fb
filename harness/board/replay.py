"""Run a kept zip again as it was run, and say whether it gives the same."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.board import chain
from harness.board.closing import read_closing, told_splits
from harness.errors import ReplayError, WorkspaceError
from harness.freeze.frozen import Frozen, find_freeze, read_arrays
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
    receipt: int | None
    equal: bool
    results: tuple[Change, ...]
    circumstances: tuple[Change, ...]


def replay(workspace: Workspace, entry: int, *, isolation: Isolation = "auto", device: Device = "auto") -> Replay:
    """Run the zip of an entry of the board through the sandbox again, its pictures in the same order.

    Raises
    ------
    ReplayError
        There is no such entry; its zip, its card or its contest are gone or are not what they were.
    """
    row, recorded = _recorded(workspace, entry)
    zip_path = _kept_zip(workspace, entry, recorded.zip_sha256)
    frozen = _kept_contest(workspace, entry, recorded)
    with scratch_of(workspace) as scratch:
        evaluation = evaluate(
            frozen,
            zip_path,
            scratch=scratch,
            probabilities=False,
            isolation=isolation,
            device=device,
            order=recorded.order,
        )
    kept = workspace.path / row.labels if row.labels else None
    told = told_splits(row.held, read_closing(workspace, recorded.contest, recorded.lock))
    results = (
        *_outcomes(evaluation.card, recorded),
        *_predictions(evaluation.predictions, recorded, kept),
        *_scores(evaluation.card, recorded, told),
    )
    return Replay(entry, row.name, row.receipt, not results, results, tuple(_circumstances(evaluation.card, recorded)))


class _Row(msgspec.Struct, frozen=True):
    """Which row is run again; `labels` is the file of its predictions inside the workspace, where that is known."""

    name: str
    receipt: int | None
    labels: str
    held: bool


def _recorded(workspace: Workspace, number: int) -> tuple[_Row, ScoreCard]:
    """Return what was recorded of an entry, as its receipt proves it; of a row older than the ledger, as it stands."""
    books = chain.read_books(workspace)
    receipts = (receipt for _, receipt in chain.true_chain(workspace, books).scores.values())
    receipt = next((receipt for receipt in receipts if receipt.entry == number), None)
    if receipt is not None:
        card = chain.find_card(workspace, receipt, books)
        if card is None:
            raise ReplayError(
                f"The card of entry {number}, {receipt.card}, is missing or was changed.", "See: hemobench audit"
            )
        return _Row(receipt.name, receipt.number, receipt.labels, receipt.held), msgspec.json.decode(
            card, type=ScoreCard
        )
    row = next((row for row in books.rows if row.entry.id == number), None)
    if row is None:
        ids = [row.entry.id for row in books.rows]
        raise ReplayError(
            f"There is no entry {number} on the board, it has "
            + (f"{len(ids)}, from {min(ids)} to {max(ids)}." if ids else "none yet."),
            "The ids stand in: hemobench leaderboard --csv",
        )
    try:
        return _Row(row.entry.name, None, "", False), msgspec.json.decode(row.card, type=ScoreCard)
    except msgspec.MsgspecError as error:
        raise ReplayError(f"The card of entry {number} cannot be read: {error}.", "See: hemobench audit") from error


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


def _predictions(now: dict[str, NDArray[np.int64]], then: ScoreCard, kept: Path | None) -> list[Change]:
    """Name the splits whose labels differ, and how many of them, where the kept labels are what they were."""
    changes = []
    before: dict[str, NDArray[np.int64]] = {}
    if kept is not None:
        try:
            before = read_arrays(kept)
        except WorkspaceError:
            before = {}  # the hashes still tell that something differs
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
        ("isolation", now.isolation or "none needed", then.isolation or "none needed"),
        ("missing restrictions", *(", ".join(run.missing_restrictions) or "none" for run in (now, then))),
    ]
    names = sorted(now.environment.keys() | then.environment.keys())
    told += [(name, now.environment.get(name, "absent"), then.environment.get(name, "absent")) for name in names]
    return [Change(what, got, expected) for what, got, expected in told if got != expected]
