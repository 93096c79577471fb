"""What the lines of the ledger say: a receipt for each score, and for each event beside scores.

A new kind of event is a class here with its own ``tag``, named in `Kind`.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from harness.score.estimate import Estimate

FORMAT = 1


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """What every line of the ledger says; each kind adds its own."""

    format: int
    number: int  # 1, 2, 3 ...
    previous: str  # SHA-256 of the line before
    created_at: str  # UTC, ISO 8601; by the machine's clock, which may jump: the order is that of `number`
    contest: str
    lock: str

    @property
    def about(self) -> str:
        """What it is of, in a word or two."""
        raise NotImplementedError

    @property
    def when(self) -> str:
        """When it was written, for people."""
        return f"{self.created_at[:16].replace('T', ' ')} UTC"


class Scored(Receipt, frozen=True, kw_only=True, omit_defaults=True, tag="score"):
    """What was scored, as what, how it ended, and by what it can be checked.

    `card` and `labels` are paths inside the workspace; `labels`, the file of predicted labels, is empty where the entry
    was not scored.  `scores` is keyed by split, then by metric.
    """

    entry: int  # id of the row on the board
    name: str
    message: str
    outcome: str
    zip_sha256: str
    weights: str
    scorer: str
    order: int  # seed of the order in which the images were handed to the entry
    scores: dict[str, dict[str, Estimate]]
    predictions: dict[str, str]  # split -> SHA-256 of its labels
    card: str
    card_sha256: str
    labels: str
    labels_sha256: str
    environment: dict[str, str]
    isolation: str
    restrictions: tuple[str, ...]
    missing_restrictions: tuple[str, ...]
    recipe: str = ""  # seeds of one recipe share it; empty where it is not known
    seed: int | None = None
    precision: str = ""  # in which its training computed; empty where it is not known
    runtime: str = ""  # the environment it ran in, and the SHA-256 of its packages; empty where nothing ran
    runtime_lock: str = ""
    authors: tuple[str, ...] = ()  # these three as the entry states them
    outside_data: str = ""
    licence: str = ""
    withheld: bool = False  # by the Ladder: its public score is no clear gain, and is not shown
    n_changed: int | None = None  # labels that were others in other company; None where that was not found out
    verified: bool = False  # trained here from public data, twice, and both label all images alike
    trained_from: str = ""  # SHA-256 of the zip whose fit.py was run here; that of its own where nothing came of it
    handed_in: str = ""  # UTC; where its team handed it in elsewhere, before it came to this machine
    baseline: bool = False  # one of the harness' own, submitted by its bare name
    content: str = ""  # what zips of the same files share, however they were packed; empty where it was refused

    @property
    def about(self) -> str:
        return self.name

    def rescored(self, lock: str, now: Rescoring) -> Scored:
        """Return what this says since the entry was rescored under `lock`."""
        facts = {name: getattr(now, name) for name in now.__struct_fields__ if name not in ("entry", "ran")}
        return msgspec.structs.replace(self, lock=lock, **facts)


class Rescoring(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one entry is worth since it was rescored: fields of `Scored`, which stand in place of those before."""

    entry: int
    outcome: str
    scorer: str
    order: int
    scores: dict[str, dict[str, Estimate]]
    predictions: dict[str, str]
    card: str
    card_sha256: str
    labels: str
    labels_sha256: str
    n_changed: int | None = None
    ran: bool = False  # its zip was run again; else what it had answered was scored again


class Rescored(Receipt, frozen=True, kw_only=True, omit_defaults=True, tag="rescored"):
    """Entries that were scored again, all at once; what they were worth before stays on record.

    `before` is the lock under which they stood, that of the receipt where only the scorer or a metric is another one.
    `renumbered` has the new number of each class where the public images show that classes were renumbered.
    """

    before: str
    why: str
    entries: tuple[Rescoring, ...]
    renumbered: tuple[int, ...] = ()

    @property
    def about(self) -> str:
        return f"{self.contest} rescored"


class Change(msgspec.Struct, frozen=True, rename={"old": "from", "new": "to"}):
    """A value, and the one in whose place it stands, as JSON holds them."""

    old: Any
    new: Any


class RulesChanged(Receipt, frozen=True, kw_only=True, omit_defaults=True, tag="rules"):
    """Rules of a contest that were changed while it ran, by name.

    `by` says whether a person typed it or the contest file was frozen again with other rules.
    """

    changes: dict[str, Change]
    why: str
    by: Literal["command", "contest file"]

    @property
    def about(self) -> str:
        return f"rules of {self.contest}"


class Disqualified(Receipt, frozen=True, kw_only=True, omit_defaults=True, tag="disqualified"):
    """An entry that was taken out of the ranks; its receipts and files stay."""

    entry: int
    why: str

    @property
    def about(self) -> str:
        return f"entry {self.entry} disqualified"


class Reinstated(Receipt, frozen=True, kw_only=True, omit_defaults=True, tag="reinstated"):
    """An entry that was disqualified and ranks again."""

    entry: int
    why: str

    @property
    def about(self) -> str:
        return f"entry {self.entry} reinstated"


class Extended(Receipt, frozen=True, kw_only=True, omit_defaults=True, tag="extension"):
    """A deadline of its own that a team was given."""

    team: str  # as the board calls it
    until: str  # UTC, ISO 8601
    why: str

    @property
    def about(self) -> str:
        return f"extension of {self.team}"


Kind = Scored | Rescored | RulesChanged | Disqualified | Reinstated | Extended
