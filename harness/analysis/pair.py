"""Two entries on the same images: what divides them, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.analysis.compare import (
    LEVEL,
    Difference,
    clustered_difference,
    mcnemar,
    mcnemar_by_group,
    paired_bootstrap,
)
from harness.analysis.entry import find_entry
from harness.analysis.predictions import VisiblePredictions, scores_of, truth_of
from harness.analysis.values import Values, read_values
from harness.board.artifacts import read_artifacts
from harness.board.recorder import open_to_read
from harness.board.rows import Entry
from harness.board.visibility import Visibility, looking, visible_to
from harness.errors import UsageError, WorkspaceError
from harness.format import TITLES
from harness.freeze.frozen import Frozen
from harness.score.card import count_groups
from harness.score.estimate import Estimate
from harness.score.evaluate import SPLITS
from harness.score.metrics import METRICS
from harness.score.stats import by_group, paired_interval
from harness.workspace import Workspace

Better = Literal["one", "other", ""]


class Side(msgspec.Struct, frozen=True):
    """One of the two; `namesakes` are other entries of its name, `withheld` is of its public score."""

    id: int
    name: str
    namesakes: int
    created_at: str
    withheld: bool


class Divided(msgspec.Struct, frozen=True, omit_defaults=True):
    """`n` images, of `n_groups` groups: right by both, by the first alone, by the second alone, and by neither.

    `difference` is of their accuracies, first less second; `n_groups` is 0 in a contest without groups.
    """

    name: str
    n: int
    both: int
    gained: int
    lost: int
    neither: int
    difference: Difference
    n_groups: int = 0


class Measured(msgspec.Struct, frozen=True):
    """A metric of both, each with its 95 % interval, and the paired difference, first less second."""

    one: Estimate
    other: Estimate
    difference: Difference


class SplitComparison(msgspec.Struct, frozen=True):
    """Both on one split; `p` is of the exact McNemar test, two-sided, for this pair alone; by group where there are."""

    divided: Divided
    p: float
    metrics: dict[str, Measured]


class PairComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two entries of a frozen contest; shares are 0 to 1 and unrounded.

    Nothing here depends on the private half unless `private_told` is set, nor on the public half where the Ladder
    holds the score of either back.

    Attributes
    ----------
    by : str
        The split that decides, the last of `splits`.
    better : {"one", "other", ""}
        By the primary metric on the split that decides; empty where chance may explain the difference.
    classes, families : tuple of Divided
        The hidden images told of, largest difference first; without any, those of the split that decides by class.
    """

    format: int = 1
    contest: str
    title: str
    lock: str
    metric: str
    private_told: bool
    by: str
    one: Side
    other: Side
    better: Better
    splits: dict[str, SplitComparison]
    classes: tuple[Divided, ...]
    families: tuple[Divided, ...]


def see_pair(
    workspace: Workspace, frozen: Frozen, one: str, other: str, *, reveal_private: bool = False
) -> PairComparison:
    """Compare two entries, each an id or a name, image by image.

    Parameters
    ----------
    workspace : Workspace
    frozen : Frozen
    one, other : str
        Of a name the entry with the best public score is taken.
    reveal_private : bool
        Tell of the private half while the contest is open, too.

    Raises
    ------
    UsageError
        There is no such entry in this contest, it was not scored, or both are one.
    WorkspaceError
        The labels of one are not kept, or are not those that were scored.
    """
    contest, lock, metric = frozen.contest, frozen.lock_hash, frozen.contest.metrics[0].name
    visible = visible_to(looking(reveal_private), workspace, frozen)
    with open_to_read(workspace) as board:
        values = read_values(board, contest.name, lock, metric, visible.splits)
        entries = [find_entry(board, values, frozen, word, visible.closing) for word in (one, other)]
    if entries[0].id == entries[1].id:
        raise UsageError(f"{one!r} and {other!r} are both entry {entries[0].id}.", "Name two entries, by their ids.")
    for entry in entries:
        if entry.outcome != "scored":
            raise UsageError(
                f"Entry {entry.id}, {entry.name}, was not scored: {entry.outcome}.", f"See: hemobench show {entry.id}"
            )
    first, second = map(visible.scores, entries)
    truth = truth_of(frozen, tuple(split for split in first if split in second))
    predictions = VisiblePredictions(entries, read_artifacts(workspace, entries), truth, visible)
    for row, entry in enumerate(entries):
        if row not in predictions.rows or (truth.by, metric) not in entry.scores:
            raise WorkspaceError(
                f"The labels of entry {entry.id}, {entry.name}, are not kept as they were scored.",
                f"See what is gone: hemobench ledger audit. To run it again: hemobench ledger replay {entry.id}",
            )
    splits = {split: _on_split(frozen, split, predictions, entries) for split in truth.labels}
    return PairComparison(
        contest=contest.name,
        title=contest.title,
        lock=lock,
        metric=metric,
        private_told=visible.private,
        by=truth.by,
        one=_side(entries[0], values, visible),
        other=_side(entries[1], values, visible),
        better=_better(splits[truth.by], metric),
        splits=splits,
        classes=_by_class(predictions, contest.class_names),
        families=_by_family(predictions),
    )


def _side(entry: Entry, values: Values, visible: Visibility) -> Side:
    namesakes = values.names.count(entry.name) - 1
    return Side(entry.id, entry.name, namesakes, entry.created_at, visible.withholds(entry))


def _better(decided: SplitComparison, metric: str) -> Better:
    difference = decided.metrics[metric].difference
    if metric == "accuracy":
        clear = decided.p <= LEVEL and difference.value != 0
    else:
        clear = difference.low > 0 or difference.high < 0
    if not clear:
        return ""
    return "one" if difference.value > 0 else "other"


def _on_split(frozen: Frozen, split: str, predictions: VisiblePredictions, entries: Sequence[Entry]) -> SplitComparison:
    contest = frozen.contest
    clusters = predictions.truth.clusters.get(split)
    right, said = predictions.right[split], predictions.labels[split]
    divided = divide(TITLES[split], right[0], right[1], clusters)
    scores = [scores_of(entry, (split,))[split] for entry in entries]
    measured: dict[str, Measured] = {}
    for number, spec in enumerate(contest.metrics):
        if not all(spec.name in found for found in scores):
            continue
        difference = divided.difference
        if spec.name != "accuracy" and clusters is not None:
            y_true = predictions.truth.labels[split]
            difference = clustered_difference(y_true, said[0], said[1], spec.name, contest.n_classes, clusters)
        elif spec.name != "accuracy":
            rng = np.random.default_rng([int(frozen.lock_hash[:16], 16), SPLITS.index(split), number])
            difference = _drawn(spec.name, predictions, split, rng, contest.n_classes, entries[0].id < entries[1].id)
        measured[spec.name] = Measured(scores[0][spec.name], scores[1][spec.name], difference)
    if clusters is None:
        p = mcnemar(divided.gained, divided.lost)
    else:
        one, other = by_group(right, clusters)
        p = mcnemar_by_group(one - other)
    return SplitComparison(divided, float(p), measured)


def _drawn(
    metric: str, predictions: VisiblePredictions, split: str, rng: np.random.Generator, n_classes: int, in_order: bool
) -> Difference:
    """Return the bootstrapped difference; the earlier entry is drawn first, so that both orders give one interval."""
    first, second = predictions.labels[split] if in_order else predictions.labels[split][::-1]
    found = paired_bootstrap(predictions.truth.labels[split], first, second, METRICS[metric], rng, n_classes=n_classes)
    return found if in_order else Difference(-found.value, -found.high, -found.low)


def divide(
    name: str, one: NDArray[np.bool_], other: NDArray[np.bool_], clusters: NDArray[np.intp] | None = None
) -> Divided:
    """Count which of two entries has which of `n` > 0 images right, all of shape (n,).

    Examples
    --------
    >>> found = divide("val", np.array([True, True, False]), np.array([True, False, False]))
    >>> found.both, found.gained, found.lost, found.neither
    (1, 1, 0, 1)
    """
    return Divided(
        name,
        len(one),
        int((one & other).sum()),
        int((one & ~other).sum()),
        int((other & ~one).sum()),
        int((~one & ~other).sum()),
        Difference(*paired_interval(one, other, clusters)),
        count_groups(clusters),
    )


def _by_class(predictions: VisiblePredictions, class_names: Sequence[str]) -> tuple[Divided, ...]:
    """Divide the hidden images by their class; shifted validation where no hidden ones may be told of."""
    truth = predictions.truth
    y_true = truth.hidden if truth.hidden_splits else truth.labels[truth.by]
    return _sorted_out(class_names, y_true == np.arange(len(class_names))[:, None], predictions)


def _by_family(predictions: VisiblePredictions) -> tuple[Divided, ...]:
    if not predictions.truth.hidden_splits:
        return ()
    return _sorted_out(predictions.truth.groups.families.names, predictions.truth.groups.by_family, predictions)


def _sorted_out(
    names: Sequence[str], members: NDArray[np.bool_], predictions: VisiblePredictions
) -> tuple[Divided, ...]:
    """Divide each group that has images, the largest difference first."""
    one, other = (
        predictions.hidden(predictions.right, number)
        if predictions.truth.hidden_splits
        else predictions.right[predictions.truth.by][number]
        for number in (0, 1)
    )
    truth = predictions.truth
    clusters = truth.hidden_clusters if truth.hidden_splits else truth.clusters.get(truth.by)
    found = [
        divide(name, one[rows], other[rows], None if clusters is None else clusters[rows])
        for name, rows in zip(names, members, strict=True)
        if rows.any()
    ]
    return tuple(sorted(found, key=lambda group: -abs(group.difference.value)))
