"""Who gets the points of which band: by thresholds with intervals, by groups of paired tests, or by beating a baseline.

All three rules have in common, whatever the tests say:

- **monotone**: who scores at least as much as another gets at least as many points;
- **ties alike**: equal scores get equal points;
- **no order**: the order in which teams stand, or came, decides nothing.

Scores are compared unrounded.  Where a paired test or the width of an interval would turn two teams round, since it
looks at more than the score, the one that scores higher is lifted to the other: no rule here takes points away.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SLACK = 1e-9  # by which a mean of shares may miss a threshold that it reaches


def reach(scores: Sequence[float], highs: Sequence[float]) -> list[float]:
    """Return how far the interval of each team reaches, or that of a team that scores no more.

    Parameters
    ----------
    scores, highs : sequence of float, 0 to 1
        What each team scored, and the upper end of its interval.

    Examples
    --------
    >>> reach([0.90, 0.88, 0.88], [0.92, 0.93, 0.91])  # of the second, on fewer images, less is known
    [0.93, 0.93, 0.93]
    """
    return [max(high for other, high in zip(scores, highs, strict=True) if other <= score) for score in scores]


def band_of(reached: float, thresholds: Sequence[float]) -> int:
    """Return the number of the highest threshold that is reached, from 0; -1 where none is.

    With `reached` the score itself these are plain thresholds.  With the upper end of the score's 95 % interval a team
    is taken into a band unless its images show that it belongs below: of teams that belong into a band some 2.5 % at
    most are kept out by chance.

    References
    ----------
    American Educational Research Association and others, "Standards for Educational and Psychological Testing" (2014),
    standard 2.14: the error of measurement is to be stated near each score that cuts.  To give a candidate within it
    the better side is our choice.

    Examples
    --------
    >>> [band_of(score, [0.6, 0.8, 0.9]) for score in (0.59, 0.6, 0.93)]
    [-1, 0, 2]
    """
    return sum(threshold <= reached + SLACK for threshold in thresholds) - 1


def groups(scores: Sequence[float], better: NDArray[np.bool_]) -> list[int]:
    """Return the group of each team, 0 the best: a new one begins where teams are significantly worse than the best.

    The team with the highest score leads a group.  It reaches down to the last team that is not significantly worse
    than its leader, and holds all teams between.  The best of the others leads the next group, and so on.  Of several
    leaders with one score it is enough not to be worse than one.

    Parameters
    ----------
    scores : sequence of float
    better : ndarray of shape (teams, teams), bool
        Of `harness.analysis.compare.Pairs`: whether the row is significantly better than the column.

    Notes
    -----
    A team in a later group is significantly worse than the leader of every group before: no team loses points to
    chance alone, at the level of `better`, 5 % for all of a class at once.  The other way round, two teams on either
    side of a cut need not be told apart from each other, only the lower from the leader of the upper.  A rule under
    which *every* two teams that cannot be told apart get the same would give the whole class the same wherever the
    teams stand close enough in a row, since "not significantly different" is no equivalence.

    References
    ----------
    S. S. Gupta, "On some multiple decision (selection and ranking) rules", Technometrics 7 (1965) 225-245: the
    selection of all that may be the best; here again among those that are left.

    Examples
    --------
    >>> better = np.zeros((4, 4), bool)
    >>> better[0, 2] = better[0, 3] = better[1, 3] = True
    >>> groups([0.9, 0.85, 0.8, 0.7], better)  # the last is worse than the second, and not than the third
    [0, 0, 1, 1]
    """
    found = [-1] * len(scores)
    number = 0
    while rest := [team for team, group in enumerate(found) if group < 0]:
        best = max(scores[team] for team in rest)
        leaders = [team for team in rest if scores[team] == best]
        last = min(scores[team] for team in rest if any(not better[leader, team] for leader in leaders))
        for team in rest:
            if scores[team] >= last:
                found[team] = number
        number += 1
    return found


def beat(scores: Sequence[float], ahead: Sequence[bool]) -> list[bool]:
    """Return who gets the points for beating a baseline: who is significantly ahead, or scores as much as one who is.

    Examples
    --------
    >>> beat([0.95, 0.91, 0.90, 0.89], [True, False, True, False])
    [True, True, True, False]
    """
    least = min((score for score, is_ahead in zip(scores, ahead, strict=True) if is_ahead), default=float("inf"))
    return [score >= least for score in scores]
