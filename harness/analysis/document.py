"""All that the page, the CSV and the JSON say, as one typed document.

Shares are 0 to 1 and unrounded.  Nothing here holds a score, a count or a rank that depends on the private half of the
hidden test unless `Report.revealed` is set.
"""

from __future__ import annotations

import msgspec

from harness.analysis.corruptions import Axis
from harness.analysis.ensemble import Ensemble
from harness.analysis.forecast import Forecast
from harness.analysis.overfitting import Probing, Team
from harness.analysis.pairwise import Pairwise
from harness.analysis.predictions import Detail, Run
from harness.analysis.preview import ForecastMethod
from harness.analysis.ranks import RankRange
from harness.analysis.seeds import Seeds
from harness.analysis.shakeup import ShakeUp
from harness.analysis.values import Moment
from harness.score.estimate import Estimate


class SplitFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """A split that the report tells of; `n_groups` is 0 in a contest without groups."""

    name: str
    title: str
    n: int
    n_groups: int = 0


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that was scored, as the board shows it.

    `ranks` is None where its labels are not kept; `level_with_first` says that it is not significantly different from
    the first, `seeds` how many entries share its `recipe`, `withheld` that the Ladder does not show its public score,
    `verified` that it was trained here from public data, `n_changed` how many of its labels were others in other
    company, `same_as` the first entry of another team whose zip holds the same files.
    """

    rank: int
    id: int
    name: str
    message: str
    created_at: str
    weights: str
    zip_sha256: str
    recipe: str
    seed: int | None
    seeds: int
    precision: str
    withheld: bool
    verified: bool
    n_changed: int | None
    same_as: int | None
    scores: dict[str, dict[str, Estimate]]
    gap: float | None
    ranks: RankRange | None
    level_with_first: bool
    public_rank: int | None
    run: Run | None
    detail: Detail | None
    forecasts: dict[str, Forecast | None]


class Unscored(msgspec.Struct, frozen=True):
    """An entry without a score, and why."""

    id: int
    name: str
    created_at: str
    outcome: str
    message: str
    hint: str


class Aside(msgspec.Struct, frozen=True):
    """An entry that was scored and has no rank.

    It is ``withheld``, ``late``, a ``lesser final``, ``not final``, a ``baseline``, ``disqualified``, or
    ``transductive``.
    """

    id: int
    name: str
    created_at: str
    note: str
    scores: dict[str, Estimate]  # split -> by the metric that ranks
    rank_apart: int | None = None  # among those that the rules rank apart


class Closed(msgspec.Struct, frozen=True):
    """When the contest was closed: its last receipt in time, by number and SHA-256, and the teams that chose finals."""

    at: str  # UTC, ISO 8601
    receipts: int
    head: str
    chosen: int


class RescoredFacts(msgspec.Struct, frozen=True):
    """Since when `entries` are worth what they are after a repair, why, and by which receipt."""

    at: str  # UTC, ISO 8601
    why: str
    receipt: int
    entries: int


class FrozenFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the contest was frozen; `ungrouped` says that images of one person may be in it without a word of it."""

    lock: str
    source: dict[str, str]
    counts: dict[str, dict[str, int]]
    removed: dict[str, int]  # rule: action -> images
    findings: tuple[tuple[str, str, str], ...]  # image, rule: action, reason; the first ones
    n_findings: int
    hashes: dict[str, str]  # array -> SHA-256 of its content
    versions: dict[str, str]
    ungrouped: bool = False


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document; `rows` are the best `len(rows)` of `n_scored` entries, of a closed contest one a team.

    `aside` holds some of `n_aside` entries that were scored and have no rank.
    """

    format: int = 1
    contest: str
    title: str
    version: int
    revealed: bool
    closed: Closed | None
    ladder: bool
    transductive: str
    metric: str
    metrics: tuple[str, ...]
    ranked_by: str
    class_names: tuple[str, ...]
    splits: tuple[SplitFacts, ...]
    families: Axis
    severities: tuple[int, ...]
    lengths: Axis
    n_scored: int
    rows: tuple[Row, ...]
    n_unscored: int
    unscored: tuple[Unscored, ...]
    n_aside: int
    aside: tuple[Aside, ...]
    seeds: tuple[Seeds, ...]
    ensemble: Ensemble | None
    pairwise: Pairwise | None
    probing: Probing | None
    teams: tuple[Team, ...]
    methods: tuple[ForecastMethod, ...]
    history: tuple[Moment, ...]
    shakeup: ShakeUp | None
    rescored: tuple[RescoredFacts, ...]
    frozen: FrozenFacts
