"""The Ladder, a public board that cannot be climbed by guessing, and how far a plain one can be."""

from __future__ import annotations

from math import sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray


class Probing(msgspec.Struct, frozen=True):
    """How far `submissions` scores on `n` public pictures may have carried the best of them, as shares, 0 to 1.

    `luck` is expected where all submissions are equally good and nothing was learnt from the scores; `attack` is what
    can be made of random labels alone by someone who uses each score to choose the next labels.
    """

    submissions: int
    n: int
    luck: float
    attack: float


def climb(right: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return which submission's score the board shows after each one, by the parameter-free Ladder.

    A new submission is shown if it beats the one shown by more than s / sqrt(n), where s is the sample standard
    deviation of the picture-by-picture difference of the two; else the old score stays, and the new one is not told.
    For right and wrong this comes to (gained - lost)² > gained + lost, McNemar's statistic above 1.

    Parameters
    ----------
    right : ndarray of shape (submissions, n), bool
        One team's submissions in the order in which they came: whether the label of each public picture was right.

    Returns
    -------
    ndarray of shape (submissions,), intp
        Indices of submissions, never falling; the first submission is always shown.

    Notes
    -----
    As a one-sided paired t-test this has a level of 16 %: it does not prove that the new one is better, it starves an
    attack of what it lives on.  The paper rounds what it shows to a multiple of 1/n, which an accuracy is already.

    References
    ----------
    A. Blum, M. Hardt, "The Ladder: a reliable leaderboard for machine learning competitions", ICML 2015, PMLR 37,
    1006-1014, algorithm 2; https://github.com/mrtzh/Ladder.jl is the authors' code.

    Examples
    --------
    >>> right = np.zeros((3, 100), bool)
    >>> right[0, :50], right[1, 1:52], right[2, :60] = True, True, True  # 50, 51 and 60 right
    >>> climb(right).tolist()
    [0, 0, 2]
    """
    shown = np.zeros(len(right), np.intp)
    for new in range(1, len(right)):
        old = shown[new - 1]
        gained, lost = int((right[new] & ~right[old]).sum()), int((right[old] & ~right[new]).sum())
        # In whole numbers, because a gain that equals the noise is common, and must not hang on the last bit.
        clear = gained > lost and (gained - lost) ** 2 > gained + lost
        shown[new] = new if clear else old
    return shown


def probing(submissions: int, n: int, accuracy: float, n_classes: int) -> Probing:
    """Say how much of a team's best public score its number of submissions alone may explain.

    Parameters
    ----------
    submissions, n : int
        Scores the team has seen, and public pictures they were measured on; both at least 1.
    accuracy : float
        What its submissions score, 0 to 1.
    n_classes : int
        At least 2.

    Examples
    --------
    >>> meter = probing(100, 1000, accuracy=0.7, n_classes=8)
    >>> f"{100 * meter.luck:.1f} {100 * meter.attack:.1f}"
    '3.6 3.7'
    """
    return Probing(submissions, n, luck(submissions, n, accuracy), attack(submissions, n, n_classes))


def luck(submissions: int, n: int, accuracy: float) -> float:
    """Return by how much the best of equally good submissions is expected to exceed what each is worth.

    Notes
    -----
    The expected maximum of k independent normal variables, at most sqrt(2 ln k) of their standard deviation, here
    sqrt(p (1 - p) / n).  A team's submissions agree on most pictures and then share their luck, so this is the most
    that can be expected of submissions made without an eye on the score.

    References
    ----------
    S. Boucheron, G. Lugosi, P. Massart, "Concentration Inequalities" (2013), theorem 2.5, for the bound.
    """
    from scipy.special import ndtr

    z, width, density = _normal_grid()
    largest = submissions * density * ndtr(z) ** (submissions - 1)  # the density of the maximum
    return float((z * largest).sum() * width) * sqrt(accuracy * (1 - accuracy) / n)


def attack(submissions: int, n: int, n_classes: int) -> float:
    """Return by how much the boosting attack is expected to exceed chance on a plain board.

    The attacker submits random labels, keeps those that score above chance, and submits for each picture the label
    that most of these give.

    Notes
    -----
    Our derivation for any number of classes m; for two it is the paper's sqrt(k / n).  A score of random labels has
    the standard deviation sqrt((m - 1) / n) / m, so that a kept one exceeds chance by g = sqrt(2 / pi) of that on
    average.  The k / 2 kept ones give a picture's true label k g m / (2 m - 2) votes more than each other; the number
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
