"""The shake-up: how ranks move from the public to the private half, and how they would had the halves fallen otherwise.

Everywhere here entries stand in the order in which they came: of equal scores the earlier one ranks first.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import SupportsFloat

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.analysis.predictions import VisiblePredictions, truth_of
from harness.analysis.ranks import RankRange, ranks_of
from harness.board.artifacts import read_artifacts
from harness.board.closing import Closing
from harness.board.ranking import Leaderboard, Standing, read_leaderboard
from harness.board.recorder import open_to_read
from harness.board.visibility import Role, visible_to
from harness.freeze.frozen import Frozen
from harness.score.stats import by_group
from harness.workspace import Workspace

COMPARED = 100  # entries among which halves are drawn anew, and pairs compared: these grow with the square
DRAWS = 1000
SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)  # of the hidden images that might be public
CURVE_DRAWS = 1000  # for each of these
REGRET = 0.005  # what following the public board may cost: half a point


class Redrawn(msgspec.Struct, frozen=True):
    """What other halves of the same hidden images would have shown.

    Attributes
    ----------
    public, private : ndarray of shape (draws, entries), int64
        Rank of each entry in each draw, 1 to entries.
    kendall : ndarray of shape (draws,), float64
        Rank correlation of public and private scores, -1 to 1; nan where all entries are equal.
    """

    public: NDArray[np.int64]
    private: NDArray[np.int64]
    kendall: NDArray[np.float64]

    def first(self) -> NDArray[np.float64]:
        """Return P(first in private) of each entry, shape (entries,)."""
        return (self.private == 1).mean(axis=0)

    def ranks(self, share: float = 0.95) -> NDArray[np.int64]:
        """Return the middle `share` of each entry's private ranks, shape (entries, 2)."""
        tails = [(1 - share) / 2, (1 + share) / 2]
        return np.quantile(self.private, tails, axis=0, method="closest_observation").T.astype(np.int64)


class SharePoint(msgspec.Struct, frozen=True):
    """One public share of the hidden images, and what it is worth in a new contest with images like these.

    `rank_change` is in ranks; `regret`, 0 to 1, is how much less accurate the public winner is on average than the
    best entry.
    """

    share: float
    n_public: int
    n_private: int
    rank_change: float
    winner_kept: float
    kendall: float | None  # None where all entries are equal in every draw
    regret: float


def rank_correlation(one: NDArray, other: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Kendall's tau-b and Spearman's rho of two sets of scores, shapes (..., entries).

    Notes
    -----
    Unlike a rank on the board, equal scores count as equal here.  Nan where all scores of a set are equal.

    References
    ----------
    M. G. Kendall, "The treatment of ties in ranking problems", Biometrika 33 (1945) 239-251.

    Examples
    --------
    >>> tau, rho = rank_correlation(np.array([3, 2, 1, 0]), np.array([3, 1, 2, 0]))
    >>> print(f"{tau:.3f} {rho:.3f}")
    0.667 0.800
    """
    signs, tied = np.zeros((3, *one.shape)), np.zeros((2, *one.shape))  # one entry against all: memory stays linear
    for entry in range(one.shape[-1]):
        a, b = (np.sign(scores[..., entry, None] - scores) for scores in (one, other))
        signs[..., entry] = (a * b).sum(axis=-1), np.abs(a).sum(axis=-1), np.abs(b).sum(axis=-1)
        tied[..., entry] = a.sum(axis=-1), b.sum(axis=-1)  # twice the mid-rank, but for a constant
    agree, of_one, of_other = signs.sum(axis=-1)
    with np.errstate(invalid="ignore"):
        tau = agree / np.sqrt(of_one * of_other)
        rho = (tied[0] * tied[1]).sum(axis=-1) / np.sqrt((tied**2).sum(axis=-1).prod(axis=0))
    return tau, rho


def redraw_halves(
    right: NDArray[np.bool_],
    strata: NDArray[np.int64],
    share: float,
    rng: np.random.Generator,
    *,
    groups: NDArray[np.intp] | None = None,
    draws: int = DRAWS,
) -> Redrawn:
    """Draw the public and private halves of the hidden images anew, and rank all entries in each.

    Parameters
    ----------
    right : ndarray of shape (entries, n), bool
        Whether each entry's label of each hidden image was right.
    strata : ndarray of shape (n,), int64
        Within what the halves are drawn: the true class, as `harness.freeze.split` does.
    share : float
        Of the hidden images that are public, 0 to 1.
    rng : numpy.random.Generator
    groups : ndarray of shape (n,), intp, optional
        The group of each image, where they come in groups: none of these is cut, and strata are not kept.
    draws : int

    Notes
    -----
    The images stay the same, so that this tells what the cut decided, not what other images would have shown:
    an entry that is best on all hidden images stays the favourite in every draw.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> right = rng.random((3, 400)) < np.array([[0.9], [0.6], [0.3]])
    >>> redraw_halves(right, np.zeros(400, int), 0.5, rng).first().tolist()
    [1.0, 0.0, 0.0]
    """
    n, hits_of = right.shape[1], right.astype(np.float32)
    if groups is not None:
        sizes, hits_of = by_group(np.ones(n), groups), by_group(right, groups).astype(np.float32)
        public = np.zeros((draws, len(sizes)), bool)
        order = rng.permuted(np.tile(np.arange(len(sizes)), (draws, 1)), axis=1)
        middle = sizes[order].cumsum(axis=1) - sizes[order] / 2
        np.put_along_axis(public, order, middle < share * n, axis=1)
    else:
        public = np.zeros((draws, n), bool)
        for stratum in np.unique(strata):
            rows = np.flatnonzero(strata == stratum)
            taken = np.arange(len(rows)) < int(len(rows) * share + 0.5)
            public[:, rows] = rng.permuted(np.tile(taken, (draws, 1)), axis=1)
    hits = np.rint(public.astype(np.float32) @ hits_of.T)
    rest = right.sum(axis=1) - hits
    return Redrawn(ranks_of(hits), ranks_of(rest), rank_correlation(hits, rest)[0])


def public_share_curve(
    right: NDArray[np.bool_],
    strata: NDArray[np.int64],
    shares: Sequence[float],
    rng: np.random.Generator,
    *,
    groups: NDArray[np.intp] | None = None,
    draws: int = DRAWS,
) -> list[SharePoint]:
    """Return what each public share of the hidden images would be worth, for who sets up the next contest.

    Parameters are those of `redraw_halves`.

    Notes
    -----
    Both halves are drawn with replacement, as new images like these.  To cut the same images otherwise would not
    do: what one half has gained the other has lost, so that of two equal entries the public winner always loses.  The
    regret is by accuracy on all hidden images, the best estimate there is of what entries are worth.

    A large public part ranks well but leaves a small private one to check it with, so that `winner_kept` has its
    maximum near one half.
    """
    worth = right.mean(axis=1)
    points = []
    for share in shares:
        hits, n_public = _draw_hits(right, strata, share, rng, draws, groups)
        rest, n_private = _draw_hits(right, strata, 1 - share, rng, draws, groups)
        public, private = ranks_of(hits), ranks_of(rest)
        winner = public.argmin(axis=1)
        tau = rank_correlation(hits, rest)[0]
        points.append(
            SharePoint(
                share=share,
                n_public=n_public,
                n_private=n_private,
                rank_change=float(np.abs(public - private).mean()),
                winner_kept=float((winner == private.argmin(axis=1)).mean()),
                kendall=float(np.nanmean(tau)) if np.isfinite(tau).any() else None,
                regret=float((worth.max() - worth[winner]).mean()),
            )
        )
    return points


def _draw_hits(
    right: NDArray[np.bool_],
    strata: NDArray[np.int64],
    share: float,
    rng: np.random.Generator,
    draws: int,
    groups: NDArray[np.intp] | None,
) -> tuple[NDArray[np.float32], int]:
    """Return how many images each entry has right in each draw, shape (draws, entries), and of how many.

    Whole groups are drawn where there are some, of which the second number is then a mean.
    """
    hits, size, each = np.zeros((draws, len(right)), np.float32), 0, 1.0
    drawn: NDArray = right
    if groups is not None:
        drawn = by_group(right, groups)
        strata, each = np.zeros(drawn.shape[1], np.int64), len(groups) / drawn.shape[1]
    for stratum in np.unique(strata):
        of_stratum = drawn[:, strata == stratum]
        n = of_stratum.shape[1]
        taken = max(int(n * share + 0.5), int(groups is not None))
        chosen = rng.integers(n, size=(draws, taken)) + n * np.arange(draws)[:, None]
        weights = np.bincount(chosen.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float32)
        hits += weights @ of_stratum.T.astype(np.float32)
        size += taken
    return hits, round(size * each)


def least_public(curve: Sequence[SharePoint], regret: float) -> SharePoint | None:
    """Return the smallest public part whose winner costs at most `regret` accuracy on the private one, if any does.

    Examples
    --------
    >>> points = [SharePoint(0.1, 100, 900, 3.0, 0.6, 0.7, 0.02), SharePoint(0.5, 500, 500, 1.0, 0.9, 0.9, 0.001)]
    >>> least_public(points, 0.005).n_public
    500
    """
    return next((point for point in sorted(curve, key=lambda point: point.share) if point.regret <= regret), None)


class Moved(msgspec.Struct, frozen=True):
    """An entry's rank by the public and by the private score, and what its rank is where the halves are drawn anew.

    `ranks` is the middle 95 %, `first` the share of draws in which it is first; None where its labels are not kept.
    """

    id: int
    then: int
    now: int
    ranks: RankRange | None
    first: float | None


class ShakeUp(msgspec.Struct, frozen=True, kw_only=True):
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
        What other sizes of the public part would be worth; none where all entries are right on the same images.
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


def shake_up(
    shown: Sequence[Standing], predictions: VisiblePredictions, metric: str, most: int, closing: Closing | None = None
) -> ShakeUp | None:
    """Return what the halves decided, for those that both halves are known of; None where these are fewer than two.

    The rank then is that of the public half; of a closed contest that of the team when it was closed.

    Halves are drawn anew, by accuracy, among the first `most` of those whose labels are kept.
    """
    came = sorted(range(len(shown)), key=lambda row: shown[row].entry.id)
    known = [row for row in came if {("public", metric), ("private", metric)} <= shown[row].entry.scores.keys()]
    drawn_of = sorted(range(len(predictions.rows))[:most], key=lambda number: shown[predictions.rows[number]].entry.id)
    if len(known) < 2 or len(drawn_of) < 2:
        return None
    values = [
        np.array([shown[row].entry.scores[half, metric].value for row in known]) for half in ("public", "private")
    ]
    kendall, spearman = rank_correlation(*values)
    then, now = (dict(zip(known, ranks_of(half).tolist(), strict=True)) for half in values)

    if closing:
        then = {row: closing.public_rank(shown[row].entry.name) or then[row] for row in known}
    right = np.array([predictions.hidden(predictions.right, number) for number in drawn_of])
    strata, rng = predictions.truth.hidden, np.random.default_rng(0)
    n_public = len(predictions.truth.labels["public"])
    clusters = predictions.truth.hidden_clusters
    drawn = redraw_halves(right, strata, n_public / len(strata), rng, groups=clusters)
    places = [predictions.rows[number] for number in drawn_of]
    ends = {row: RankRange(*ranks) for row, ranks in zip(places, drawn.ranks().tolist(), strict=True)}
    first = dict(zip(places, drawn.first().tolist(), strict=True))
    differ = bool((right != right[0]).any())  # else no public part, however large, tells one from another
    curve = tuple(public_share_curve(right, strata, SHARES, rng, groups=clusters, draws=CURVE_DRAWS)) if differ else ()
    return ShakeUp(
        kendall=_known(kendall),
        spearman=_known(spearman),
        entries=len(known),
        drawn=len(places),
        drawn_kendall=_known(drawn.kendall.mean()),
        moved=tuple(
            Moved(shown[row].entry.id, then[row], now[row], ends.get(row), first.get(row)) for row in sorted(known)
        ),
        curve=curve,
        regret=REGRET,
        enough=least_public(curve, REGRET),
    )


def see_shake_up(workspace: Workspace, frozen: Frozen) -> tuple[Leaderboard, ShakeUp | None]:
    """Return the board of a closed contest, and what the halves decided on it."""
    contest, metric = frozen.contest, frozen.contest.metrics[0].name
    visible = visible_to(Role.EVERYBODY, workspace, frozen)
    with open_to_read(workspace) as board:
        found = read_leaderboard(board, contest.name, frozen.lock_hash, metric, visible, others=False)
    entries = [standing.entry for standing in found.ranked]
    truth = truth_of(frozen, visible.splits)
    predictions = VisiblePredictions(entries, read_artifacts(workspace, entries), truth, visible)
    return found, shake_up(found.ranked, predictions, metric, COMPARED, visible.closing)


def _known(correlation: SupportsFloat) -> float | None:
    value = float(correlation)
    return None if isnan(value) else value
