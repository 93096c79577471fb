"""Gather the report of a frozen contest from its board, its kept cards and labels, and its lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.board.ranking import Standing, rank_entries
from harness.board.recorder import open_to_read
from harness.board.rows import Entry, read_entries
from harness.freeze.frozen import Frozen
from harness.freeze.lock import Lock
from harness.report.foretell import foretell, judge
from harness.report.groups import Groups, group, tallies, worst_groups
from harness.report.kept import Kept, find_kept
from harness.report.structure import (
    Detail,
    FrozenFacts,
    Missed,
    Moment,
    Report,
    Row,
    Run,
    ShakenUp,
    SplitFacts,
    Unscored,
)
from harness.report.together import see_pairs, see_together
from harness.score.card import Estimate, share_of
from harness.score.compare import Pairs, compare_all, compare_all_drawn, draw_scores
from harness.score.diagnosis import read_chains
from harness.score.ensemble import missed_alone
from harness.score.evaluate import labels_of
from harness.score.ladder import probing
from harness.score.metrics import METRICS, confusion_matrix
from harness.score.ranges import not_distinguishable_from_first, rank_ranges
from harness.score.shakeup import rank_correlation, ranks_of, redraw_halves
from harness.workspace import Workspace

TOP = 100  # entries shown, where no other number is asked for
COMPARED = 100  # of those, entries that a reader may compare: the pairs grow with the square
UNSCORED = 50
PEERS = 5  # the best others, all of whom must have right what an entry is said to miss alone
ALONE = 4  # pictures shown of those
FINDINGS = 200
ORDER = ("train", "val", "val_shifted", "public", "private")
TITLES = {
    "val": "validation",
    "val_shifted": "shifted validation",
    "public": "hidden, public half",
    "private": "hidden, private half",
}


@dataclass(frozen=True)
class Truth:
    """Labels of the splits that may be told of.

    `by` is the split that ranks.  `hidden` holds the labels of the hidden pictures among them, and `groups` how those
    were corrupted.
    """

    labels: dict[str, NDArray[np.int64]]
    by: str
    hidden: NDArray[np.int64]
    groups: Groups

    @property
    def hidden_splits(self) -> tuple[str, ...]:
        return tuple(split for split in self.labels if split in ("public", "private"))


def gather(workspace: Workspace, frozen: Frozen, *, top: int = TOP, reveal_private: bool = False) -> Report:
    """Return the report of the best `top` entries.

    Parameters
    ----------
    workspace : Workspace
    frozen : Frozen
        The contest; entries that were scored on another freeze of it are left out.
    top : int
    reveal_private : bool
        Tell of the private half, and rank by it.  Else its labels, its scores and its corruptions are not looked at.

    Raises
    ------
    BoardError, WorkspaceError
        Board or contest cannot be read.
    """
    contest, metric = frozen.contest, frozen.contest.metrics[0].name
    with open_to_read(workspace) as board:
        entries = read_entries(board, contest.name, frozen.lock_hash)
    truth = _truth(frozen, reveal_private)
    standings = rank_entries(entries, metric, by=truth.by)
    scored = [standing for standing in standings if standing.rank is not None]
    unscored = [standing.entry for standing in standings if standing.rank is None][-UNSCORED:]
    shown = scored[:top]
    kept = find_kept(workspace, contest.name, [*(standing.entry for standing in shown), *unscored])
    told = _Told([standing.entry for standing in shown], kept, truth)
    pairs = told.compare(metric, contest.n_classes, frozen.lock_hash)
    rows = _rows(shown, kept, told, pairs, entries, contest.class_names)
    few = told.rows[:COMPARED]
    return Report(
        contest=contest.name,
        title=contest.title,
        version=contest.version,
        revealed=reveal_private,
        metric=metric,
        metrics=tuple(spec.name for spec in contest.metrics),
        ranked_by=truth.by,
        class_names=contest.class_names,
        splits=tuple(SplitFacts(split, TITLES[split], len(labels)) for split, labels in truth.labels.items()),
        families=truth.groups.families,
        severities=truth.groups.severities,
        lengths=truth.groups.lengths,
        n_scored=len(scored),
        rows=rows,
        n_unscored=len(standings) - len(scored),
        unscored=tuple(_unscored(entry, kept[entry.id]) for entry in unscored),
        together=see_together(told.rows, told.labels, truth.labels, truth.by, contest.n_classes) if told.many else None,
        pairwise=(
            see_pairs(few, {split: right[: len(few)] for split, right in told.right.items()}, pairs)
            if told.many
            else None
        ),
        probing=(
            probing(len(scored), len(truth.labels[truth.by]), scored[0].entry.scores[truth.by, metric].value,
                    contest.n_classes)
            if scored and metric == "accuracy"
            else None
        ),
        methods=judge(
            [row.foretold for row in rows if "accuracy" in row.scores["public"]],
            [row.scores["public"]["accuracy"].value for row in rows if "accuracy" in row.scores["public"]],
        ),
        history=_history(entries, metric, {standing.entry.id for standing in shown}),
        shaken_up=_shaken_up(shown, told, metric) if reveal_private and told.many else None,
        frozen=_frozen_facts(frozen.lock, frozen.lock_hash),
    )  # fmt: skip


def _truth(frozen: Frozen, reveal_private: bool) -> Truth:
    splits = ("val", "val_shifted", "public", *(("private",) if reveal_private else ()))
    found = labels_of(frozen)
    chains = read_chains(frozen)
    hidden = [split for split in splits if split in ("public", "private")]
    rows = np.concatenate([np.arange(len(chains))[found[split][0]] for split in hidden])
    return Truth(
        {split: found[split][1] for split in splits},
        "private" if reveal_private else "public",
        np.concatenate([found[split][1] for split in hidden]),
        group([chains[row] for row in rows]),
    )


class _Told:
    """The labels of those entries shown that have them, as arrays.

    Attributes
    ----------
    rows : list of int
        Where these entries stand among those shown.
    labels, right : dict of str to ndarray of shape (len(rows), n)
        By split.
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

    @property
    def many(self) -> bool:
        """Whether there are two entries to compare."""
        return len(self.rows) > 1

    def hidden(self, values: dict[str, NDArray], number: int) -> NDArray:
        """Return what `values` holds of the hidden pictures for the entry in row `number` of the arrays."""
        return np.concatenate([values[split][number] for split in self.truth.hidden_splits])

    def alone(self, number: int) -> dict[str, NDArray[np.bool_]]:
        """Return the pictures that an entry misses and that its `PEERS`, the best others, all have right; by split."""
        peers = [number, *(other for other in range(min(len(self.rows), PEERS + 1)) if other != number)][: PEERS + 1]
        return {split: missed_alone(right[peers])[0] for split, right in self.right.items()} if self.many else {}

    def compare(self, metric: str, n_classes: int, lock: str) -> Pairs:
        """Compare all pairs on the split that ranks, by the metric that ranks."""
        by = self.truth.by
        if metric == "accuracy" or not self.many:
            return compare_all(self.right[by])
        y_true, said, rng = self.truth.labels[by], self.labels[by], np.random.default_rng(int(lock[:16], 16))
        drawn = draw_scores(y_true, said, METRICS[metric], rng, n_classes=n_classes)
        confusions = np.array([confusion_matrix(y_true, labels, n_classes) for labels in said])
        return compare_all_drawn(METRICS[metric](confusions), drawn)

    def spread(self, better: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Set the comparison among all entries shown: one without labels is neither better nor worse than another."""
        whole = np.zeros((self.shown, self.shown), bool)
        whole[np.ix_(self.rows, self.rows)] = better
        return whole


def _is_whole(entry: Entry, kept: Kept, truth: Truth) -> bool:
    """Say whether the labels are there for every split, and are those that the board's accuracies came from."""
    for split, y_true in truth.labels.items():
        said = kept.labels.get(split)
        if said is None or said.shape != y_true.shape or said.dtype != np.int64:
            return False
        score = entry.scores.get((split, "accuracy"))
        if score is not None and round(score.value * score.n) != int((said == y_true).sum()):
            return False
    return True


def _rows(
    shown: Sequence[Standing],
    kept: dict[int, Kept],
    told: _Told,
    pairs: Pairs,
    entries: Sequence[Entry],
    class_names: tuple[str, ...],
) -> tuple[Row, ...]:
    foretold = foretell(entries, [standing.entry.id for standing in shown])
    better = told.spread(pairs.better)
    ranges = rank_ranges(better)
    values = -np.arange(len(shown))  # they stand in their order already
    level = set(not_distinguishable_from_first(better, values)) if shown else set()
    place = {row: number for number, row in enumerate(told.rows)}
    public = _public_ranks(shown)
    return tuple(
        Row(
            rank=row + 1,
            id=standing.entry.id,
            name=standing.entry.name,
            message=standing.entry.message,
            created_at=standing.entry.created_at,
            weights=standing.entry.weights,
            zip_sha256=standing.entry.zip_sha256,
            scores=_scores(standing.entry, tuple(told.truth.labels)),
            gap=standing.gap,
            ranks=ranges[row] if row in place else None,
            level_with_first=row in level and (row in place or not row),
            public_rank=public[row] if told.truth.by == "private" else None,
            run=_run(kept[standing.entry.id]),
            detail=_detail(told, place[row], class_names) if row in place else None,
            foretold=foretold[standing.entry.id],
        )
        for row, standing in enumerate(shown)
    )


def _public_ranks(shown: Sequence[Standing]) -> list[int]:
    """Return the ranks that these entries have among themselves by their public score; of equal ones the earlier."""
    order = sorted(range(len(shown)), key=lambda row: shown[row].entry.id)
    values = [standing.public.value if standing.public else -1.0 for standing in (shown[row] for row in order)]
    ranks = dict(zip(order, ranks_of(np.array(values)).tolist() if values else [], strict=True))
    return [ranks[row] for row in range(len(shown))]


def _scores(entry: Entry, splits: tuple[str, ...]) -> dict[str, dict[str, Estimate]]:
    found: dict[str, dict[str, Estimate]] = {split: {} for split in splits}
    for (split, metric), score in sorted(entry.scores.items()):
        if split in found:
            found[split][metric] = Estimate(score.value, score.low, score.high, score.n)
    return found


def _run(kept: Kept) -> Run | None:
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


def _unscored(entry: Entry, kept: Kept) -> Unscored:
    said = (kept.card.message, kept.card.hint) if kept.card else ("", "")
    return Unscored(entry.id, entry.name, entry.created_at, entry.outcome, *said)


def _detail(told: _Told, number: int, class_names: tuple[str, ...]) -> Detail:
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
        worst=worst_groups(class_names, truth.hidden, truth.groups, right),
        alone={split: int(rows.sum()) for split, rows in alone.items()},
        alone_shown=tuple(
            Missed(split, row, int(truth.labels[split][row]), int(told.labels[split][number, row]), 1)
            for split in ("val", "val_shifted")
            if split in alone
            for row in np.flatnonzero(alone[split])[:ALONE].tolist()
        ),
    )


def _recalls(y_true: NDArray[np.int64], right: NDArray[np.bool_], n_classes: int) -> tuple[Estimate | None, ...]:
    n = np.bincount(y_true, minlength=n_classes).tolist()
    hits = np.bincount(y_true[right], minlength=n_classes).tolist()
    return tuple(share_of(hit, of) if of else None for hit, of in zip(hits, n, strict=True))


def _history(entries: Sequence[Entry], metric: str, shown: set[int]) -> tuple[Moment, ...]:
    """Return the entries shown and those that were once the best, in the order in which they came."""
    best, found = -1.0, []
    for entry in entries:
        score = entry.scores.get(("public", metric))
        if score is None:
            continue
        is_best = score.value > best
        best = max(best, score.value)
        if is_best or entry.id in shown:
            found.append(Moment(entry.id, entry.name, entry.created_at, score.value, is_best))
    return tuple(found)


def _shaken_up(shown: Sequence[Standing], told: _Told, metric: str) -> ShakenUp:
    both = [standing.entry for standing in shown if ("public", metric) in standing.entry.scores]
    values = [np.array([entry.scores[split, metric].value for entry in both]) for split in ("public", "private")]
    kendall, spearman = rank_correlation(*values)
    came = sorted(range(len(told.rows[:COMPARED])), key=lambda number: shown[told.rows[number]].entry.id)
    right = np.array([told.hidden(told.right, number) for number in came])
    n_public, n = len(told.truth.labels["public"]), len(told.truth.hidden)
    drawn = redraw_halves(right, told.truth.hidden, n_public / n, np.random.default_rng(0))
    first = {shown[told.rows[number]].entry.id: float(share) for number, share in zip(came, drawn.first(), strict=True)}
    return ShakenUp(float(kendall), float(spearman), dict(sorted(first.items())))


def _frozen_facts(lock: Lock, digest: str) -> FrozenFacts:
    findings = [(found.id, f"{found.rule}: {found.action}", found.reason) for found in lock.findings]
    removed: dict[str, int] = {}
    for _, rule, _ in findings:
        removed[rule] = removed.get(rule, 0) + 1
    hashes = {f"{file}: {key}": array.sha256 for file, arrays in lock.arrays.items() for key, array in arrays.items()}
    counts = {split: lock.counts[split] for split in ORDER if split in lock.counts}
    return FrozenFacts(
        digest, lock.source, counts, removed, tuple(findings[:FINDINGS]), len(findings), hashes, lock.versions
    )
