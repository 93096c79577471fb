"""What may be told of, and what entries said of it: true labels by split, and kept labels that were checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.analysis.calibrate import calibrate
from harness.analysis.compare import Pairs, compare_all, compare_all_drawn, draw_scores
from harness.analysis.corruptions import Groups, group, tallies, worst_groups
from harness.analysis.diagnosis import read_chains
from harness.analysis.document import Detail, Missed, Run
from harness.analysis.ensemble import missed_alone
from harness.board.artifacts import Kept
from harness.board.rows import Entry
from harness.freeze.frozen import Frozen
from harness.score.card import Estimate, share_of
from harness.score.evaluate import labels_of
from harness.score.metrics import METRICS, confusion_matrix

TITLES = {
    "val": "validation",
    "val_shifted": "shifted validation",
    "public": "hidden, public half",
    "private": "hidden, private half",
}
SEEN_AT_HOME = ("val", "val_shifted")
HIDDEN = ("public", "private")
PEERS = 5  # the best others, all of whom must have right what an entry is said to miss alone
ALONE = 4  # pictures shown of those


@dataclass(frozen=True)
class Truth:
    """Labels of the splits that may be told of.

    `by` is the split that decides.  `hidden` holds the labels of the hidden pictures among them, and `groups` how those
    were corrupted.
    """

    labels: dict[str, NDArray[np.int64]]
    by: str
    hidden: NDArray[np.int64]
    groups: Groups

    @property
    def hidden_splits(self) -> tuple[str, ...]:
        return tuple(split for split in self.labels if split in HIDDEN)


def truth_of(frozen: Frozen, splits: Sequence[str]) -> Truth:
    """Return the labels of `splits`, of which the last decides; of others nothing is told."""
    found = labels_of(frozen)
    chains = read_chains(frozen)
    hidden = [split for split in splits if split in HIDDEN]
    none = np.empty(0, np.int64)
    rows = np.concatenate([none, *(np.arange(len(chains))[found[split][0]] for split in hidden)])
    return Truth(
        {split: found[split][1] for split in splits},
        splits[-1],
        np.concatenate([none, *(found[split][1] for split in hidden)]),
        group([chains[row] for row in rows]),
    )


class Told:
    """The labels of those entries that have them, as arrays.

    Attributes
    ----------
    rows : list of int
        Where these entries stand among those given.
    labels, right : dict of str to ndarray of shape (len(rows), n)
        By split.
    probabilities : list of dict of str to ndarray of shape (n, classes), float32
        Of each of these entries, by split; empty where it gives none.
    """

    def __init__(self, entries: Sequence[Entry], kept: dict[int, Kept], truth: Truth) -> None:
        self.truth, self.shown = truth, len(entries)
        self.rows = [row for row, entry in enumerate(entries) if _is_whole(entry, kept[entry.id], truth)]
        found = [kept[entries[row].id].labels for row in self.rows]
        self.labels = {
            split: np.array([labels[split] for labels in found], np.int64).reshape(len(found), len(y_true))
            for split, y_true in truth.labels.items()
        }
        self.right = {split: said == truth.labels[split] for split, said in self.labels.items()}
        self.probabilities = [kept[entries[row].id].probabilities for row in self.rows]

    @property
    def many(self) -> bool:
        """Whether there are two entries to compare."""
        return len(self.rows) > 1

    def hidden(self, values: dict[str, NDArray], number: int) -> NDArray:
        """Return what `values` holds of the hidden pictures for the entry in row `number` of the arrays."""
        none = np.empty(0, values[self.truth.by].dtype)
        return np.concatenate([none, *(values[split][number] for split in self.truth.hidden_splits)])

    def alone(self, number: int) -> dict[str, NDArray[np.bool_]]:
        """Return the pictures that an entry misses and that its `PEERS`, the best others, all have right; by split."""
        peers = [number, *(other for other in range(min(len(self.rows), PEERS + 1)) if other != number)][: PEERS + 1]
        return {split: missed_alone(right[peers])[0] for split, right in self.right.items()} if self.many else {}

    def compare(self, metric: str, n_classes: int, lock: str) -> Pairs:
        """Compare all pairs on the split that decides, by the metric that ranks."""
        by = self.truth.by
        if metric == "accuracy" or not self.many:
            return compare_all(self.right[by])
        y_true, said, rng = self.truth.labels[by], self.labels[by], np.random.default_rng(int(lock[:16], 16))
        drawn = draw_scores(y_true, said, METRICS[metric], rng, n_classes=n_classes)
        confusions = np.array([confusion_matrix(y_true, labels, n_classes) for labels in said])
        return compare_all_drawn(METRICS[metric](confusions), drawn)

    def spread(self, better: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Set the comparison among all entries given: one without labels is neither better nor worse than another."""
        whole = np.zeros((self.shown, self.shown), bool)
        whole[np.ix_(self.rows, self.rows)] = better
        return whole


def _is_whole(entry: Entry, kept: Kept, truth: Truth) -> bool:
    """Say whether the labels are there for every split, may be told, and are those that accuracies came from.

    Whatever is counted on the public half would tell a score that the Ladder holds back, as long as it does.
    """
    if entry.held and "public" in truth.labels and "private" not in truth.labels:
        return False
    for split, y_true in truth.labels.items():
        said = kept.labels.get(split)
        if said is None or said.shape != y_true.shape or said.dtype != np.int64:
            return False
        score = entry.scores.get((split, "accuracy"))
        if score is not None and round(score.value * score.n) != int((said == y_true).sum()):
            return False
    return True


def scores_of(entry: Entry, splits: Sequence[str]) -> dict[str, dict[str, Estimate]]:
    """Return what the board holds of an entry on `splits`, by split and metric."""
    found: dict[str, dict[str, Estimate]] = {split: {} for split in splits}
    for (split, metric), score in sorted(entry.scores.items()):
        if split in found:
            found[split][metric] = Estimate(score.value, score.low, score.high, score.n)
    return found


def run_of(kept: Kept) -> Run | None:
    """Return how an entry was run; None where its card is not kept."""
    if kept.card is None:
        return None
    card = kept.card
    return Run(
        card.zip_bytes,
        card.seconds.get("wall", 0.0),
        card.peak_memory_mb,
        card.isolation,
        card.missing_walls,
        card.notes,
    )


def detail_of(told: Told, number: int, class_names: Sequence[str]) -> Detail:
    """Say where the entry in row `number` of the arrays is right and where not."""
    truth = told.truth
    right = told.hidden(told.right, number)
    alone = told.alone(number)
    return Detail(
        recalls={
            split: _recalls(truth.labels[split], told.right[split][number], len(class_names)) for split in truth.labels
        },
        families=tallies(truth.groups.by_family, right),
        severities=tuple(tallies(members, right) for members in truth.groups.by_severity),
        lengths=tallies(truth.groups.by_length, right),
        confusion=tuple(
            map(tuple, confusion_matrix(truth.hidden, told.hidden(told.labels, number), len(class_names)).tolist())
        ),
        worst=worst_groups(class_names, truth.hidden, truth.groups, right) if truth.hidden_splits else (),
        alone={split: int(rows.sum()) for split, rows in alone.items()},
        alone_shown=tuple(
            Missed(split, row, int(truth.labels[split][row]), int(told.labels[split][number, row]), 1)
            for split in SEEN_AT_HOME
            if split in alone
            for row in np.flatnonzero(alone[split])[:ALONE].tolist()
        ),
        calibration={
            split: calibrate(told.probabilities[number][split], y_true, hidden=split in HIDDEN)
            for split, y_true in truth.labels.items()
            if split in told.probabilities[number] and split in (*SEEN_AT_HOME, truth.by)
        },
    )


def _recalls(y_true: NDArray[np.int64], right: NDArray[np.bool_], n_classes: int) -> tuple[Estimate | None, ...]:
    n = np.bincount(y_true, minlength=n_classes).tolist()
    hits = np.bincount(y_true[right], minlength=n_classes).tolist()
    return tuple(share_of(hit, of) if of else None for hit, of in zip(hits, n, strict=True))
