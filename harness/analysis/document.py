"""All that the page, the CSV and the JSON say, as one typed document.

Shares are 0 to 1 and unrounded.  Nothing here holds a score, a count or a rank that depends on the private half of the
hidden test unless `Report.revealed` is set.
"""

from __future__ import annotations

import msgspec

from harness.analysis.calibration import Bin
from harness.analysis.diagnosis import Tally
from harness.analysis.forecast import Errors, Forecast
from harness.analysis.overfitting import Probing
from harness.analysis.ranks import Pooled, RankRange
from harness.analysis.shakeup import SharePoint
from harness.score.card import Estimate


class SplitFacts(msgspec.Struct, frozen=True):
    """A split that the report tells of."""

    name: str
    title: str
    n: int


class Axis(msgspec.Struct, frozen=True):
    """What hidden pictures are counted by: `names`, in groups called `of` where they have any, with `n` of each."""

    names: tuple[str, ...]
    of: tuple[str, ...]
    n: tuple[int, ...]


class Worst(msgspec.Struct, frozen=True):
    """The group of hidden pictures that an entry does worst on."""

    kind: str
    name: str
    estimate: Estimate


class Run(msgspec.Struct, frozen=True):
    """How an entry was run."""

    zip_bytes: int
    seconds: float
    memory_mb: float
    isolation: str
    missing_walls: tuple[str, ...]
    notes: tuple[str, ...]


class Missed(msgspec.Struct, frozen=True):
    """A picture of a public split that `entries` miss: its row, its class, and what they most often say instead."""

    split: str
    row: int
    label: int
    said: int
    entries: int


class Calibration(msgspec.Struct, frozen=True):
    """Whether an entry is right as often as it says: `bins` of equally many pictures, and three numbers, 0 the best.

    `ece` is the expected calibration error over these bins; log loss is in nats, and the Brier score 0 to 2.
    """

    bins: tuple[Bin, ...]
    ece: float
    log_loss: float
    brier: float


class Detail(msgspec.Struct, frozen=True):
    """Where an entry is right, from its kept labels.

    Attributes
    ----------
    recalls : dict of str to tuple
        By split, the share found of each class.
    families : tuple of Tally
        Hidden pictures by family of corruption, in the order of `Report.families`.
    severities : tuple of tuple of Tally
        The same by family and severity.
    lengths : tuple of Tally
        Hidden pictures by the number of corruptions, in the order of `Report.lengths`.
    confusion : tuple of tuple of int
        Of the hidden pictures: rows are true classes, columns predicted ones.
    alone : dict of str to int
        By split, how many pictures this entry misses and the best others all have right.
    alone_shown : tuple of Missed
        Some of those, of the public splits.
    calibration : dict of str to Calibration
        By split; empty where the entry gives no probabilities.
    """

    recalls: dict[str, tuple[Estimate | None, ...]]
    families: tuple[Tally, ...]
    severities: tuple[tuple[Tally, ...], ...]
    lengths: tuple[Tally, ...]
    confusion: tuple[tuple[int, ...], ...]
    worst: tuple[Worst, ...]
    alone: dict[str, int]
    alone_shown: tuple[Missed, ...]
    calibration: dict[str, Calibration]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that was scored, as the board shows it.

    `ranks` is None where its labels are not kept; `level_with_first` says that it cannot be told from the first, and
    `seeds` how many entries share its `recipe`; `held` that the Ladder held its public score back.
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
    held: bool
    scores: dict[str, dict[str, Estimate]]
    gap: float | None
    ranks: RankRange | None
    level_with_first: bool
    public_rank: int | None
    run: Run | None
    detail: Detail | None
    foretold: dict[str, Forecast | None]


class Unscored(msgspec.Struct, frozen=True):
    """An entry without a score, and why."""

    id: int
    name: str
    created_at: str
    outcome: str
    message: str
    hint: str


class Aside(msgspec.Struct, frozen=True):
    """An entry that was scored and has no rank: ``held``, ``late``, a ``lesser final``, or ``not final``."""

    id: int
    name: str
    created_at: str
    note: str
    scores: dict[str, Estimate]  # split -> by the metric that ranks


class Seeds(msgspec.Struct, frozen=True):
    """Entries of one recipe that differ by their seed: by split, the metric that ranks."""

    name: str  # of the first of them
    entries: tuple[int, ...]
    scores: dict[str, Pooled]


class Pair(msgspec.Struct, frozen=True):
    """Two entries, by their rows of the board, and a share."""

    one: int
    other: int
    value: float


class Together(msgspec.Struct, frozen=True):
    """What the entries with kept labels are worth together, on the split that ranks.

    Attributes
    ----------
    entries : int
        How many have kept labels.
    shown : tuple of int
        Rows of the board in the two tables: the best with kept labels.
    agreement, gain : tuple of tuple of float
        Among those: the share of pictures with one label; points that the vote of two has more than the better one.
    oracle : float
        Share of pictures that at least one entry has right.
    best_pairs : tuple of Pair
        The pairs of those that gain most.
    blend : tuple of tuple of int
        Rows of the board in the greedy blend, and their votes, chosen on shifted validation.
    blend_chosen, blend_measured : Estimate
        Its accuracy where it was chosen, which is too good, and on the split that ranks.
    missed : tuple of Missed
    missed_by : tuple of int
        Of the split that ranks: how many pictures are missed by 0, 1, ... all entries.
    """

    entries: int
    shown: tuple[int, ...]
    agreement: tuple[tuple[float, ...], ...]
    gain: tuple[tuple[float, ...], ...]
    oracle: float
    best_pairs: tuple[Pair, ...]
    blend: tuple[tuple[int, int], ...]
    blend_chosen: Estimate
    blend_measured: Estimate
    missed: tuple[Missed, ...]
    missed_by: tuple[int, ...]


class Pairwise(msgspec.Struct, frozen=True):
    """Counts of pictures that divide two entries, by split, for each pair of `rows` with the first before the second.

    `gained` are those that only the first has right, `lost` those that only the second has; `adjusted` is Holm's
    p-value on the split that ranks.
    """

    rows: tuple[int, ...]
    gained: dict[str, tuple[int, ...]]
    lost: dict[str, tuple[int, ...]]
    adjusted: tuple[float, ...]


class Moment(msgspec.Struct, frozen=True):
    """A submission on the way: when, and what it scored on the public half; `best` when it was the best so far."""

    id: int
    name: str
    created_at: str
    value: float
    best: bool


class ForecastMethod(msgspec.Struct, frozen=True):
    """A way to foretell the public score, and how it fared; None where it could foretell nothing."""

    name: str
    title: str
    errors: Errors | None


class Moved(msgspec.Struct, frozen=True):
    """An entry's rank by the public and by the private score, and what its rank is where the halves are drawn anew.

    `ranks` is the middle 95 %, `first` the share of draws in which it is first; None where its labels are not kept.
    """

    id: int
    then: int
    now: int
    ranks: RankRange | None
    first: float | None


class ShakenUp(msgspec.Struct, frozen=True, kw_only=True):
    """How the ranks moved from the public to the private half; only in a revealed report.

    Attributes
    ----------
    kendall, spearman : float or None
        Rank correlation of the two halves' scores, over `entries`; None where all are equal.
    drawn : int
        Entries whose labels are kept: among these halves are drawn anew.
    drawn_kendall : float
        Its mean over these draws.
    curve : tuple of SharePoint
        What other sizes of the public part would be worth; none where all entries are right on the same pictures.
    enough : SharePoint or None
        The smallest whose winner is expected to cost at most `regret` accuracy on the private part.
    """

    kendall: float | None
    spearman: float | None
    entries: int
    drawn: int
    drawn_kendall: float | None
    moved: tuple[Moved, ...]
    curve: tuple[SharePoint, ...]
    regret: float
    enough: SharePoint | None


class Team(msgspec.Struct, frozen=True):
    """A team with many submissions: its best public score, how many it was shown, and what their number may explain."""

    name: str
    best: float
    shown: int
    probing: Probing


class Closed(msgspec.Struct, frozen=True):
    """When the contest was closed: its last receipt in time, by number and SHA-256, and the teams that chose finals."""

    at: str  # UTC, ISO 8601
    receipts: int
    head: str
    chosen: int


class FrozenFacts(msgspec.Struct, frozen=True):
    """How the contest was frozen."""

    lock: str
    source: dict[str, str]
    counts: dict[str, dict[str, int]]
    removed: dict[str, int]  # rule: action -> pictures
    findings: tuple[tuple[str, str, str], ...]  # picture, rule: action, reason; the first ones
    n_findings: int
    hashes: dict[str, str]  # array -> SHA-256 of its content
    versions: dict[str, str]


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
    together: Together | None
    pairwise: Pairwise | None
    probing: Probing | None
    teams: tuple[Team, ...]
    methods: tuple[ForecastMethod, ...]
    history: tuple[Moment, ...]
    shaken_up: ShakenUp | None
    frozen: FrozenFacts
