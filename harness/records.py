"""What was found as records, one a row, for programs: what CSV holds, and a DataFrame.

Shares are 0 to 1 and unrounded, and None stands where there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.format import PARTS

if TYPE_CHECKING:
    import pandas

    from harness.analysis.pair import PairComparison
    from harness.board.ranking import Leaderboard
    from harness.score.card import ScoreCard

SPLITS = ("public", "private", "val", "val_shifted")


@dataclass(frozen=True)
class Records:
    """Rows, each with a value for every one of `fields`."""

    fields: tuple[str, ...]
    rows: Sequence[Mapping[str, Any]]


def of_board(board: Leaderboard) -> Records:
    """Return a row an entry, its scores by the metric that ranks."""
    splits = [split for split in SPLITS if split != "private" or board.by == "private"]
    grouped = any(score.n_groups for standing in board.standings for score in standing.entry.scores.values())
    parts = {part: name for part, name in PARTS.items() if part != "_groups" or grouped}
    rows = []
    for standing in board.standings:
        entry = standing.entry
        row: dict[str, Any] = {"rank": standing.rank, "id": entry.id, "entry": entry.name, "metric": board.metric}
        for split in splits:
            score = getattr(standing, split)
            for part, name in parts.items():
                row[f"{split}{part}"] = getattr(score, name, None)
        row |= {"gap": standing.gap, "weights": entry.weights, "precision": entry.precision}
        row |= {
            "date": entry.created_at,
            "message": entry.message,
            "outcome": entry.outcome,
            "note": standing.note,
            "rank_apart": standing.rank_apart,
            "n_changed": entry.n_changed,
            "verified": entry.verified,
            "same_as": standing.same_as,
            "zip_sha256": entry.zip_sha256,
        }
        rows.append(row)
    scores = [f"{split}{part}" for split in splits for part in parts]
    last = (
        "gap",
        "weights",
        "precision",
        "date",
        "message",
        "outcome",
        "note",
        "rank_apart",
        "n_changed",
        "verified",
        "same_as",
        "zip_sha256",
    )
    return Records(("rank", "id", "entry", "metric", *scores, *last), rows)


def of_card(card: ScoreCard) -> Records:
    """Return a row a metric or recall on each split."""
    fields: tuple[str, ...] = ("split", "kind", "name", "value", "low", "high", "n")
    found = [
        (split, kind, name, estimate)
        for split, score in card.scores.items()
        for kind, estimates in (("metric", score.metrics), ("recall", score.recall))
        for name, estimate in estimates.items()
    ]
    if any(one.n_groups for *_, one in found):
        fields = (*fields, "groups")
    values = ((*names, one.value, one.low, one.high, one.n, one.n_groups) for *names, one in found)
    rows = [dict(zip(fields, of, strict=False)) for of in values]
    return Records(fields, rows)


def of_cards(cards: Iterable[tuple[str, ScoreCard]]) -> Records:
    """Return the rows of each card, with the name of its zip and its outcome; one alone where it was not scored."""
    rows: list[dict[str, Any]] = []
    for name, card in cards:
        found = of_card(card)
        fields = found.fields
        facts = {"zip": name, "outcome": card.outcome}
        rows += [{**facts, **row} for row in found.rows or [dict.fromkeys(fields)]]
    return Records(("zip", "outcome", *fields), rows)


def of_pair(pair: PairComparison) -> Records:
    """Return a row a split: the accuracy of both, their difference, and on how many images one alone is right."""
    fields = ("split", "n", "a", "b", "difference", "low", "high", "only_a", "only_b", "p")
    rows = []
    for split, of in pair.splits.items():
        told, by = of.divided, of.divided.difference
        shares = ((told.both + only) / told.n for only in (told.gained, told.lost))
        values = (split, told.n, *shares, by.value, by.low, by.high, told.gained, told.lost, of.p)
        rows.append(dict(zip(fields, values, strict=True)) | ({"groups": told.n_groups} if told.n_groups else {}))
    return Records(fields + (("groups",) if any("groups" in row for row in rows) else ()), rows)


def frame(found: Leaderboard | ScoreCard | PairComparison) -> pandas.DataFrame:
    """Return what `leaderboard`, `score` or `compare` found as a DataFrame, shares 0 to 1.

    It has a row an entry, a row a metric and split, or a row a split, and the columns of ``--format csv``.
    """
    import pandas

    from harness.board.ranking import Leaderboard
    from harness.score.card import ScoreCard

    if isinstance(found, Leaderboard):
        records = of_board(found)
    else:
        records = of_card(found) if isinstance(found, ScoreCard) else of_pair(found)
    return pandas.DataFrame(records.rows, columns=list(records.fields))
