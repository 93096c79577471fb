"""The files behind a row of the board: its card and its labels, found through the ledger, checked, and read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.board import ledger
from harness.board.rows import Entry
from harness.errors import BoardError, WorkspaceError
from harness.freeze.frozen import read_arrays
from harness.freeze.hashing import hash_file
from harness.score.card import ScoreCard
from harness.workspace import Workspace

PROBABILITIES = "_probabilities"  # follows the split in the name of an array
SLACK = 1e-3  # by which a row of them may miss 1


@dataclass(frozen=True)
class Kept:
    """What is left of one entry beside its row.

    Attributes
    ----------
    card : ScoreCard or None
    labels : dict of str to ndarray of shape (n,), int64
        Predicted labels by split; empty where none are left, or where they are not those that were scored.
    probabilities : dict of str to ndarray of shape (n, classes), float32
        The same pictures' probabilities, rows sum to 1; a split whose are missing or unfit is left out.
    """

    card: ScoreCard | None
    labels: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    probabilities: dict[str, NDArray[np.float32]] = field(default_factory=dict)


def find_kept(workspace: Workspace, contest: str, entries: Sequence[Entry]) -> dict[int, Kept]:
    """Return what is kept of each entry, by its id.

    The ledger names the files of an entry.  Rows from before there was a ledger have theirs found by zip and time.
    """
    files = _from_ledger(workspace, {entry.id for entry in entries})
    older = [entry for entry in entries if entry.id not in files]
    if older:
        files |= _by_name(workspace.cards(contest), older)
    return {entry.id: _read(files[entry.id]) if entry.id in files else Kept(None) for entry in entries}


@dataclass(frozen=True)
class _Files:
    """Where card and labels lie, and the SHA-256 of the labels' file; "" where no receipt states it."""

    card: Path
    labels: Path
    labels_sha256: str = ""


def _from_ledger(workspace: Workspace, wanted: set[int]) -> dict[int, _Files]:
    found: dict[int, _Files] = {}
    try:
        for receipt in ledger.scores_newest_first(workspace.ledger):
            if receipt.entry in wanted:
                labels = workspace.path / (receipt.labels or "none")
                found[receipt.entry] = _Files(workspace.path / receipt.card, labels, receipt.labels_sha256)
            if len(found) == len(wanted):
                break
    except BoardError:  # a damaged line: what lies before it is for `hemobench audit` to say
        pass
    return found


def _by_name(folder: Path, entries: Sequence[Entry]) -> dict[int, _Files]:
    """Find files called ``20260504T120000.000000Z-<12 digits of the zip>`` whose second is that of the row."""
    stems: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(folder.glob("*.json")):
        time, _, digest = path.stem.partition("Z-")
        stems.setdefault((digest[:12], time[:15]), []).append(path)
    found = {}
    for entry in entries:
        second = entry.created_at[:19].replace("-", "").replace(":", "")
        paths = stems.get((entry.zip_sha256[:12], second), [])
        if len(paths) == 1:  # two of one second could be either's
            found[entry.id] = _Files(paths[0], paths[0].with_suffix(".npz"))
    return found


def _read(files: _Files) -> Kept:
    try:
        card = msgspec.json.decode(files.card.read_bytes(), type=ScoreCard)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Kept(None)
    try:
        if files.labels_sha256 and hash_file(files.labels) != files.labels_sha256:
            return Kept(card)
        return Kept(card, *_apart(read_arrays(files.labels), card))
    except (OSError, WorkspaceError):
        return Kept(card)


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
    """Say whether an array is what `shape`, pictures and classes, asks for."""
    if found.shape != shape or found.dtype != np.float32:
        return False
    if not (np.isfinite(found).all() and (found >= 0).all()):
        return False
    return bool((np.abs(found.sum(axis=1, dtype=np.float64) - 1) <= SLACK).all())
