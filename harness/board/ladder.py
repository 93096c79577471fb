"""The Ladder: a public board that cannot be won by guessing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.score.stats import by_group


def shown_by_ladder(right: NDArray[np.bool_], groups: NDArray[np.intp] | None = None) -> NDArray[np.intp]:
    """Return which submission's score the board shows after each one, by the parameter-free Ladder.

    A new submission is shown if it beats the one shown by more than s / sqrt(n), where s is the sample standard
    deviation of the image-by-image difference of the two; else the old score stays, and the new one is not told.
    For right and wrong this comes to (gained - lost)² > gained + lost, McNemar's statistic above 1.

    Parameters
    ----------
    right : ndarray of shape (submissions, n), bool
        One team's submissions in the order in which they came: whether the label of each public image was right.
    groups : ndarray of shape (n,), intp, optional
        The group of each image, where they come in groups: these then take the place of images in s and n.

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
    >>> shown_by_ladder(right).tolist()
    [0, 0, 2]
    """
    shown = np.zeros(len(right), np.intp)
    for new in range(1, len(right)):
        old = shown[new - 1]
        gain = right[new].astype(np.int64) - right[old]
        if groups is not None:
            gain = by_group(gain, groups).astype(np.int64)
        # In whole numbers, because a gain that equals the noise is common, and must not hang on the last bit.
        shown[new] = new if gain.sum() > 0 and gain.sum() ** 2 > (gain**2).sum() else old
    return shown
