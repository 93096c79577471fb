"""Whether two entries make the same mistakes more often than how many they make explains: an exact test.

A mistake is an image and the wrong label it was given.  Entries of one recipe share many without any copy: an image
that is hard is hard for all, and who mostly says one class makes the mistakes of everybody who does.  So mistakes are
sorted by the label that was given and by how many other teams make the very same one, and within each sort the places
of one's mistakes are taken for drawn at random among all that could have been made.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


class Agreement(msgspec.Struct, frozen=True):
    """Mistakes of two entries on the hidden images.

    Attributes
    ----------
    one, other, both : int
        How many each makes, and how many are the same: the same wrong label on the same image.
    expected : float
        How many would be the same by chance, given what the other teams get wrong.
    p : float
        Chance of so many the same or more, exact, for this pair alone; 0 where it is less than a double holds.
    """

    one: int
    other: int
    both: int
    expected: float
    p: float

    @property
    def share(self) -> float:
        """Of all mistakes of either, those that both make (Jaccard's index), 0 to 1."""
        return self.both / max(1, self.one + self.other - self.both)


def agree(y_true: Labels, one: Labels, other: Labels, peers: Sequence[Labels], n_classes: int) -> Agreement:
    """Test whether two entries share more mistakes than their numbers and the images' difficulty explain.

    Parameters
    ----------
    y_true, one, other : ndarray of shape (n,), int64
    peers : sequence of ndarray of shape (n,), int64
        What other teams' entries said; without any, the label that was given is all that sorts mistakes.
    n_classes : int

    Notes
    -----
    The exact conditional test of common odds over 2 × 2 tables, one table a sort: given how many mistakes of a sort
    each makes, those in common are hypergeometric, and their sum over the sorts is the convolution.

    References
    ----------
    J. J. Gart, "Point and interval estimation of the common odds ratio in the combination of 2 × 2 tables with fixed
    marginals", Biometrika 57 (1970) 471-475; with one sort it is Fisher's exact test.  That agreement beyond what
    accuracies explain is to be looked at: R. Geirhos, K. Meding, F. A. Wichmann, "Beyond accuracy: quantifying
    trial-by-trial behaviour of CNNs and humans by measuring error consistency", NeurIPS 2020.

    Examples
    --------
    >>> y_true, said = np.zeros(10, np.int64), np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    >>> found = agree(y_true, said, said, [], 2)
    >>> found.both, round(found.p * 120)  # one way of placing 3 mistakes of 10 choose 3
    (3, 1)
    >>> agree(y_true, said | 1, said | 1, [], 2).p  # whoever says one class alone makes all of its mistakes
    1.0
    """
    sorts = np.tile(np.arange(n_classes), (len(y_true), 1))
    images = np.arange(len(y_true))
    for said in peers:
        sorts[images, said] += n_classes
    possible = np.ones(sorts.shape, bool)
    possible[images, y_true] = False
    cells = np.bincount(sorts[possible])
    wrong = [said != y_true for said in (one, other)]
    mine = [
        np.bincount(sorts[images[rows], said[rows]], minlength=len(cells))
        for rows, said in zip(wrong, (one, other), strict=True)
    ]
    both = int((wrong[0] & (one == other)).sum())
    chances, expected = np.ones(1), 0.0
    for n, a, b in zip(cells.tolist(), mine[0].tolist(), mine[1].tolist(), strict=True):
        if a and b:
            chances = np.convolve(chances, _in_common(n, a, b))
            expected += a * b / n
    return Agreement(int(wrong[0].sum()), int(wrong[1].sum()), both, expected, float(min(1.0, chances[both:].sum())))


def _in_common(n: int, a: int, b: int) -> NDArray[np.float64]:
    """Return the chances of 0, 1, ... places in common of `a` and of `b` out of `n`: hypergeometric."""
    from scipy.special import gammaln

    k = np.arange(min(a, b) + 1)
    unlikely = b - k > n - a  # there are not so many other places
    rest = np.where(unlikely, 0, n - a - b + k)

    def log_choose(of: NDArray | int, some: NDArray | int) -> NDArray[np.float64]:
        found: NDArray[np.float64] = (
            gammaln(np.add(of, 1)) - gammaln(np.add(some, 1)) - gammaln(np.subtract(of, some) + 1)
        )
        return found

    logs = log_choose(a, k) + (gammaln(n - a + 1) - gammaln(b - k + 1) - gammaln(rest + 1)) - log_choose(n, b)
    return np.where(unlikely, 0.0, np.exp(logs))
