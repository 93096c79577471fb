"""The files behind a row of the board, its card, labels and probabilities: found by its receipt, checked, and read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.board import ledger
from harness.board.receipts import Scored
from harness.board.rows import Entry
from harness.errors import BoardError, WorkspaceError
from harness.freeze.frozen import read_arrays
from harness.freeze.hashing import hash_file
from harness.score.card import ScoreCard
from harness.score.evaluate import Evaluation
from harness.workspace import Workspace, atomic_file, free_place, write_atomic

PROBABILITIES = "_probabilities"  # follows the split in the name of an array
SLACK = 1e-3  # by which a row of them may miss 1


@dataclass(frozen=True)
class Artifacts:
    """What is left of one entry beside its row.

    Attributes
    ----------
    card : ScoreCard or None
        None where it is missing or was changed.
    labels : dict of str to ndarray of shape (n,), int64
        Predicted labels by split; empty where none are left, or where they are not those that were scored.
    probabilities : dict of str to ndarray of shape (n, classes), float32
        The same images' probabilities, rows sum to 1; a split whose are missing or unfit is left out.
    """

    card: ScoreCard | None = None
    labels: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    probabilities: dict[str, NDArray[np.float32]] = field(default_factory=dict)


def keep(workspace: Workspace, evaluation: Evaluation, now: datetime) -> dict[str, Any]:
    """Write the card of an evaluation, and before it what the entry answered; return what a receipt says of them.

    Raises
    ------
    WorkspaceError
        The disk is full, or cannot be written: nothing is left of them.
    """
    card = evaluation.card
    path = free_place(workspace.cards(card.contest), f"{now:%Y%m%dT%H%M%S.%f}Z-{card.zip_sha256[:12]}")
    labels = path.with_suffix(".npz") if evaluation.predictions else None
    try:
        if labels:
            with atomic_file(labels, private=True) as file:
                np.savez(file, allow_pickle=False, **evaluation.kept)
        write_atomic(path, card.document(), private=True)
    except BaseException:
        for one in (path, path.with_suffix(".npz")):
            one.unlink(missing_ok=True)
        raise
    return {
        "outcome": card.outcome,
        "scorer": card.scorer,
        "order": card.order,
        "scores": {split: score.metrics for split, score in card.scores.items()},
        "predictions": card.predictions,
        "card": path.relative_to(workspace.path).as_posix(),
        "card_sha256": hash_file(path),
        "labels": labels.relative_to(workspace.path).as_posix() if labels else "",
        "labels_sha256": hash_file(labels) if labels else "",
        "n_changed": card.repeat.n_changed if card.repeat else None,
    }


def forget(workspace: Workspace, facts: Mapping[str, Any]) -> None:
    """Remove the files that `keep` wrote, which no receipt names."""
    for name in ("card", "labels"):
        if facts[name]:
            (workspace.path / facts[name]).unlink(missing_ok=True)


def read_artifacts(workspace: Workspace, entries: Sequence[Entry]) -> dict[int, Artifacts]:
    """Return what is left of each entry, by its id."""
    wanted, found = {entry.id for entry in entries}, {}
    try:
        for receipt in ledger.scores_newest_first(workspace.ledger):
            if receipt.entry in wanted:
                found[receipt.entry] = artifacts_of(workspace, receipt)
            if len(found) == len(wanted):
                break
    except BoardError:  # a damaged line: what lies before it is for `hemobench ledger audit` to say
        pass
    return {number: found.get(number, Artifacts()) for number in wanted}


def artifacts_of_card(workspace: Workspace, card: Path) -> Artifacts:
    """Return what is left of the entry whose card is, or was before it was rescored, the file `card`.

    Raises
    ------
    WorkspaceError
        It is the card of no receipt.
    """
    name = Path(os.path.relpath(card, workspace.path)).as_posix()
    known = (state.scored for states in ledger.states_newest_first(workspace.ledger) for state in states)
    receipt = next((one for one in known if one.card == name), None)
    if receipt is None:
        raise WorkspaceError(f"{card} is the card of no entry in {workspace.path}.", "See: hemobench ledger audit")
    return artifacts_of(workspace, receipt)


def artifacts_of(workspace: Workspace, receipt: Scored) -> Artifacts:
    """Return what is left of the entry of a receipt."""
    try:
        content = (workspace.path / receipt.card).read_bytes()
        card = msgspec.json.decode(content, type=ScoreCard)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Artifacts()
    if hashlib.sha256(content).hexdigest() != receipt.card_sha256:
        return Artifacts()
    labels = workspace.path / receipt.labels
    try:
        if not receipt.labels or hash_file(labels) != receipt.labels_sha256:
            return Artifacts(card)
        return Artifacts(card, *_apart(read_arrays(labels), card))
    except (OSError, WorkspaceError):
        return Artifacts(card)


def _apart(
    arrays: dict[str, NDArray], card: ScoreCard
) -> tuple[dict[str, NDArray[np.int64]], dict[str, NDArray[np.float32]]]:
    """Tell labels from probabilities, and leave out probabilities that are none."""
    labels = {split: array for split, array in arrays.items() if not split.endswith(PROBABILITIES)}
    probabilities = {
        split: found
        for split, said in labels.items()
        if (found := arrays.get(split + PROBABILITIES)) is not None
        and split in card.scores
        and _are_probabilities(found, (len(said), len(card.scores[split].confusion)))
    }
    return labels, probabilities


def _are_probabilities(found: NDArray, shape: tuple[int, int]) -> bool:
    """Say whether an array is what `shape`, images and classes, asks for."""
    if found.shape != shape or found.dtype != np.float32:
        return False
    if not (np.isfinite(found).all() and (found >= 0).all()):
        return False
    return bool((np.abs(found.sum(axis=1, dtype=np.float64) - 1) <= SLACK).all())
