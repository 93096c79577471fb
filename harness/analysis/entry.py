"""All that is known of one entry: its place on the board, where it is right and where not, and how it was run."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NoReturn

import msgspec
import numpy as np

from harness.analysis.corruptions import Axis
from harness.analysis.document import SplitFacts
from harness.analysis.predictions import (
    Detail,
    Run,
    Truth,
    VisiblePredictions,
    detail_of,
    run_of,
    scores_of,
    truth_of,
)
from harness.analysis.preview import Forecasts, confidence_of, generator, predict_score
from harness.analysis.ranks import RankRange, not_distinguishable_from_first, rank_ranges
from harness.analysis.seeds import Pooled, pool
from harness.analysis.values import Values, read_recipes, read_values
from harness.board import ledger
from harness.board.artifacts import Artifacts, read_artifacts
from harness.board.closing import Closing
from harness.board.ranking import Note, read_leaderboard, read_standing
from harness.board.recorder import open_to_read
from harness.board.rows import Entry, read_some
from harness.board.team_name import team_key
from harness.board.visibility import looking, visible_to
from harness.errors import UsageError, did_you_mean
from harness.format import TITLES
from harness.freeze.frozen import Frozen
from harness.score.estimate import Estimate
from harness.workspace import Workspace

AMONG = 100  # the best, among whom ranges of ranks are found: the pairs grow with the square
CONFUSIONS = 3
LOG_LINES = 12  # lines of the log of an entry that failed
NAMED = 12  # names that an error lists
NO_ENTRIES = "No entries yet. Type: hemobench submit majority -m first"


class Confusion(msgspec.Struct, frozen=True):
    """`n` images of class `true`, of its `of`, that were taken for class `said`."""

    true: str
    said: str
    n: int
    of: int


class EntryFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a frozen contest; shares are 0 to 1 and unrounded.

    Nothing here depends on the private half unless `private_told` is set, nor on the public half of an entry that the
    Ladder withholds.

    Attributes
    ----------
    namesakes : int
        Other entries of this name.
    disqualified : str
        Why it was taken out of the ranks, where that may be told; else empty.
    rank, ranked : int
        Its place, None where it has none, and how many have one; `note` says why it has none.
    ranks : RankRange or None
        Ranks that the comparisons leave open, among the best 100; None where its labels are not kept, or beyond those.
    splits : tuple of SplitFacts
        Those that are told of; the last one, `by`, decides.
    detail : Detail or None
        Over the hidden images told of; None where no labels are kept.
    before : dict of str to dict of str to Estimate
        What the splits told of were worth before it was rescored last; empty where it was not.
    families, lengths : Axis
        What the tallies of `detail` count by.
    forecasts : dict of str to (Forecast or None)
        Public score by `metric` predicted from entries before it, by method.
    seeds : dict of str to Pooled
        By split, the primary metric over all entries of its recipe; empty where it has none beside itself.
    """

    format: int = 1
    contest: str
    title: str
    lock: str
    metric: str
    metrics: tuple[str, ...]
    class_names: tuple[str, ...]
    private_told: bool
    closed: bool
    by: str
    splits: tuple[SplitFacts, ...]
    id: int
    name: str
    namesakes: int
    message: str
    created_at: str
    weights: str
    precision: str
    zip_sha256: str
    outcome: str
    why: str
    hint: str
    last_log_lines: tuple[str, ...]
    log_withheld: bool
    rank: int | None
    ranked: int
    ranked_by: str
    ranks: RankRange | None
    level_with_first: bool
    note: Note
    disqualified: str
    scores: dict[str, dict[str, Estimate]]
    before: dict[str, dict[str, Estimate]]
    families: Axis
    severities: tuple[int, ...]
    lengths: Axis
    detail: Detail | None
    confusions: tuple[Confusion, ...]
    forecasts: Forecasts
    seeds: dict[str, Pooled]
    run: Run | None

    @property
    def gap(self) -> float | None:
        """Validation score less the public one, by the primary metric: what the team could not see at home."""
        here, there = (self.scores.get(split, {}).get(self.metric) for split in ("val", "public"))
        return here.value - there.value if here and there else None


def see_entry(workspace: Workspace, frozen: Frozen, word: str, *, reveal_private: bool = False) -> EntryFacts:
    """Return what is known of the entry `word`, an id or a name.

    Parameters
    ----------
    workspace : Workspace
    frozen : Frozen
    word : str
        Of a name the entry with the best public score is taken.
    reveal_private : bool
        Tell of the private half while the contest is open, too.

    Raises
    ------
    UsageError
        There is no such entry in this contest.
    BoardError, WorkspaceError
        Board or contest cannot be read.
    """
    contest, lock, metric = frozen.contest, frozen.lock_hash, frozen.contest.metrics[0].name
    visible = visible_to(looking(reveal_private), workspace, frozen)
    with open_to_read(workspace) as board:
        values = read_values(board, contest.name, lock, metric, visible.splits)
        entry = find_entry(board, values, frozen, word, visible.closing)
        place = (board, contest.name, lock, metric)
        best = read_leaderboard(*place, visible, top=AMONG, others=False)
        standing = read_standing(*place, entry, visible)
        told_of = visible.scores(entry)
        seeds = _seeds(board, values, entry, told_of, frozen) if entry.recipe else {}
    truth = truth_of(frozen, told_of)
    shown = [one.entry for one in best.ranked]
    ids = [one.id for one in shown]
    row = ids.index(entry.id) if entry.id in ids else len(shown)
    everyone = shown if row < len(shown) else [*shown, entry]
    kept = read_artifacts(workspace, everyone)
    predictions = VisiblePredictions(everyone, kept, truth, visible)
    detail = (
        detail_of(predictions, predictions.rows.index(row), contest.class_names) if row in predictions.rows else None
    )
    ranks, level = _ranks(predictions, row, metric, frozen) if detail and row < len(shown) else (None, False)
    card = kept[entry.id].card if entry.outcome != "scored" else None
    printed = visible.card(card, told_of).whole_log if card else ""
    return EntryFacts(
        contest=contest.name,
        title=contest.title,
        lock=lock,
        metric=metric,
        metrics=tuple(spec.name for spec in contest.metrics),
        class_names=contest.class_names,
        private_told=visible.private,
        closed=visible.closing is not None,
        by=truth.by,
        splits=tuple(SplitFacts(split, TITLES[split], *of) for split, *of in truth.sizes()),
        id=entry.id,
        name=entry.name,
        namesakes=values.names.count(entry.name) - 1,
        message=entry.message,
        created_at=entry.created_at,
        weights=entry.weights,
        precision=entry.precision,
        zip_sha256=entry.zip_sha256,
        outcome=entry.outcome,
        why=card.message if card else "",
        hint=card.hint if card else "",
        last_log_lines=tuple(printed.strip().splitlines()[-LOG_LINES:]),
        log_withheld=card is not None and card.whole_log != printed,
        rank=standing.rank,
        ranked=best.n_ranked,
        ranked_by=best.by,
        ranks=ranks,
        level_with_first=level,
        note=standing.note,
        disqualified=ledger.disqualified(workspace.ledger)[entry.id].why
        if entry.disqualified and visible.reasons
        else "",
        scores=scores_of(entry, told_of),
        before=_before(workspace, entry, told_of) if entry.rescored else {},
        families=truth.groups.families,
        severities=truth.groups.severities,
        lengths=truth.groups.lengths,
        detail=detail,
        confusions=most_confused(detail.confusion, contest.class_names) if detail else (),
        forecasts=_forecasts(values, entry, kept[entry.id], truth, frozen),
        seeds=seeds,
        run=run_of(kept[entry.id]),
    )


def _before(workspace: Workspace, entry: Entry, splits: Sequence[str]) -> dict[str, dict[str, Estimate]]:
    """Return what an entry was worth before it was rescored last, on these splits."""
    for states in ledger.states_newest_first(workspace.ledger):
        if states[0].scored.entry == entry.id:
            return {split: of for split, of in states[1].scored.scores.items() if split in splits}
    return {}


def find_entry(
    board: sqlite3.Connection, values: Values, frozen: Frozen, word: str, closing: Closing | None = None
) -> Entry:
    """Return the entry with the id `word`, else the one of this name with the best public score that shows.

    Of a closed contest that is the final which ranks for the team.  Of equal scores the earlier entry is taken; where
    none of that name shows one, the last of them.

    Parameters
    ----------
    board : sqlite3.Connection
    values : Values
        Of all entries of the contest: their names, and the primary metric on the public half.
    frozen : Frozen
    word : str
    closing : Closing, optional
        Of a closed contest; `values` then hold the private half, too.

    Raises
    ------
    UsageError
        There is none in this freeze of the contest.
    """
    ids = values.ids.tolist()
    key = team_key(word)
    spelt = {name for name in set(values.names) if team_key(name) == key}
    named = [row for row, name in enumerate(values.names) if name in spelt]
    if is_number(word) and (int(word) in ids or not named):
        number = int(word)
    elif named:
        metric = frozen.contest.metrics[0].name
        finals = {number for name in spelt for number in closing.finals.get(name, ())} if closing else set()
        named = [row for row in named if ids[row] in finals] or named
        scores = values["private" if finals else "public", metric][named]
        number = ids[named[-1] if np.isnan(scores).all() else named[int(np.nanargmax(scores))]]
    else:
        raise UsageError(f"{frozen.contest.name} has no entry {word!r}.", _names(values, word))
    found = read_some(board, [number])
    if not found:
        raise UsageError(f"The board has no entry {number}.", _ids(values))
    if number not in ids:
        _refuse_stranger(found[0], frozen)
    return found[0]


def is_number(word: str) -> bool:
    """Say whether a word can be an id: SQLite holds no larger ones."""
    return word.isascii() and word.isdecimal() and len(word) <= 18


def _names(values: Values, word: str) -> str:
    names = set(values.names)
    said = did_you_mean(word, names)
    if said.startswith("Did") or 0 < len(names) <= NAMED:
        return said
    return f"It has {len(names)} names, see: hemobench leaderboard" if names else NO_ENTRIES


def _ids(values: Values) -> str:
    return f"Ids of this contest go from {values.ids[0]} to {values.ids[-1]}." if len(values.ids) else NO_ENTRIES


def _refuse_stranger(entry: Entry, frozen: Frozen) -> NoReturn:
    """Say whose entry this is: of another contest, or of a freeze with other images."""
    asked = frozen.contest.name
    if entry.contest != asked:
        raise UsageError(
            f"Entry {entry.id}, {entry.name}, belongs to the contest {entry.contest}, not to {asked}.",
            f"Add: --contest {entry.contest}",
        )
    raise UsageError(
        f"Entry {entry.id}, {entry.name}, was scored on another freeze of {asked}: other images, {entry.lock[:12]}.",
        f"Only entries of the freeze in force, {frozen.lock_hash[:12]}, are shown and compared; where it repairs that "
        "one: hemobench contest rescore",
    )


def _ranks(predictions: VisiblePredictions, row: int, metric: str, frozen: Frozen) -> tuple[RankRange, bool]:
    """Return the range of ranks of the entry in `row` of those that rank, and whether it may be the first."""
    better = predictions.spread(predictions.compare(metric, frozen.contest.n_classes, frozen.lock_hash).better)
    level = not_distinguishable_from_first(better, -np.arange(len(better)))  # they stand in their order already
    return rank_ranges(better)[row], row in level


def most_confused(
    confusion: Sequence[Sequence[int]], class_names: Sequence[str], most: int = CONFUSIONS
) -> tuple[Confusion, ...]:
    """Return the most frequent confusions, of equal ones those of the earlier class first.

    Examples
    --------
    >>> most_confused([[7, 3], [0, 5]], ["monocyte", "platelet"])
    (Confusion(true='monocyte', said='platelet', n=3, of=10),)
    """
    found = [
        Confusion(class_names[true], class_names[said], n, sum(row))
        for true, row in enumerate(confusion)
        for said, n in enumerate(row)
        if n and said != true
    ]
    return tuple(sorted(found, key=lambda one: -one.n)[:most])


def _forecasts(values: Values, entry: Entry, kept: Artifacts, truth: Truth, frozen: Frozen) -> Forecasts:
    """Predict the public score of an entry from what was known on the day it came."""
    metric = frozen.contest.metrics[0].name
    val, shifted, public = (entry.scores.get((split, metric)) for split in ("val", "val_shifted", "public"))
    if not (val and shifted and public):
        return {}
    ids, measured = values.measured(metric)
    return predict_score(
        measured[ids < entry.id],
        metric=metric,
        val=val.value,
        shifted=shifted,
        n_hidden=public.n,
        confidence=confidence_of(kept.labels, kept.probabilities, truth.labels["val_shifted"]),
        rng=generator(frozen.lock_hash, entry.zip_sha256),
    )


def _seeds(
    board: sqlite3.Connection, values: Values, entry: Entry, splits: Sequence[str], frozen: Frozen
) -> dict[str, Pooled]:
    recipes = read_recipes(board, frozen.contest.name, frozen.lock_hash)
    same = {number: recipe for number, recipe in recipes.items() if recipe == entry.recipe}
    found = pool(board, values, same, splits, frozen.contest.metrics[0].name)
    return next((seeds.scores for seeds in found), {})
