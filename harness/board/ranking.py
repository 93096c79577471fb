"""Who stands where: entries ordered by the primary metric on the public half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.board.rows import Entry, Score

SCORED = "scored"


@dataclass(frozen=True)
class Standing:
    """One row of the leaderboard; `rank` is None for an entry that was not scored."""

    rank: int | None
    entry: Entry
    public: Score | None
    private: Score | None
    val: Score | None
    val_shifted: Score | None

    @property
    def gap(self) -> float | None:
        """Validation score minus public score: what the team could not see at home."""
        return self.val.value - self.public.value if self.val and self.public else None


def rank_entries(entries: Sequence[Entry], metric: str, *, by: str = "public") -> list[Standing]:
    """Order entries by `metric` on the split `by`, best first.

    Values are compared unrounded.  Of equal ones the earlier entry stands first; there are no shared ranks.  Entries
    that were not scored follow, in the order in which they came.
    """
    scored = [entry for entry in entries if (by, metric) in entry.scores]
    others = [entry for entry in entries if (by, metric) not in entry.scores]
    ordered = sorted(scored, key=lambda entry: (-entry.scores[by, metric].value, entry.id))
    ranked = [*enumerate(ordered, start=1), *((None, entry) for entry in others)]
    splits = ("public", "private", "val", "val_shifted")
    return [Standing(rank, entry, *(entry.scores.get((split, metric)) for split in splits)) for rank, entry in ranked]
