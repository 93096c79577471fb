"""Gather the report of a frozen contest from its board, its kept cards and labels, and its lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from harness.analysis.compare import Pairs
from harness.analysis.document import Aside, Closed, FrozenFacts, Report, RescoredFacts, Row, SplitFacts, Unscored
from harness.analysis.ensemble import combine
from harness.analysis.overfitting import overall, teams
from harness.analysis.pairwise import compare_pairwise
from harness.analysis.predictions import SEEN_AT_HOME, Truth, VisiblePredictions, detail_of, run_of, scores_of, truth_of
from harness.analysis.preview import ForecastMethod, Forecasts, confidence_of, predict_scores, rate_methods
from harness.analysis.ranks import not_distinguishable_from_first, rank_ranges, ranks_of
from harness.analysis.seeds import Seeds, pool
from harness.analysis.shakeup import COMPARED, shake_up
from harness.analysis.values import Values, history, read_recipes, read_values
from harness.board.artifacts import Artifacts, read_artifacts
from harness.board.in_force import open_in_force, read_rescorings
from harness.board.ranking import Leaderboard, Standing, read_leaderboard, why_unranked
from harness.board.recorder import open_to_read
from harness.board.rows import Entry, read_some
from harness.board.visibility import Visibility, looking, visible_to
from harness.format import TITLES
from harness.freeze.frozen import Frozen
from harness.freeze.lock import Lock
from harness.workspace import Workspace

TOP = 100  # entries shown, where no other number is asked for
UNSCORED = 50
ASIDE = 20  # entries listed of those that were scored and have no rank
FINDINGS = 200
ORDER = ("train", "val", "val_shifted", "public", "private")


def gather(workspace: Workspace, frozen: Frozen, *, top: int = TOP, reveal_private: bool = False) -> Report:
    """Return the report of the best `top` entries.

    Parameters
    ----------
    workspace : Workspace
    frozen : Frozen
        The contest; entries that were scored on another freeze of it are left out.
    top : int
    reveal_private : bool
        Tell of the private half, and rank by it, before the contest is closed.  Else, while it is open, the labels,
        the scores and the corruptions of that half are not looked at.

    Raises
    ------
    BoardError, WorkspaceError
        Board or contest cannot be read.
    """
    contest, metric = frozen.contest, frozen.contest.metrics[0].name
    visible = visible_to(looking(reveal_private), workspace, frozen)
    closing = visible.closing
    truth = truth_of(frozen, visible.splits)
    read = _read(workspace, frozen, truth, visible, top)
    shown, splits = read.board.ranked, tuple(truth.labels)
    kept = read_artifacts(workspace, [*(standing.entry for standing in shown), *read.unscored])
    predictions = VisiblePredictions([standing.entry for standing in shown], kept, truth, visible)
    pairs = predictions.compare(metric, contest.n_classes, frozen.lock_hash)
    forecasts = _forecasts(read, kept, predictions, metric, frozen.lock_hash)
    rows = rows_of(shown, kept, predictions, pairs, forecasts, read.seeds, contest.class_names, metric)
    few = predictions.rows[:COMPARED]
    return Report(
        contest=contest.name,
        title=contest.title,
        version=contest.version,
        revealed=visible.private,
        closed=Closed(closing.closed_at, closing.receipts, closing.head, len(closing.chosen)) if closing else None,
        ladder=contest.board.ladder,
        transductive=contest.board.transductive,
        metric=metric,
        metrics=tuple(spec.name for spec in contest.metrics),
        ranked_by=truth.by,
        class_names=contest.class_names,
        splits=tuple(SplitFacts(split, TITLES[split], *of) for split, *of in truth.sizes()),
        families=truth.groups.families,
        severities=truth.groups.severities,
        lengths=truth.groups.lengths,
        n_scored=read.board.n_ranked,
        rows=rows,
        n_unscored=read.n_unscored,
        unscored=tuple(unscored_of(entry, kept[entry.id]) for entry in read.unscored),
        n_aside=read.n_aside,
        aside=tuple(
            msgspec.structs.replace(aside_of(entry, splits, metric, visible), rank_apart=read.ranks_apart.get(entry.id))
            for entry in read.aside
        ),
        seeds=read.pooled,
        ensemble=combine(
            predictions.rows, predictions.labels, truth.labels, truth.by, contest.n_classes, truth.clusters
        )
        if predictions.many
        else None,
        pairwise=(
            compare_pairwise(
                few, {split: right[: len(few)] for split, right in predictions.right.items()}, pairs, truth.clusters
            )
            if predictions.many
            else None
        ),
        probing=(
            overall(read.values, len(truth.labels["public"]), contest.n_classes) if metric == "accuracy" else None
        ),
        teams=teams(read.values, len(truth.labels["public"]), contest.n_classes) if metric == "accuracy" else (),
        methods=_rate(rows, metric),
        history=history(read.values, metric, {standing.entry.id for standing in shown}),
        shakeup=shake_up(shown, predictions, metric, COMPARED, closing) if visible.private else None,
        rescored=tuple(
            RescoredFacts(one.created_at, one.why, one.number, len(one.entries))
            for one in read_rescorings(workspace, frozen)
        ),
        frozen=_frozen_facts(frozen.lock.public_part(contest, frozen.hidden_ids().tolist())),
    )


@dataclass(frozen=True)
class BoardSource:
    """The report of one contest, for those who look while scores come in; fields are arguments of `gather`."""

    workspace: Workspace
    contest: str
    top: int = TOP
    reveal_private: bool = False

    @classmethod
    def of(cls, workspace: Workspace, contest: str | None, top: int, reveal_private: bool) -> BoardSource:
        """Take the active contest where none is named."""
        return cls(workspace, open_in_force(workspace, contest).contest.name, top, reveal_private)

    def read(self) -> tuple[Frozen, Report]:
        """Build the report under the rules in force now."""
        frozen = open_in_force(self.workspace, self.contest)
        return frozen, gather(self.workspace, frozen, top=self.top, reveal_private=self.reveal_private)

    def look(self) -> object:
        """Return what differs when an entry came in, teams chose, the contest was closed or frozen.

        Sizes and times of a few files, since this is done every second.
        """
        home = self.workspace
        files = (
            home.ledger,
            home.board,
            home.contest(self.contest) / "current",
            home.closed(self.contest, "").parent,
            home.finals(self.contest, "").parent,
        )
        return tuple(map(_stamp, files))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what tells one content of a file from the next; of a link its own, not that of what it leads to."""
    try:
        found = path.lstat() if path.name == "current" else path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


@dataclass(frozen=True)
class _Read:
    """What the board holds: those shown in full, of all others a few numbers."""

    values: Values
    recipes: dict[int, str]
    pooled: tuple[Seeds, ...]
    board: Leaderboard
    n_unscored: int
    unscored: list[Entry]
    n_aside: int
    aside: list[Entry]

    @property
    def ranks_apart(self) -> dict[int, int | None]:
        """The ranks among those that the rules rank apart."""
        return {standing.entry.id: standing.rank_apart for standing in self.board.apart}

    @property
    def seeds(self) -> dict[int, int]:
        """How many entries share the recipe of each."""
        uses = Counter(self.recipes.values())
        return {number: uses[recipe] for number, recipe in self.recipes.items()}


def _read(workspace: Workspace, frozen: Frozen, truth: Truth, visible: Visibility, top: int) -> _Read:
    name, lock, metric = frozen.contest.name, frozen.lock_hash, frozen.contest.metrics[0].name
    with open_to_read(workspace) as board:
        values = read_values(board, name, lock, metric, tuple(truth.labels))
        found = read_leaderboard(board, name, lock, metric, visible, top=top, others=False)
        scored = ~np.isnan(values[truth.by, metric]) | values.withheld | values.disqualified
        unscored = values.ids[~scored].tolist()
        aside = _without_rank(values, metric, visible)
        recipes = read_recipes(board, name, lock)
        return _Read(
            values,
            recipes,
            pool(board, values, recipes, (*SEEN_AT_HOME, truth.by), metric),
            found,
            len(unscored),
            read_some(board, unscored[-UNSCORED:]),
            len(aside),
            read_some(board, aside[:ASIDE]),
        )


def _without_rank(values: Values, metric: str, visible: Visibility) -> list[int]:
    """Return the ids of those that were scored and have no rank, of a closed contest best first, else newest first.

    Those that are disqualified come last.
    """
    closing, by = visible.closing, visible.by
    gone = values.ids[values.disqualified].tolist()
    transductive = values.transductive & (visible.transductive != "ranked")
    if closing is None:
        came = zip(values.names, values.times, strict=True)
        late = np.array([visible.deadline.is_late(*one) for one in came], bool)
        scored = ~np.isnan(values[by, metric]) | values.withheld
        aside = values.baseline | (values.withheld & (not visible.ranks_withheld)) | ((transductive | late) & scored)
        return [*values.ids[aside & ~values.disqualified][::-1].tolist(), *gone]
    known = np.flatnonzero(~np.isnan(values[by, metric]))
    score = dict(zip(values.ids[known].tolist(), values[by, metric][known].tolist(), strict=True))
    may_rank = score.keys() - set(values.ids[transductive].tolist())
    finals = ([number for number in sorted(ids) if number in may_rank] for ids in closing.finals.values())
    ranked = {max(ids, key=lambda number: score[number]) for ids in finals if ids}
    return [*sorted(score.keys() - ranked, key=lambda number: (-score[number], number)), *gone]


def _forecasts(
    read: _Read, kept: dict[int, Artifacts], predictions: VisiblePredictions, metric: str, lock: str
) -> dict[int, Forecasts]:
    y_true = predictions.truth.labels["val_shifted"]
    whole = [read.board.ranked[row].entry.id for row in predictions.rows]
    confidences = {number: confidence_of(kept[number].labels, kept[number].probabilities, y_true) for number in whole}
    asked = [standing.entry for standing in read.board.ranked]
    n_hidden = len(predictions.truth.labels["public"])
    return predict_scores(
        *read.values.measured(metric), asked, confidences, metric=metric, n_hidden=n_hidden, lock=lock
    )


def _rate(rows: tuple[Row, ...], metric: str) -> tuple[ForecastMethod, ...]:
    measured = [row for row in rows if metric in row.scores["public"]]
    return rate_methods([row.forecasts for row in measured], [row.scores["public"][metric].value for row in measured])


def _frozen_facts(lock: Lock) -> FrozenFacts:
    findings = [(found.id, f"{found.rule}: {found.action}", found.reason) for found in lock.findings]
    removed: dict[str, int] = {}
    for _, rule, _ in findings:
        removed[rule] = removed.get(rule, 0) + 1
    hashes = {f"{file}: {key}": array.sha256 for file, arrays in lock.arrays.items() for key, array in arrays.items()}
    counts = {split: lock.counts[split] for split in ORDER if split in lock.counts}
    return FrozenFacts(
        lock.digest,
        lock.source,
        counts,
        removed,
        tuple(findings[:FINDINGS]),
        len(findings),
        hashes,
        lock.versions,
        lock.contest.ungrouped,
    )


def rows_of(
    shown: Sequence[Standing],
    kept: dict[int, Artifacts],
    predictions: VisiblePredictions,
    pairs: Pairs,
    forecasts: Mapping[int, Forecasts],
    seeds: Mapping[int, int],
    class_names: tuple[str, ...],
    metric: str,
) -> tuple[Row, ...]:
    """Return the rows of the board; `forecasts`, and the size of its recipe in `seeds`, go by an entry's id."""
    better = predictions.spread(pairs.better)
    ranges = rank_ranges(better)
    values = -np.arange(len(shown))  # they stand in their order already
    level = set(not_distinguishable_from_first(better, values)) if shown else set()
    place = {row: number for number, row in enumerate(predictions.rows)}
    public = _public_ranks(shown, metric)
    return tuple(
        Row(
            rank=row + 1,
            id=standing.entry.id,
            name=standing.entry.name,
            message=standing.entry.message,
            created_at=standing.entry.created_at,
            weights=standing.entry.weights,
            zip_sha256=standing.entry.zip_sha256,
            recipe=standing.entry.recipe,
            seed=standing.entry.seed,
            seeds=seeds.get(standing.entry.id, 1),
            precision=standing.entry.precision,
            withheld=standing.entry.withheld,
            verified=standing.entry.verified,
            n_changed=standing.entry.n_changed,
            same_as=standing.same_as,
            scores=scores_of(standing.entry, tuple(predictions.truth.labels)),
            gap=standing.gap,
            ranks=ranges[row] if row in place else None,
            level_with_first=row in level and (row in place or not row),
            public_rank=public.get(row) if predictions.truth.by == "private" else None,
            run=run_of(kept[standing.entry.id]),
            detail=detail_of(predictions, place[row], class_names) if row in place else None,
            forecasts=forecasts.get(standing.entry.id, {}),
        )
        for row, standing in enumerate(shown)
    )


def _public_ranks(shown: Sequence[Standing], metric: str) -> dict[int, int]:
    """Return the ranks that these entries have among themselves by their public score; of equal ones the earlier."""
    came = sorted(range(len(shown)), key=lambda row: shown[row].entry.id)
    scored = [(row, score.value) for row in came if (score := shown[row].entry.scores.get(("public", metric)))]
    ranks = ranks_of(np.array([value for _, value in scored])).tolist() if scored else []
    return {row: rank for (row, _), rank in zip(scored, ranks, strict=True)}


def aside_of(entry: Entry, splits: tuple[str, ...], metric: str, visible: Visibility) -> Aside:
    """Return an entry that was scored and has no rank, and why it has none."""
    note = why_unranked(entry, metric, visible)
    entry = visible.shown(entry)
    scores = {split: found[metric] for split, found in scores_of(entry, splits).items() if metric in found}
    return Aside(entry.id, entry.name, entry.created_at, note, scores)


def unscored_of(entry: Entry, kept: Artifacts) -> Unscored:
    """Return an entry without a score, and what its card says of it."""
    said = (kept.card.message, kept.card.hint) if kept.card else ("", "")
    return Unscored(entry.id, entry.name, entry.created_at, entry.outcome, *said)
