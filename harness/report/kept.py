"""The files behind a row of the board: its card and its labels, found through the ledger, checked, and read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Kept:
    """What is left of one entry beside its row.

    Attributes
    ----------
    card : ScoreCard or None
    labels : dict of str to ndarray of shape (n,), int64
        Predicted labels by split; empty where none are left, or where they are not those that were scored.
    """

    card: ScoreCard | None
    labels: dict[str, NDArray[np.int64]]


def find_kept(workspace: Workspace, contest: str, entries: Sequence[Entry]) -> dict[int, Kept]:
    """Return what is kept of each entry, by its id.

    The ledger names the files of an entry.  Rows from before there was a ledger have theirs found by zip and time.
    """
    files = _from_ledger(workspace, {entry.id for entry in entries})
    older = [entry for entry in entries if entry.id not in files]
    if older:
        files |= _by_name(workspace.cards(contest), older)
    return {entry.id: _read(files[entry.id]) if entry.id in files else Kept(None, {}) for entry in entries}


@dataclass(frozen=True)
class _Files:
    """Where card and labels lie, and the SHA-256 of the labels' file; "" where no receipt states it."""

    card: Path
    labels: Path
    labels_sha256: str = ""


def _from_ledger(workspace: Workspace, wanted: set[int]) -> dict[int, _Files]:
    found: dict[int, _Files] = {}
    try:
        for line in ledger.newest_lines(workspace.ledger):
            receipt = line.receipt
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
        return Kept(None, {})
    try:
        if files.labels_sha256 and hash_file(files.labels) != files.labels_sha256:
            return Kept(card, {})
        return Kept(card, read_arrays(files.labels))
    except (OSError, WorkspaceError):
        return Kept(card, {})
