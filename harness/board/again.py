"""What an entry has answered, as the answers to another freeze of its contest: the images found again, by their bytes.

Nothing runs here.  Labels, the halves of the hidden test and the numbers of the classes may be others; images may be
fewer and stand in another order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.board.artifacts import Artifacts
from harness.freeze.frozen import Frozen, read_arrays
from harness.freeze.hashing import hash_array
from harness.score.card import score_split, scorer_version
from harness.score.evaluate import HALVES, SPLITS, Evaluation, hash_labels, labels_of
from harness.score.metrics import DECIMALS, METRICS, confusion_matrix

FILES = {"val": "public/val.npz", "val_shifted": "public/val_shifted.npz", "hidden": "private/hidden.npz"}
HIDDEN = ("private/labels.npz",)
TAUGHT = ("public/train.npz", "public/val.npz")  # from which an entry may have learnt what a class is called


@dataclass(frozen=True)
class Match:
    """The images of the freeze `after`, under the rules in force, found again in the freeze `before`.

    Attributes
    ----------
    before, after : Frozen
    rows : dict of str to ndarray of shape (n,), intp
        Where those of ``val``, ``val_shifted`` and ``hidden`` stood.
    renumbered : tuple of int
        The new number of each class, where classes were renumbered; else empty.
    """

    before: Frozen
    after: Frozen
    rows: dict[str, NDArray[np.intp]]
    renumbered: tuple[int, ...] = ()

    @cached_property
    def truth(self) -> dict[str, tuple[NDArray[np.bool_] | slice, NDArray[np.int64]]]:
        return labels_of(self.after)

    @cached_property
    def groups(self) -> dict[str, NDArray[np.intp]]:
        return self.after.groups()

    @cached_property
    def public_before(self) -> NDArray[np.bool_]:
        return self.before.hidden_labels()[1]

    def scored(self, kept: Artifacts, why: str = "") -> Evaluation | None:
        """Return what an entry is worth by the answers that are kept of it; None where they are not kept.

        Parameters
        ----------
        kept : Artifacts
            Of an entry that was scored under `before`, or that ended without a score.
        why : str
            A note for the card.
        """
        card, contest = kept.card, self.after.contest
        if card is None or (found := self.answers(kept)) is None:
            return None
        predictions, likely = found
        scores = {
            split: score_split(contest, self.truth[split][1], said, self.groups.get(split))
            for split, said in predictions.items()
        }
        card = msgspec.structs.replace(
            card,
            lock=self.after.lock_hash,
            contest_version=contest.version,
            scorer=scorer_version(),
            scores=scores,
            predictions={split: hash_labels(said) for split, said in predictions.items()},
            notes=(*card.notes, why) if why else card.notes,
        )
        return Evaluation(card, predictions, likely)

    def answers(self, kept: Artifacts) -> tuple[dict[str, NDArray[np.int64]], dict[str, NDArray[np.float32]]] | None:
        """Return the labels and probabilities that are kept of an entry, of the images of today by split.

        None where they are not kept; none in them of an entry that ended without a score.
        """
        if kept.card is None or (kept.card.outcome == "scored" and not set(SPLITS) <= kept.labels.keys()):
            return None
        if kept.card.outcome != "scored":
            return {}, {}
        labels, tables = self._reordered(kept.labels), self._reordered(kept.probabilities)
        if self.renumbered:
            numbers = np.array(self.renumbered, np.int64)
            labels = {name: numbers[said] for name, said in labels.items()}
            tables = {name: of[:, np.argsort(numbers)] for name, of in tables.items()}
        source = {split: "hidden" if split in HALVES else split for split in SPLITS}
        return (
            {split: labels[of][self.truth[split][0]] for split, of in source.items()},
            {split: tables[of][self.truth[split][0]] for split, of in source.items() if of in tables},
        )

    def worth(self, split: str, said: NDArray[np.int64]) -> dict[str, float]:
        """Return the values of the metrics, without their intervals, which take longer."""
        confusion = confusion_matrix(self.truth[split][1], said, self.after.contest.n_classes)
        return {spec.name: round(float(METRICS[spec.name](confusion)), DECIMALS) for spec in self.after.contest.metrics}

    def _reordered(self, arrays: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Return arrays by split as arrays of ``val``, ``val_shifted`` and ``hidden``, in the order of today's."""
        found = {split: arrays[split] for split in ("val", "val_shifted") if split in arrays}
        if set(HALVES) <= arrays.keys():
            public = self.public_before
            hidden = np.empty((len(public), *arrays["public"].shape[1:]), arrays["public"].dtype)
            hidden[public], hidden[~public] = arrays["public"], arrays["private"]
            found["hidden"] = hidden
        return {split: array[self.rows[split]] for split, array in found.items()}


def match(before: Frozen, after: Frozen) -> Match | None:
    """Return where the images stood before; None where one is new, or classes were added or removed."""
    if before.contest.n_classes != after.contest.n_classes:
        return None
    rows = {}
    for split, file in FILES.items():
        n = after.lock.arrays[file]["images"].shape[0]
        same = before.lock.arrays[file]["images"] == after.lock.arrays[file]["images"]
        found = np.arange(n, dtype=np.intp) if same else _found_again(before, after, file)
        if found is None:
            return None
        rows[split] = found
    return Match(before, after, rows, () if before.lock_hash == after.lock_hash else _renumbering(before, after))


def _found_again(before: Frozen, after: Frozen, file: str) -> NDArray[np.intp] | None:
    old, new = ([hash_array(one).sha256 for one in _images(frozen, file)] for frozen in (before, after))
    place = {digest: row for row, digest in enumerate(old)}
    return np.array([place[digest] for digest in new], np.intp) if place.keys() >= set(new) else None


def _images(frozen: Frozen, file: str) -> NDArray[np.uint8]:
    return read_arrays(frozen.folder / file, images=("uint8", 4))["images"]


def _renumbering(before: Frozen, after: Frozen) -> tuple[int, ...]:
    """Return the new number of each class where all public images of a class have the same other one; else nothing.

    Entries learnt numbers from the public images: what they say is then translated.
    """
    old, new = labels_by_id(before, TAUGHT), labels_by_id(after, TAUGHT)
    pairs = {(old[name], new[name]) for name in old.keys() & new.keys()}
    numbers = dict(pairs)
    if len(pairs) != len(numbers) or sorted(numbers) != sorted(numbers.values()):
        return ()  # not each class to one of its own: some images were relabelled
    found = tuple(numbers.get(label, label) for label in range(before.contest.n_classes))
    return found if found != tuple(range(len(found))) else ()


def labels_by_id(frozen: Frozen, files: tuple[str, ...]) -> dict[str, int]:
    """Return the label of each image in some files of a freeze, by its id."""
    found: dict[str, int] = {}
    for file in files:
        with np.load(frozen.folder / file, allow_pickle=False) as arrays:  # the images, which are large, stay unread
            found |= zip(arrays["ids"].tolist(), arrays["labels"].tolist(), strict=True)
    return found
