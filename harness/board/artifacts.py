"""The files behind a row of the board, its card, labels and probabilities: found by its receipt, checked, and read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

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
from harness.workspace import Workspace

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
    """Return what is left of the entry whose card is the file `card`.

    Raises
    ------
    WorkspaceError
        It is the card of no receipt.
    """
    name = Path(os.path.relpath(card, workspace.path)).as_posix()
    receipt = next((one for one in ledger.scores_newest_first(workspace.ledger) if one.card == name), None)
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
