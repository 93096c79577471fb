"""What a rescoring does, for a person: what is not as it was, and who stands where before and after."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import msgspec

from harness.board.again import HIDDEN, TAUGHT, Match, labels_by_id, match
from harness.board.artifacts import artifacts_of
from harness.board.in_force import in_force
from harness.board.ranking import read_leaderboard
from harness.board.receipts import Receipt, Rescored, Scored
from harness.board.visibility import Role, Visibility, visible_to
from harness.freeze.frozen import Frozen, find_freeze
from harness.score.card import scorer_version
from harness.score.estimate import Estimate
from harness.score.evaluate import Evaluation, hash_labels
from harness.words import counted
from harness.workspace import Workspace

How = Literal["kept predictions", "new run", "not rescored", "as it was"]
CLOSE = 1e-9  # a share of images is not rounded, other metrics are
Standings = dict[int, tuple[int | None, float | None]]


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What a rescoring does to one entry.

    Attributes
    ----------
    how : {'kept predictions', 'new run', 'not rescored', 'as it was'}
        Of one that is not rescored `why` says why; it stays as it was, under its lock.  One that is as it was has
        another rank through others.
    outcome, score, rank : tuple of two
        Before and after, by the metric that ranks on the half that ranks; None where there is none, or where it is not
        shown to whoever looks.
    """

    entry: int
    name: str
    how: How
    why: str = ""
    outcome: tuple[str, str]
    score: tuple[float | None, float | None]
    rank: tuple[int | None, int | None]


@dataclass(frozen=True)
class Change:
    """Who stands where before and after, as one reader may see it."""

    workspace: Workspace
    old: Frozen
    now: Frozen
    role: Role

    @property
    def metric_before(self) -> str:
        return self.old.contest.metrics[0].name

    @property
    def metric(self) -> str:
        return self.now.contest.metrics[0].name

    @cached_property
    def visible_before(self) -> Visibility:
        return visible_to(self.role, self.workspace, self.old)

    @cached_property
    def visible_now(self) -> Visibility:
        """It is closed where it was closed before."""
        now = visible_to(self.role, self.workspace, self.now)
        return replace(now, closing=now.closing or self.visible_before.closing)

    def before(self, board: sqlite3.Connection) -> Standings:
        of_old = _standings(board, self.old, self.metric_before, self.visible_before)
        if self.old.lock_hash == self.now.lock_hash:
            return of_old
        return _standings(board, self.now, self.metric, self.visible_now) | of_old

    def after(self, board: sqlite3.Connection) -> Standings:
        return _standings(board, self.now, self.metric, self.visible_now)


def _standings(board: sqlite3.Connection, frozen: Frozen, metric: str, visible: Visibility) -> Standings:
    found = read_leaderboard(board, frozen.contest.name, frozen.lock_hash, metric, visible).standings
    scores = {one.entry.id: one.private if visible.by == "private" else one.public for one in found}
    return {one.entry.id: (one.rank, score.value if (score := scores[one.entry.id]) else None) for one in found}


def listed(
    states: Mapping[int, Scored],
    found: Mapping[int, Evaluation | str],
    ran: Container[int],
    before: Standings,
    after: Standings,
) -> tuple[Changed, ...]:
    """Return what becomes of each that was rescored, could not be, or has another rank through those."""
    lines = []
    nothing = (None, None)
    for entry in sorted(found.keys() | {one for one in before if before[one] != after.get(one, nothing)}):
        one, was = found.get(entry), before.get(entry, nothing)
        how: How = "as it was" if one is None else "new run" if entry in ran else "kept predictions"
        is_now = was if isinstance(one, str) else after.get(entry, nothing)
        outcome = states[entry].outcome
        lines.append(
            Changed(
                entry=entry,
                name=states[entry].name,
                how="not rescored" if isinstance(one, str) else how,
                why=one if isinstance(one, str) else "",
                outcome=(outcome, one.card.outcome if isinstance(one, Evaluation) else outcome),
                score=(was[1], None if isinstance(one, str) else is_now[1]),
                rank=(was[0], None if isinstance(one, str) else is_now[0]),
            )
        )
    return tuple(sorted(lines, key=lambda one: (one.rank[1] or len(lines) + 1, one.entry)))


def differences(old: Frozen, now: Frozen, moved: Match | None, states: Sequence[Scored]) -> Iterator[str]:
    """Yield what is not as it was, for a person."""
    if any(one.scorer != scorer_version() for one in states if one.scores):
        yield f"The scorer is another one: {scorer_version()} now."
    metrics = [[spec.name for spec in frozen.contest.metrics] for frozen in (old, now)]
    if metrics[0] != metrics[1]:
        yield f"Metrics were {', '.join(metrics[0])}, and are {', '.join(metrics[1])}; the first one ranks."
    if old.lock_hash == now.lock_hash:
        return
    if moved and moved.renumbered:
        told = ", ".join(f"{was} → {is_now}" for was, is_now in enumerate(moved.renumbered) if was != is_now)
        yield f"Classes were renumbered, {told}: what entries had answered is translated."
    new = moved.renumbered if moved and moved.renumbered else range(old.contest.n_classes)
    hidden = [labels_by_id(frozen, HIDDEN) for frozen in (old, now)]
    taught = [labels_by_id(frozen, TAUGHT) for frozen in (old, now)]
    for what, (was, is_now) in (("hidden", hidden), ("public", taught)):
        if n := sum(new[was[name]] != is_now[name] for name in was.keys() & is_now.keys()):
            yield f"{counted(n, f'{what} image')} of {len(is_now)} {'has' if n == 1 else 'have'} another label."
        if gone := len(was.keys() - is_now.keys()):
            yield f"{counted(gone, f'{what} image is', f'{what} images are')} gone."
        if added := len(is_now.keys() - was.keys()):
            yield f"{counted(added, f'{what} image is', f'{what} images are')} new."
    if seen := len(hidden[1].keys() & taught[0].keys()):
        yield f"{counted(seen, 'hidden image was', 'hidden images were')} public before: entries may have learnt them."


def contradictions(
    workspace: Workspace,
    receipt: Rescored,
    scored: Mapping[int, Scored],
    states: Callable[[Scored], Sequence[tuple[Receipt, Scored]]],
) -> Iterator[tuple[str, str, str]]:
    """Yield what a rescoring says that does not follow from what was on record before: what, got, expected.

    What was scored from kept answers is scored once more, where the same scorer and both freezes are here.

    Parameters
    ----------
    scored : mapping of int to Scored
        The first receipt of each entry.
    states : callable
        What such a receipt has stood for, oldest first, each with the receipt since which it does.
    """
    frozen = {lock: find_freeze(workspace, receipt.contest, lock) for lock in (receipt.before, receipt.lock)}
    old, now = frozen[receipt.before], frozen[receipt.lock]
    matched = match(in_force(workspace, old), in_force(workspace, now)) if old and now else None
    for one in receipt.entries:
        first = scored.get(one.entry)
        before = [state for since, state in states(first) if since.number < receipt.number] if first else []
        what = f"entry {one.entry}"
        if not before or before[-1].contest != receipt.contest:
            yield what, "rescored", "an entry of that contest before it"
            continue
        if before[-1].lock not in (receipt.before, receipt.lock):
            yield f"{what}, lock", before[-1].lock[:12], f"{receipt.before[:12]}, under which it says that it stood"
        if one.ran or matched is None or before[-1].lock != receipt.before:
            continue
        answers = matched.answers(artifacts_of(workspace, before[-1]))
        if answers and one.scorer == scorer_version():
            if one.predictions != {split: hash_labels(said) for split, said in answers[0].items()}:
                yield f"{what}, labels", "others", "those that it had answered"
            for split, said in answers[0].items():
                if not _agree(one.scores.get(split, {}), matched.worth(split, said)):
                    yield f"{what}, {split}", "another value", "what its labels are worth"


def _agree(said: Mapping[str, Estimate], found: Mapping[str, float]) -> bool:
    """Say whether metrics have these values where both have them: rules may have named others since."""
    return bool(said) and all(abs(said[metric].value - found[metric]) < CLOSE for metric in said.keys() & found.keys())
