"""How far a public score may have been carried by the number of submissions alone."""

from __future__ import annotations

from collections import Counter
from math import sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.analysis.values import Values

MANY = 10  # submissions from which a team's probing is worth a look
TEAMS = 12  # of those, the ones with the most


class Probing(msgspec.Struct, frozen=True):
    """How far `submissions` scores on `n` public images may have carried the best of them, as shares, 0 to 1.

    `best_of_k_bias` is expected where all submissions are equally good and nothing was learnt from the scores;
    `boosting_gain` is what can be made of random labels alone by someone who uses each score to choose the next labels.
    """

    submissions: int
    n: int
    best_of_k_bias: float
    boosting_gain: float


def probing(submissions: int, n: int, accuracy: float, n_classes: int) -> Probing:
    """Say how much of a team's best public score its number of submissions alone may explain.

    Parameters
    ----------
    submissions, n : int
        Scores the team has seen, and public images they were measured on; both at least 1.
    accuracy : float
        What its submissions score, 0 to 1.
    n_classes : int
        At least 2.

    Examples
    --------
    >>> meter = probing(100, 1000, accuracy=0.7, n_classes=8)
    >>> f"{100 * meter.best_of_k_bias:.1f} {100 * meter.boosting_gain:.1f}"
    '3.6 3.7'
    """
    return Probing(submissions, n, best_of_k_bias(submissions, n, accuracy), boosting_gain(submissions, n, n_classes))


def best_of_k_bias(submissions: int, n: int, accuracy: float) -> float:
    """Return by how much the best of equally good submissions is expected to exceed what each is worth.

    Notes
    -----
    The expected maximum of k independent normal variables, at most sqrt(2 ln k) of their standard deviation, here
    sqrt(p (1 - p) / n).  A team's submissions agree on most images and then share their fortune, so this is the most
    that can be expected of submissions made without an eye on the score.

    References
    ----------
    S. Boucheron, G. Lugosi, P. Massart, "Concentration Inequalities" (2013), theorem 2.5, for the bound.
    """
    from scipy.special import ndtr

    z, width, density = _normal_grid()
    largest = submissions * density * ndtr(z) ** (submissions - 1)  # the density of the maximum
    return float((z * largest).sum() * width) * sqrt(accuracy * (1 - accuracy) / n)


def boosting_gain(submissions: int, n: int, n_classes: int) -> float:
    """Return by how much the boosting attack is expected to exceed chance on a plain board.

    The attacker submits random labels, keeps those that score above chance, and submits for each image the label
    that most of these give.

    Notes
    -----
    Our derivation for any number of classes m; for two it is the paper's sqrt(k / n).  A score of random labels has
    the standard deviation sqrt((m - 1) / n) / m, so that a kept one exceeds chance by g = sqrt(2 / pi) of that on
    average.  The k / 2 kept ones give an image's true label k g m / (2 m - 2) votes more than each other; the number
    of votes of a label has the standard deviation sqrt(k / (2 m)), and the numbers of two labels differ as if they
    were independent.  The vote is right if the first of m normal variables, moved by the ratio of the two, is the
    largest.  More classes make the attack weaker.

    References
    ----------
    Blum and Hardt (2015), section 4, for the attack; V. Feldman, R. Frostig, M. Hardt, "The advantages of multiple
    classes for reducing overfitting from test set reuse", ICML 2019, for what more classes do to it.
    """
    from scipy.special import ndtr

    m, kept = n_classes, submissions / 2
    ahead = sqrt(2 / np.pi) * sqrt(kept * m / ((m - 1) * n))
    z, width, density = _normal_grid()
    return float((density * ndtr(z + ahead) ** (m - 1)).sum() * width) - 1 / m


def _normal_grid() -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
    """Return points, their distance, and the standard normal density there: sums of these are exact to 10 digits."""
    z, width = np.linspace(-12, 12, 2401, retstep=True)
    return z, float(width), np.exp(-(z**2) / 2) / sqrt(2 * np.pi)


class Team(msgspec.Struct, frozen=True):
    """A team with many submissions: its best public score, how many it was shown, and what their number may explain."""

    name: str
    best: float
    shown: int
    probing: Probing


def teams(values: Values, n_public: int, n_classes: int) -> tuple[Team, ...]:
    """Return what the number of submissions may explain, for the teams with the most; those with `MANY` at least.

    Chance is computed at the mean of the scores that the team was shown.
    """
    public = values["public", "accuracy"]
    handed_in = np.flatnonzero(~np.isnan(public) | values.withheld)
    counts = Counter(values.names[row] for row in handed_in.tolist())
    busiest = [(name, n) for name, n in counts.items() if n >= MANY]
    busiest = sorted(busiest, key=lambda pair: -pair[1])[:TEAMS]
    scores: dict[str, list[float]] = {name: [] for name, _ in busiest}
    for row in handed_in.tolist():
        if values.names[row] in scores and not values.withheld[row]:
            scores[values.names[row]].append(float(public[row]))
    return tuple(
        Team(name, max(seen), len(seen), probing(n, n_public, float(np.mean(seen)), n_classes))
        for name, n in busiest
        if (seen := scores[name])
    )


def overall(values: Values, n_public: int, n_classes: int) -> Probing | None:
    """Say what the number of all submissions may explain of the best public score."""
    public = values["public", "accuracy"]
    known = ~np.isnan(public)
    if not known.any():
        return None
    return probing(int((known | values.withheld).sum()), n_public, float(public[known].max()), n_classes)
