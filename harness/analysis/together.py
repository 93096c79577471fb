"""What entries are worth together, and which pictures divide them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.analysis.compare import Pairs
from harness.analysis.document import Missed, Pair, Pairwise, Together
from harness.analysis.ensemble import agreement, greedy_blend, misses, oracle_accuracy, pair_gain, precision, vote
from harness.score.card import share_of

IN_TABLES = 12  # entries in the tables of agreement and gain: more do not fit beside each other
IN_BLENDS = 40  # entries that pairs and the greedy blend are chosen from
BEST_PAIRS = 5
MISSED = 12  # pictures shown of each public split
CHOOSE = "val_shifted"  # where blends are chosen: labels are public there, and the pictures are shifted


def see_together(
    rows: Sequence[int],
    labels: dict[str, NDArray[np.int64]],
    truth: dict[str, NDArray[np.int64]],
    by: str,
    n_classes: int,
) -> Together:
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
    """
    said, y_true = labels[by], truth[by]
    right = said == y_true
    trust = precision(truth[CHOOSE], labels[CHOOSE][:IN_BLENDS], n_classes)
    gain = pair_gain(y_true, said[:IN_BLENDS], trust)
    pairs = np.argwhere(np.triu(np.ones_like(gain, bool), 1)).tolist()
    best = sorted(pairs, key=lambda pair: -gain[*pair])[:BEST_PAIRS]
    blend = greedy_blend(truth[CHOOSE], labels[CHOOSE][:IN_BLENDS], n_classes)
    blended = vote(said[list(blend.votes)], n_classes) == y_true
    chosen_n = len(truth[CHOOSE])
    return Together(
        entries=len(rows),
        shown=tuple(rows[:IN_TABLES]),
        agreement=_table(agreement(said[:IN_TABLES], n_classes)),
        gain=_table(gain[:IN_TABLES, :IN_TABLES]),
        oracle=oracle_accuracy(right),
        best_pairs=tuple(Pair(rows[a], rows[b], float(gain[a, b])) for a, b in best),
        blend=tuple((rows[entry], votes) for entry, votes in enumerate(np.bincount(blend.votes).tolist()) if votes),
        blend_chosen=share_of(round(blend.accuracy * chosen_n), chosen_n),
        blend_measured=share_of(int(blended.sum()), len(blended)),
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
    """Return the pictures that most entries miss, of equal ones the first, with what is most often said instead."""
    count = misses(labels == y_true)
    found = []
    for row in np.argsort(-count, kind="stable")[:MISSED].tolist():
        if count[row]:
            wrong = labels[:, row][labels[:, row] != y_true[row]]
            said = int(np.bincount(wrong, minlength=n_classes).argmax())
            found.append(Missed(split, row, int(y_true[row]), said, int(count[row])))
    return found


def see_pairs(rows: Sequence[int], right: dict[str, NDArray[np.bool_]], pairs: Pairs) -> Pairwise:
    """Count, for each two entries, the pictures that only one of them has right.

    Only counts leave here: which picture of the hidden test an entry has right would tell its label to whoever
    submits entries made to find out.

    Parameters
    ----------
    rows : sequence of int
        Where each entry stands on the board, best first.
    right : dict of str to ndarray of shape (entries, n), bool
        By split.
    pairs : Pairs
        Of the same entries on the split that ranks.
    """
    one, other = np.triu_indices(len(rows), 1)
    gained, lost = {}, {}
    for split, hits in right.items():
        ones = hits.astype(np.float32)
        only = np.rint(ones @ (1 - ones).T).astype(int)
        gained[split], lost[split] = tuple(only[one, other].tolist()), tuple(only[other, one].tolist())
    return Pairwise(tuple(rows), gained, lost, tuple(pairs.adjusted[one, other].tolist()))
