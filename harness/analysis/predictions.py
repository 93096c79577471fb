"""What may be told of, and what entries said of it: true labels by split, and kept labels that were checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.analysis.calibration import Calibration, calibrate
from harness.analysis.compare import Pairs, compare_all, compare_all_clustered, compare_all_drawn, draw_scores
from harness.analysis.corruptions import Groups, Tally, Worst, group, read_chains, tallies, worst_groups
from harness.analysis.ensemble import Missed, missed_alone
from harness.board.artifacts import Artifacts
from harness.board.rows import Entry
from harness.board.visibility import PREDICTIONS, Role, Visibility
from harness.errors import WorkspaceError
from harness.freeze.frozen import Frozen
from harness.score.card import ScoreCard, count_groups, recalls_of
from harness.score.estimate import Estimate
from harness.score.evaluate import SPLITS, labels_of
from harness.score.metrics import METRICS, confusion_matrix

SEEN_AT_HOME = ("val", "val_shifted")
HIDDEN = ("public", "private")
PEERS = 5  # the best others, all of whom must have right what an entry is said to miss alone
ALONE = 4  # images shown of those


class Run(msgspec.Struct, frozen=True):
    """How an entry was run; `stated` is its runtime, and what it says of itself, by what that is."""

    stated: dict[str, str]
    zip_bytes: int
    seconds: float
    memory_mb: float
    isolation: str
    missing_restrictions: tuple[str, ...]
    notes: tuple[str, ...]


class Detail(msgspec.Struct, frozen=True):
    """Where an entry is right, from its kept labels.

    Attributes
    ----------
    recalls : dict of str to tuple
        By split, the share found of each class.
    found : tuple of Estimate
        The same of the hidden images, in the order of the classes; empty where none may be told of.
    families : tuple of Tally
        Hidden images by family of corruption, in the order of `Report.families`.
    severities : tuple of tuple of Tally
        The same by family and severity.
    lengths : tuple of Tally
        Hidden images by the number of corruptions, in the order of `Report.lengths`.
    confusion : tuple of tuple of int
        Of the hidden images: rows are true classes, columns predicted ones.
    alone : dict of str to int
        By split, how many images this entry misses and the best others all have right.
    alone_shown : tuple of Missed
        Some of those, of the public splits.
    calibration : dict of str to Calibration
        By split; empty where the entry gives no probabilities.
    """

    recalls: dict[str, tuple[Estimate | None, ...]]
    found: tuple[Estimate | None, ...]
    families: tuple[Tally, ...]
    severities: tuple[tuple[Tally, ...], ...]
    lengths: tuple[Tally, ...]
    confusion: tuple[tuple[int, ...], ...]
    worst: tuple[Worst, ...]
    alone: dict[str, int]
    alone_shown: tuple[Missed, ...]
    calibration: dict[str, Calibration]


@dataclass(frozen=True)
class Truth:
    """Labels of the splits that may be told of.

    `by` is the split that decides.  `hidden` holds the labels of the hidden images among them, and `groups` how those
    were corrupted.  `clusters` are the patients or slides by split, those that a contest file calls groups; empty in a
    contest without.
    """

    labels: dict[str, NDArray[np.int64]]
    by: str
    hidden: NDArray[np.int64]
    groups: Groups
    clusters: dict[str, NDArray[np.intp]]

    def sizes(self) -> Iterator[tuple[str, int, int]]:
        """Yield each split with how many images it has, and of how many groups."""
        for split, labels in self.labels.items():
            yield split, len(labels), count_groups(self.clusters.get(split))

    @property
    def hidden_clusters(self) -> NDArray[np.intp] | None:
        return self.over_hidden(self.clusters) if self.clusters and self.hidden_splits else None

    @property
    def hidden_splits(self) -> tuple[str, ...]:
        return tuple(split for split in self.labels if split in HIDDEN)

    def over_hidden(self, values: Mapping[str, NDArray]) -> NDArray:
        """Return what `values`, arrays of shape (n,) by split, hold of the hidden images, in the order of `hidden`."""
        return np.concatenate([np.empty(0, values[self.by].dtype), *(values[split] for split in self.hidden_splits)])


def truth_of(frozen: Frozen, splits: Sequence[str]) -> Truth:
    """Return the labels of `splits`, of which the last decides; of others nothing is told."""
    found = labels_of(frozen)
    hidden = [split for split in splits if split in HIDDEN]
    chains = read_chains(frozen) if hidden else ()
    none = np.empty(0, np.int64)
    rows = np.concatenate([none, *(np.arange(len(chains))[found[split][0]] for split in hidden)])
    return Truth(
        {split: found[split][1] for split in splits},
        splits[-1],
        np.concatenate([none, *(found[split][1] for split in hidden)]),
        group([chains[row] for row in rows]),
        {split: of for split, of in frozen.groups().items() if split in splits},
    )


class VisiblePredictions:
    """The labels of those entries that have them, and of which all that `truth` tells may be shown, as arrays.

    Attributes
    ----------
    rows : list of int
        Where these entries stand among those given.
    labels, right : dict of str to ndarray of shape (len(rows), n)
        By split.
    probabilities : list of dict of str to ndarray of shape (n, classes), float32
        Of each of these entries, by split; empty where it gives none.
    """

    def __init__(self, entries: Sequence[Entry], kept: dict[int, Artifacts], truth: Truth, visible: Visibility) -> None:
        self.truth, self.shown = truth, len(entries)
        self.rows = [
            row
            for row, entry in enumerate(entries)
            if visible.shows_all(entry, truth.labels) and _is_whole(entry, kept[entry.id], truth)
        ]
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
        """Return what `values` holds of the hidden images for the entry in row `number` of the arrays."""
        return self.truth.over_hidden({split: of[number] for split, of in values.items()})

    def alone(self, number: int) -> dict[str, NDArray[np.bool_]]:
        """Return the images that an entry misses and that its `PEERS`, the best others, all have right; by split."""
        peers = [number, *(other for other in range(min(len(self.rows), PEERS + 1)) if other != number)][: PEERS + 1]
        return {split: missed_alone(right[peers])[0] for split, right in self.right.items()} if self.many else {}

    def compare(self, metric: str, n_classes: int, lock: str) -> Pairs:
        """Compare all pairs on the split that decides, by the metric that ranks."""
        by = self.truth.by
        clusters = self.truth.clusters.get(by)
        if metric == "accuracy" or not self.many:
            return compare_all(self.right[by], clusters)
        if clusters is not None:
            return compare_all_clustered(self.truth.labels[by], self.labels[by], metric, n_classes, clusters)
        y_true, said, rng = self.truth.labels[by], self.labels[by], np.random.default_rng(int(lock[:16], 16))
        drawn = draw_scores(y_true, said, METRICS[metric], rng, n_classes=n_classes)
        confusions = np.array([confusion_matrix(y_true, labels, n_classes) for labels in said])
        return compare_all_drawn(METRICS[metric](confusions), drawn)

    def spread(self, better: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Set the comparison among all entries given: one without labels is neither better nor worse than another."""
        whole = np.zeros((self.shown, self.shown), bool)
        whole[np.ix_(self.rows, self.rows)] = better
        return whole


def _is_whole(entry: Entry, kept: Artifacts, truth: Truth) -> bool:
    """Say whether the labels are there for every split, and are those that accuracies came from."""
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
            found[split][metric] = score
    return found


def run_of(kept: Artifacts) -> Run | None:
    """Return how an entry was run; None where its card is not kept."""
    if kept.card is None:
        return None
    card = kept.card
    return Run(
        _stated(card),
        card.zip_bytes,
        card.seconds.get("wall", 0.0),
        card.peak_memory_mb,
        card.isolation,
        card.missing_restrictions,
        card.notes,
    )


def _stated(card: ScoreCard) -> dict[str, str]:
    declared = card.declared
    told = {
        "runtime": card.runtime and f"{card.runtime}, lock {card.runtime_lock[:12]}",
        "authors": ", ".join(declared.authors),
        "recipe": declared.recipe,
        "seed": "" if declared.seed is None else str(declared.seed),
        "outside data": declared.outside_data,
        "licence": declared.licence,
    }
    return {what: text for what, text in told.items() if text}


def detail_of(predictions: VisiblePredictions, number: int, class_names: Sequence[str]) -> Detail:
    """Say where the entry in row `number` of the arrays is right and where not."""
    truth = predictions.truth
    right, said = (predictions.hidden(of, number) for of in (predictions.right, predictions.labels))
    alone = predictions.alone(number)
    return Detail(
        recalls={
            split: recalls_of(
                truth.labels[split], predictions.labels[split][number], len(class_names), truth.clusters.get(split)
            )
            for split in truth.labels
        },
        found=recalls_of(truth.hidden, said, len(class_names), truth.hidden_clusters) if truth.hidden_splits else (),
        families=tallies(truth.groups.by_family, right, truth.hidden_clusters),
        severities=tuple(tallies(members, right) for members in truth.groups.by_severity),
        lengths=tallies(truth.groups.by_length, right),
        confusion=tuple(map(tuple, confusion_matrix(truth.hidden, said, len(class_names)).tolist())),
        worst=(
            worst_groups(class_names, truth.hidden, truth.groups, right, truth.hidden_clusters)
            if truth.hidden_splits
            else ()
        ),
        alone={split: int(rows.sum()) for split, rows in alone.items()},
        alone_shown=tuple(
            Missed(split, row, int(truth.labels[split][row]), int(predictions.labels[split][number, row]), 1)
            for split in PREDICTIONS[Role.EVERYBODY]  # a page goes from hand to hand
            if split in alone
            for row in np.flatnonzero(alone[split])[:ALONE].tolist()
        ),
        calibration={
            split: calibrate(
                predictions.probabilities[number][split], y_true, truth.clusters.get(split), hidden=split in HIDDEN
            )
            for split, y_true in truth.labels.items()
            if split in predictions.probabilities[number] and split in (*SEEN_AT_HOME, truth.by)
        },
    )


class Diagnosis(msgspec.Struct, frozen=True):
    """What one entry got right.

    Attributes
    ----------
    right : dict of str to ndarray of shape (n,), bool
        By split, whether the label of each image was right; the images of a split stand in one order for all
        entries of a contest, so that two entries can be compared image by image.
    families : dict of str to Tally
        By family of corruption, over the hidden images asked for.  An image counts for each link of its chain.
    chains : dict of int to Tally
        The same by the length of the chain.
    """

    right: dict[str, NDArray[np.bool_]]
    families: dict[str, Tally]
    chains: dict[int, Tally]


def diagnose(frozen: Frozen, predicted: Mapping[str, NDArray[np.int64]], splits: tuple[str, ...] = SPLITS) -> Diagnosis:
    """Compare predictions with the labels.

    Parameters
    ----------
    predicted : mapping of str to ndarray of shape (n,), int64
        Labels by split.
    splits : tuple of str
        Those to look at; without ``private`` nothing is told of the private half.

    Raises
    ------
    WorkspaceError
        They are not there for one of `splits`, or belong to another contest.
    """
    truth = truth_of(frozen, splits)
    right: dict[str, NDArray[np.bool_]] = {}
    for split, y_true in truth.labels.items():
        if split not in predicted or predicted[split].shape != y_true.shape:
            raise WorkspaceError(
                f"There are no predictions for {split} of this contest.", "See what is gone: hemobench ledger audit"
            )
        right[split] = predicted[split] == y_true
    hidden, groups = truth.over_hidden(right), truth.groups
    families = zip(groups.families.names, tallies(groups.by_family, hidden), strict=True)
    lengths = zip(groups.lengths.names, tallies(groups.by_length, hidden), strict=True)
    return Diagnosis(right, dict(sorted(families)), {int(length): tally for length, tally in lengths})
