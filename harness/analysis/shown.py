"""The entries that the report shows: ranked ones as rows, and in short those that have no rank or no score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.analysis.compare import Pairs
from harness.analysis.document import Aside, Row, Unscored
from harness.analysis.predictions import Told, detail_of, run_of, scores_of
from harness.analysis.preview import Forecasts
from harness.analysis.ranks import not_distinguishable_from_first, rank_ranges
from harness.analysis.shakeup import ranks_of
from harness.board.artifacts import Kept
from harness.board.closing import Closing
from harness.board.ranking import Standing
from harness.board.rows import Entry


def rows_of(
    shown: Sequence[Standing],
    kept: dict[int, Kept],
    told: Told,
    pairs: Pairs,
    foretold: Mapping[int, Forecasts],
    seeds: Mapping[int, int],
    class_names: tuple[str, ...],
    metric: str,
) -> tuple[Row, ...]:
    """Return the rows of the board; `foretold`, and the size of its recipe in `seeds`, go by an entry's id."""
    better = told.spread(pairs.better)
    ranges = rank_ranges(better)
    values = -np.arange(len(shown))  # they stand in their order already
    level = set(not_distinguishable_from_first(better, values)) if shown else set()
    place = {row: number for number, row in enumerate(told.rows)}
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
            held=standing.entry.held,
            scores=scores_of(standing.entry, tuple(told.truth.labels)),
            gap=standing.gap,
            ranks=ranges[row] if row in place else None,
            level_with_first=row in level and (row in place or not row),
            public_rank=public.get(row) if told.truth.by == "private" else None,
            run=run_of(kept[standing.entry.id]),
            detail=detail_of(told, place[row], class_names) if row in place else None,
            foretold=foretold.get(standing.entry.id, {}),
        )
        for row, standing in enumerate(shown)
    )


def _public_ranks(shown: Sequence[Standing], metric: str) -> dict[int, int]:
    """Return the ranks that these entries have among themselves by their public score; of equal ones the earlier."""
    came = sorted(range(len(shown)), key=lambda row: shown[row].entry.id)
    scored = [(row, score.value) for row in came if (score := shown[row].entry.scores.get(("public", metric)))]
    ranks = ranks_of(np.array([value for _, value in scored])).tolist() if scored else []
    return {row: rank for (row, _), rank in zip(scored, ranks, strict=True)}


def aside_of(entry: Entry, splits: tuple[str, ...], metric: str, closing: Closing | None) -> Aside:
    """Return an entry that was scored and has no rank, and why it has none."""
    note = "held" if closing is None else closing.why_unranked(entry)
    told = [split for split in splits if not (note == "held" and split == "public")]
    scores = {split: found[metric] for split, found in scores_of(entry, told).items() if metric in found}
    return Aside(entry.id, entry.name, entry.created_at, note, scores)


def unscored_of(entry: Entry, kept: Kept) -> Unscored:
    """Return an entry without a score, and what its card says of it."""
    said = (kept.card.message, kept.card.hint) if kept.card else ("", "")
    return Unscored(entry.id, entry.name, entry.created_at, entry.outcome, *said)
