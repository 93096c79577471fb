"""What entries would be worth together: agreement, votes, a greedy blend, and the pictures that divide them.

Labels have shape (entries, n), int64, the pictures in one order for all entries; `right` is the same as booleans.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.score.metrics import confusion_matrix

ROUNDS = 25  # votes that a greedy blend may cast


class Blend(msgspec.Struct, frozen=True):
    """A blend as greedy selection built it.

    Attributes
    ----------
    votes : tuple of int
        Entries in the order in which they joined; an entry that joined twice casts two votes.
    accuracy : float
        On the pictures it was chosen by, 0 to 1: too good by the choice, so measure it again on others.
    """

    votes: tuple[int, ...]
    accuracy: float

    def contributivity(self, entries: int) -> NDArray[np.float64]:
        """Return the share of the blend's votes that each of the board's entries casts, shape (entries,), sum 1.

        References
        ----------
        B. Kégl, A. Boucaud, M. Cherti et al., "The RAMP framework: from reproducibility to transparency in the design
        and optimization of scientific workflows", ICML workshop RML 2018: the name and the idea.
        """
        return np.bincount(self.votes, minlength=entries) / len(self.votes)


def agreement(labels: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """Return the share of pictures on which each two entries give one label, shape (entries, entries), 0 to 1.

    Examples
    --------
    >>> agreement(np.array([[0, 1, 1, 0], [0, 1, 0, 1]]), 2).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    one_hot = _one_hot(labels, n_classes).reshape(len(labels), -1)
    return (np.rint(one_hot @ one_hot.T) / labels.shape[1]).astype(np.float64)


def oracle_accuracy(right: NDArray[np.bool_]) -> float:
    """Return the share of pictures that at least one entry has right: no choice among their labels can do better.

    References
    ----------
    L. I. Kuncheva, "Combining Pattern Classifiers" (2004), section 4.2.
    """
    return float(right.any(axis=0).mean())


def pair_oracle(right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the oracle accuracy of each two entries, shape (entries, entries); the diagonal is their own."""
    wrong = (~right).astype(np.float32)
    return 1 - (np.rint(wrong @ wrong.T) / right.shape[1]).astype(np.float64)


def precision(y_true: NDArray[np.int64], labels: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """Return how often each entry is right when it gives a label, shape (entries, classes), 0 to 1.

    Notes
    -----
    With one picture of each class added as if it had been given the label (Laplace), so that a label an entry never
    gave, or gave once, is not trusted as if it were always right.

    Examples
    --------
    >>> precision(np.array([0, 0, 1]), np.array([[0, 0, 0]]), 2).round(2).tolist()
    [[0.6, 0.5]]
    """
    confusions = np.array([confusion_matrix(y_true, said, n_classes) for said in labels])
    hits = np.diagonal(confusions, axis1=-2, axis2=-1)
    return (hits + 1) / (confusions.sum(axis=-2) + n_classes)


def vote(labels: NDArray[np.int64], n_classes: int, trust: NDArray[np.float64] | None = None) -> NDArray[np.int64]:
    """Return the label that most entries give, shape (n,).

    Of labels with equally many votes, that whose voters are together trusted most; where no trust is given, or it is
    equal, that of the earliest entry among the voters.

    Parameters
    ----------
    labels : ndarray of shape (entries, n), int64
        An entry that stands in two rows has two votes.
    n_classes : int
    trust : ndarray of shape (entries, classes), float64, 0 to 1
        How much each entry's word for a class is worth; `precision` on pictures with public labels.

    Examples
    --------
    >>> vote(np.array([[0, 1, 1], [2, 1, 0], [2, 0, 2]]), 3).tolist()
    [2, 1, 1]
    >>> vote(np.array([[0], [1]]), 2, np.array([[0.6, 0.6], [0.9, 0.9]])).tolist()
    [1]
    """
    entries, n = labels.shape
    votes, trusted, columns = np.zeros((n_classes, n), np.int64), np.zeros((n_classes, n)), np.arange(n)
    first = np.full((n_classes, n), entries)
    for entry in reversed(range(entries)):
        said = labels[entry]
        votes[said, columns] += 1
        first[said, columns] = entry
        if trust is not None:
            trusted[said, columns] += trust[entry, said]
    # lexsort's last key counts most; rounding lets equal trust be equal whatever the order of the sum
    return np.lexsort((first, -trusted.round(9), -votes), axis=0)[0]


def pair_gain(y_true: NDArray[np.int64], labels: NDArray[np.int64], trust: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much more the vote of each two entries has right than the better one of them, -1 to 1.

    Where the two differ, the one whose label is trusted more prevails; see `vote`.  Diagonal 0.

    Parameters
    ----------
    y_true : ndarray of shape (n,), int64
    labels : ndarray of shape (entries, n), int64
    trust : ndarray of shape (entries, classes), float64
        See `vote`.
    """
    right = labels == y_true
    own = right.mean(axis=1)
    worth = np.take_along_axis(trust, labels, axis=1).round(9)
    gain = np.zeros((len(labels), len(labels)))
    for entry in range(len(labels)):
        others = slice(entry + 1, None)
        together = np.where(worth[others] > worth[entry], right[others], right[entry]).mean(axis=1)
        gain[entry, others] = together - np.maximum(own[others], own[entry])
    return gain + gain.T


def greedy_blend(
    y_true: NDArray[np.int64], labels: NDArray[np.int64], n_classes: int, *, rounds: int = ROUNDS
) -> Blend:
    """Build a blend by forward selection with replacement: each round the entry joins whose vote helps most.

    Parameters
    ----------
    y_true : ndarray of shape (n,), int64
        Labels of the pictures to choose by; not those that the blend is then scored on.
    labels : ndarray of shape (entries, n), int64
    n_classes, rounds : int

    Notes
    -----
    The vote is that of `vote` without trust: of labels with equally many votes, that of the member that joined first.
    A second vote alone can change nothing then, so that selection starts, as the paper has it, from the best N
    entries together; N is the one whose vote is best.  Among entries that help equally, the one that is better alone
    joins.  Of all rounds, the shortest blend with the best accuracy is kept.  Unlike the paper, which averages
    probabilities, this needs labels alone.

    References
    ----------
    R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes, "Ensemble selection from libraries of models", ICML 2004.
    """
    best_first = np.argsort(-(labels == y_true).mean(axis=1), kind="stable")
    ranked = labels[best_first]
    starts = [
        Blend(tuple(range(size)), _accuracy(y_true, ranked[:size], n_classes))
        for size in range(1, min(rounds, len(labels)) + 1)
    ]
    best = max(starts, key=lambda blend: blend.accuracy)  # the first of equal ones, hence the shortest
    votes = list(best.votes)
    while len(votes) < rounds:
        gained = [_accuracy(y_true, ranked[[*votes, entry]], n_classes) for entry in range(len(labels))]
        votes.append(int(np.argmax(gained)))
        if gained[votes[-1]] > best.accuracy:
            best = Blend(tuple(votes), gained[votes[-1]])
    return Blend(tuple(best_first[list(best.votes)].tolist()), best.accuracy)


def _accuracy(y_true: NDArray[np.int64], labels: NDArray[np.int64], n_classes: int) -> float:
    return float((vote(labels, n_classes) == y_true).mean())


def misses(right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how many entries miss each picture, shape (n,); its largest are the pictures most entries miss."""
    return (~right).sum(axis=0)


def missed_alone(right: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pictures that an entry misses and every other entry has right, shape (entries, n).

    Examples
    --------
    >>> missed_alone(np.array([[True, False, False], [True, True, False]])).astype(int).tolist()
    [[0, 1, 0], [0, 0, 0]]
    """
    return ~right & (misses(right) == 1)


def _one_hot(labels: NDArray[np.int64], n_classes: int) -> NDArray[np.float32]:
    """Return labels of shape (...) as shape (..., classes), 0 and 1."""
    return np.eye(n_classes, dtype=np.float32)[labels]
