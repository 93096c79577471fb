"""What entries would be worth together: agreement, votes, a greedy blend, and the images that divide them.

Labels have shape (entries, n), int64, the images in one order for all entries; `right` is the same as booleans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.score.card import share_right
from harness.score.estimate import Estimate
from harness.score.metrics import confusion_matrix

ROUNDS = 25  # votes that a greedy blend may cast
IN_TABLES = 12  # entries in the tables of agreement and gain: more do not fit beside each other
IN_BLENDS = 40  # entries that pairs and the greedy blend are chosen from
BEST_PAIRS = 5
MISSED = 12  # images shown of each public split
CHOOSE = "val_shifted"  # where blends are chosen: labels are public there, and the images are shifted


class Blend(msgspec.Struct, frozen=True):
    """A blend as greedy selection built it.

    Attributes
    ----------
    votes : tuple of int
        Entries in the order in which they joined; an entry that joined twice casts two votes.
    accuracy : float
        On the images it was chosen by, 0 to 1: too good by the choice, so measure it again on others.
    """

    votes: tuple[int, ...]
    accuracy: float


def agreement(labels: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """Return the share of images on which each two entries give one label, shape (entries, entries), 0 to 1.

    Examples
    --------
    >>> agreement(np.array([[0, 1, 1, 0], [0, 1, 0, 1]]), 2).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    one_hot = _one_hot(labels, n_classes).reshape(len(labels), -1)
    return (np.rint(one_hot @ one_hot.T) / labels.shape[1]).astype(np.float64)


def oracle_accuracy(right: NDArray[np.bool_]) -> float:
    """Return the share of images that at least one entry has right: no choice among their labels can do better.

    References
    ----------
    L. I. Kuncheva, "Combining Pattern Classifiers" (2004), section 4.2.
    """
    return float(right.any(axis=0).mean())


def precision(y_true: NDArray[np.int64], labels: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """Return how often each entry is right when it gives a label, shape (entries, classes), 0 to 1.

    Notes
    -----
    With one image of each class added as if it had been given the label (Laplace), so that a label an entry never
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
        How much each entry's word for a class is worth; `precision` on images with public labels.

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
        Labels of the images to choose by; not those that the blend is then scored on.
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
    """Return how many entries miss each image, shape (n,); its largest are the images most entries miss."""
    return (~right).sum(axis=0)


def missed_alone(right: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the images that an entry misses and every other entry has right, shape (entries, n).

    Examples
    --------
    >>> missed_alone(np.array([[True, False, False], [True, True, False]])).astype(int).tolist()
    [[0, 1, 0], [0, 0, 0]]
    """
    return ~right & (misses(right) == 1)


def _one_hot(labels: NDArray[np.int64], n_classes: int) -> NDArray[np.float32]:
    """Return labels of shape (...) as shape (..., classes), 0 and 1."""
    return np.eye(n_classes, dtype=np.float32)[labels]


class Pair(msgspec.Struct, frozen=True):
    """Two entries, by their rows of the board, and a share."""

    one: int
    other: int
    value: float


class Missed(msgspec.Struct, frozen=True):
    """An image of a public split that `entries` miss: its row, its class, and what they most often say instead."""

    split: str
    row: int
    label: int
    said: int
    entries: int


class Ensemble(msgspec.Struct, frozen=True):
    """What the entries with kept labels are worth together, on the split that ranks.

    Attributes
    ----------
    entries : int
        How many have kept labels.
    shown : tuple of int
        Rows of the board in the two tables: the best with kept labels.
    agreement, gain : tuple of tuple of float
        Among those: the share of images with one label; points that the vote of two has more than the better one.
    oracle : float
        Share of images that at least one entry has right.
    best_pairs : tuple of Pair
        The pairs of those that gain most.
    blend : tuple of tuple of int
        Rows of the board in the greedy blend, and their votes, chosen on shifted validation.
    blend_chosen, blend_measured : Estimate
        Its accuracy where it was chosen, which is too good, and on the split that ranks.
    missed : tuple of Missed
    missed_by : tuple of int
        Of the split that ranks: how many images are missed by 0, 1, ... all entries.
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


def combine(
    rows: Sequence[int],
    labels: dict[str, NDArray[np.int64]],
    truth: dict[str, NDArray[np.int64]],
    by: str,
    n_classes: int,
    clusters: Mapping[str, NDArray[np.intp]],
) -> Ensemble:
    """Return what the entries are worth together.

    Parameters
    ----------
    rows : sequence of int
        Where each entry stands on the board, best first.
    labels : dict of str to ndarray of shape (entries, n), int64
        By split.
    truth : dict of str to ndarray of shape (n,), int64
    by : str
        The split that ranks.
    n_classes : int
    clusters : mapping of str to ndarray of shape (n,), intp
        The group of each image, by split; empty in a contest without.
    """
    said, y_true = labels[by], truth[by]
    right = said == y_true
    trust = precision(truth[CHOOSE], labels[CHOOSE][:IN_BLENDS], n_classes)
    gain = pair_gain(y_true, said[:IN_BLENDS], trust)
    pairs = np.argwhere(np.triu(np.ones_like(gain, bool), 1)).tolist()
    best = sorted(pairs, key=lambda pair: -gain[*pair])[:BEST_PAIRS]
    blend = greedy_blend(truth[CHOOSE], labels[CHOOSE][:IN_BLENDS], n_classes)
    blended = {split: vote(labels[split][list(blend.votes)], n_classes) == truth[split] for split in (CHOOSE, by)}
    return Ensemble(
        entries=len(rows),
        shown=tuple(rows[:IN_TABLES]),
        agreement=_table(agreement(said[:IN_TABLES], n_classes)),
        gain=_table(gain[:IN_TABLES, :IN_TABLES]),
        oracle=oracle_accuracy(right),
        best_pairs=tuple(Pair(rows[a], rows[b], float(gain[a, b])) for a, b in best),
        blend=tuple((rows[entry], votes) for entry, votes in enumerate(np.bincount(blend.votes).tolist()) if votes),
        blend_chosen=share_right(blended[CHOOSE], clusters.get(CHOOSE)),
        blend_measured=share_right(blended[by], clusters.get(by)),
        missed=tuple(
            missed
            for split in ("val", "val_shifted")
            for missed in _most_missed(split, labels[split], truth[split], n_classes)
        ),
        missed_by=tuple(np.bincount(misses(right), minlength=len(rows) + 1).tolist()),
    )


def _table(values: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, values.tolist()))


def _most_missed(split: str, labels: NDArray[np.int64], y_true: NDArray[np.int64], n_classes: int) -> list[Missed]:
    """Return the images that most entries miss, of equal ones the first, with what is most often said instead."""
    count = misses(labels == y_true)
    found = []
    for row in np.argsort(-count, kind="stable")[:MISSED].tolist():
        if count[row]:
            wrong = labels[:, row][labels[:, row] != y_true[row]]
            said = int(np.bincount(wrong, minlength=n_classes).argmax())
            found.append(Missed(split, row, int(y_true[row]), said, int(count[row])))
    return found
