"""The board over time: the best so far, and how far each team's submissions alone may have carried it."""

from __future__ import annotations

from collections import Counter

import numpy as np

from harness.analysis.document import Moment, Team
from harness.analysis.overfitting import probing
from harness.analysis.values import Values

MANY = 10  # submissions from which a team's probing is worth a look
TEAMS = 12  # of those, the ones with the most


def history(values: Values, metric: str, shown: set[int]) -> tuple[Moment, ...]:
    """Return the entries shown and those that were once the best, in the order in which they came.

    An entry whose public score the Ladder holds back has no place in it.
    """
    public = values["public", metric]
    scored = np.flatnonzero(~np.isnan(public))
    best = np.maximum.accumulate(public[scored]) if len(scored) else public[scored]
    before = np.concatenate([[-1.0], best[:-1]]) if len(best) else best
    return tuple(
        Moment(number, values.names[row], values.times[row], value, is_best)
        for row, number, value, is_best in zip(
            scored.tolist(),
            values.ids[scored].tolist(),
            public[scored].tolist(),
            (public[scored] > before).tolist(),
            strict=True,
        )
        if is_best or number in shown
    )


def teams(values: Values, n_public: int, n_classes: int) -> tuple[Team, ...]:
    """Return what the number of submissions may explain, for the teams with the most; those with `MANY` at least.

    Luck is reckoned at the mean of the scores that the team was shown.
    """
    public = values["public", "accuracy"]
    handed_in = np.flatnonzero(~np.isnan(public) | values.held)
    counts = Counter(values.names[row] for row in handed_in.tolist())
    busiest = [(name, n) for name, n in counts.items() if n >= MANY]
    busiest = sorted(busiest, key=lambda pair: -pair[1])[:TEAMS]
    scores: dict[str, list[float]] = {name: [] for name, _ in busiest}
    for row in handed_in.tolist():
        if values.names[row] in scores and not values.held[row]:
            scores[values.names[row]].append(float(public[row]))
    return tuple(
        Team(name, max(seen), len(seen), probing(n, n_public, float(np.mean(seen)), n_classes))
        for name, n in busiest
        if (seen := scores[name])
    )
