"""Images that all good entries miss: often their label is wrong, and a relabelling changes every score."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness import spreadsheet
from harness.analysis.ranks import ranks_of
from harness.board.artifacts import read_artifacts
from harness.board.ranking import read_leaderboard
from harness.board.recorder import open_to_read
from harness.board.rows import Entry
from harness.board.visibility import Role, Visibility, visible_to
from harness.errors import UsageError, did_you_mean
from harness.freeze import sheet
from harness.freeze.frozen import Frozen, read_arrays
from harness.score.evaluate import labels_of
from harness.score.metrics import METRICS, confusion_matrix
from harness.words import counted
from harness.workspace import Workspace, make_folder

GOOD = 5  # entries, the best, all of which must miss an image
SHOWN = 96  # images on the sheet
FIELDS = ("split", "row", "id", "class", "said", "entries", "relabel")


class HardImage(msgspec.Struct, frozen=True):
    """An image that the best `entries` all miss, `agree` of which say `said` instead of `label`; both are classes."""

    split: str
    row: int
    id: str
    label: str
    said: str
    agree: int
    entries: int


class Relabelled(msgspec.Struct, frozen=True):
    """What a relabelling does to an entry: its score by split and its rank, before and after."""

    id: int
    name: str
    before: dict[str, float]
    after: dict[str, float]
    ranks: tuple[int, int]


class _Kept(msgspec.Struct, frozen=True):
    """Entries, best first, whose labels are kept for all `splits`, whose single images may be seen."""

    splits: tuple[str, ...]
    entries: list[Entry]
    labels: dict[str, NDArray[np.int64]]  # of shape (entries, n)
    truth: dict[str, NDArray[np.int64]]
    ids: dict[str, list[str]]


def hard_images(workspace: Workspace, frozen: Frozen, role: Role, *, good: int = GOOD) -> list[HardImage]:
    """Return the images that the best `good` entries all miss, those first of which most say the same instead.

    Parameters
    ----------
    workspace, frozen
    role : Role
        Who looks; hidden images are for the owner.
    good : int
        Entries, two or more.

    Raises
    ------
    UsageError
        The board holds fewer than two entries whose labels are kept.
    """
    kept = _kept(workspace, frozen, visible_to(role, workspace, frozen), good)
    if len(kept.entries) < 2:
        ranked = counted(len(kept.entries), "ranked entry with kept labels", "ranked entries with kept labels")
        raise UsageError(
            f"{frozen.contest.name} has {ranked}, expected two or more.",
            "An image that one entry misses says little of its label: hemobench submit",
        )
    names, found = frozen.contest.class_names, []
    for split in kept.splits:
        labels, y_true = kept.labels[split], kept.truth[split]
        for row in np.flatnonzero((labels != y_true).all(axis=0)).tolist():
            counts = np.bincount(labels[:, row], minlength=len(names))
            said = int(counts.argmax())
            one = (kept.ids[split][row], names[y_true[row]], names[said], int(counts[said]), len(labels))
            found.append(HardImage(split, row, *one))
    return sorted(found, key=lambda one: -one.agree)


def write_hard(frozen: Frozen, found: Sequence[HardImage], folder: Path) -> tuple[Path, Path]:
    """Write a contact sheet and a table with an empty column for better classes; the folder is its owner's alone.

    Returns
    -------
    tuple of Path
        ``hard.png`` and ``hard.csv``.
    """
    make_folder(folder, private=True)
    paths = folder / "hard.png", folder / "hard.csv"
    images = {"val": frozen.load("val").images} if any(one.split == "val" for one in found) else {}
    if any(one.split in ("public", "private") for one in found):
        hidden, (_, public) = frozen.hidden_images(), frozen.hidden_labels()
        images |= {"public": hidden[public], "private": hidden[~public]}
    shown = found[:SHOWN]
    sheet.contact_sheet(
        paths[0],
        f"{frozen.contest.name}: {counted(len(found), 'image')} missed by all good entries",
        [images[one.split][one.row] for one in shown],
        [[one.id, one.label, f"{one.agree} of {one.entries}: {one.said}", one.split] for one in shown],
        note=f"{len(shown)} shown, with the label, and what most say instead; hidden images as entries see them.",
    )
    rows = [(one.split, one.row, one.id, one.label, one.said, one.agree, "") for one in found]
    paths[1].write_text(spreadsheet.as_csv(FIELDS, rows), encoding="utf-8")
    for path in paths:
        path.chmod(0o600)
    return paths


def read_relabelling(path: Path, frozen: Frozen) -> dict[str, str]:
    """Return the class of each image for which the column ``relabel`` of a table names one, by id.

    Raises
    ------
    UsageError
        It is no such table, or names a class that the contest has not.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read as a CSV: {error}.", "Write one: hemobench contest hard") from error
    if rows and not {"id", "relabel"} <= rows[0].keys():
        raise UsageError(f"{path} has no columns id and relabel.", "Write one: hemobench contest hard")
    found = {row["id"].removeprefix("'"): (row["relabel"] or "").strip() for row in rows if row["id"]}
    wanted = {name: label for name, label in found.items() if label}
    for name, label in wanted.items():
        if label not in frozen.contest.class_names:
            raise UsageError(
                f"{path.name} relabels {name!r} as {label!r}, which is no class of {frozen.contest.name}.",
                did_you_mean(label, frozen.contest.class_names),
            )
    return wanted


def relabel(
    workspace: Workspace, frozen: Frozen, role: Role, classes: Mapping[str, str]
) -> tuple[list[Relabelled], list[str]]:
    """Return what other labels do to every ranked entry, from its kept labels, and the ids that no split here holds.

    The metric is the one that ranks, and ranks are by the last split of which single images may be seen.

    Parameters
    ----------
    classes : mapping of str to str
        The new class of each image, by id.
    """
    kept = _kept(workspace, frozen, visible_to(role, workspace, frozen), None)
    number = {name: label for label, name in enumerate(frozen.contest.class_names)}
    known = {name for ids in kept.ids.values() for name in ids}
    truth = {
        split: np.array(
            [number[classes[name]] if name in classes else label for name, label in zip(ids, old, strict=True)],
            np.int64,
        )
        for split, ids in kept.ids.items()
        for old in [kept.truth[split].tolist()]
    }
    metric = METRICS[frozen.contest.metrics[0].name]

    def scores(of: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.float64]]:
        size = frozen.contest.n_classes
        return {
            split: np.array([float(metric(confusion_matrix(of[split], said, size))) for said in kept.labels[split]])
            for split in kept.splits
        }

    before, after = scores(kept.truth), scores(truth)
    came = np.argsort([entry.id for entry in kept.entries])
    ranks = np.empty((2, len(came)), np.int64)
    for which, of in enumerate((before, after)):
        ranks[which, came] = ranks_of(of[kept.splits[-1]][came])
    found = [
        Relabelled(
            entry.id,
            entry.name,
            {split: float(values[row]) for split, values in before.items()},
            {split: float(values[row]) for split, values in after.items()},
            (int(ranks[0, row]), int(ranks[1, row])),
        )
        for row, entry in enumerate(kept.entries)
    ]
    return sorted(found, key=lambda one: one.ranks[1]), sorted(classes.keys() - known)


def _kept(workspace: Workspace, frozen: Frozen, visible: Visibility, top: int | None) -> _Kept:
    splits = tuple(split for split in visible.splits if split in visible.predictions and split != "val_shifted")
    visible.check_predictions(frozen.contest.name, splits)
    with open_to_read(workspace) as board:
        metric = frozen.contest.metrics[0].name
        ranked = read_leaderboard(board, frozen.contest.name, frozen.lock_hash, metric, visible, top=top, others=False)
    entries = [standing.entry for standing in ranked.ranked]
    artifacts = read_artifacts(workspace, entries)
    truth = {split: labels for split, (_, labels) in labels_of(frozen).items() if split in splits}
    whole = [
        entry
        for entry in entries
        if all(artifacts[entry.id].labels.get(split, np.empty(0)).shape == truth[split].shape for split in splits)
    ]
    labels = {
        split: np.array([artifacts[entry.id].labels[split] for entry in whole], np.int64).reshape(len(whole), -1)
        for split in splits
    }
    ids = {"val": read_arrays(frozen.folder / "public" / "val.npz")["ids"].tolist()}
    if set(splits) & {"public", "private"}:
        arrays = read_arrays(frozen.folder / "private" / "labels.npz", public=("bool", 1))
        ids |= {
            "public": arrays["ids"][arrays["public"]].tolist(),
            "private": arrays["ids"][~arrays["public"]].tolist(),
        }
    return _Kept(splits, whole, labels, truth, {split: ids[split] for split in splits})
