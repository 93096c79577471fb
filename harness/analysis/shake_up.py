"""How ranks moved from the public to the private half, and how they would had the halves fallen otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import SupportsFloat

import numpy as np

from harness.analysis.document import Moved, ShakenUp
from harness.analysis.predictions import Told
from harness.analysis.ranks import RankRange
from harness.analysis.shakeup import least_public, public_share_curve, rank_correlation, ranks_of, redraw_halves
from harness.board.closing import Closing
from harness.board.ranking import Standing

SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)  # of the hidden pictures that might be public
CURVE_DRAWS = 1000  # for each of these
REGRET = 0.005  # what following the public board may cost: half a point


def shake_up(
    shown: Sequence[Standing], told: Told, metric: str, most: int, closing: Closing | None = None
) -> ShakenUp | None:
    """Return what the halves decided, for those that both halves are known of; None where these are fewer than two.

    The rank then is that of the public half; of a closed contest that of the team when it was closed.

    Halves are drawn anew, by accuracy, among the first `most` of those whose labels are kept.
    """
    came = sorted(range(len(shown)), key=lambda row: shown[row].entry.id)
    known = [row for row in came if {("public", metric), ("private", metric)} <= shown[row].entry.scores.keys()]
    drawn_of = sorted(range(len(told.rows))[:most], key=lambda number: shown[told.rows[number]].entry.id)
    if len(known) < 2 or len(drawn_of) < 2:
        return None
    values = [
        np.array([shown[row].entry.scores[half, metric].value for row in known]) for half in ("public", "private")
    ]
    kendall, spearman = rank_correlation(*values)
    then, now = (dict(zip(known, ranks_of(half).tolist(), strict=True)) for half in values)

    if closing:
        then = {row: closing.public_rank(shown[row].entry.name) or then[row] for row in known}
    right = np.array([told.hidden(told.right, number) for number in drawn_of])
    strata, rng = told.truth.hidden, np.random.default_rng(0)
    n_public = len(told.truth.labels["public"])
    drawn = redraw_halves(right, strata, n_public / len(strata), rng)
    places = [told.rows[number] for number in drawn_of]
    ends = {row: RankRange(*ranks) for row, ranks in zip(places, drawn.ranks().tolist(), strict=True)}
    first = dict(zip(places, drawn.first().tolist(), strict=True))
    differ = bool((right != right[0]).any())  # else no public part, however large, tells one from another
    curve = tuple(public_share_curve(right, strata, SHARES, rng, draws=CURVE_DRAWS)) if differ else ()
    return ShakenUp(
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


def _known(correlation: SupportsFloat) -> float | None:
    value = float(correlation)
    return None if isnan(value) else value
