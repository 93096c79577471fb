"""All pairs of a board's best entries: what divides them, as a reader may compare any two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.analysis.compare import Pairs, mcnemar, mcnemar_by_group, only_first
from harness.score.stats import by_group, paired_limits, paired_stretch


class Pairwise(msgspec.Struct, frozen=True):
    """What divides two entries, by split, for each pair of `rows` with the first before the second.

    Attributes
    ----------
    rows : tuple of int
        Of the board, best first.
    gained, lost : dict of str to tuple of int
        Images that only the first has right, and those that only the second has.
    low, high : dict of str to tuple of float
        95 % interval of the difference of their accuracies, first - second.
    p : dict of str to tuple of float
        Of the exact McNemar test, two-sided, for the pair alone.
    adjusted : tuple of float
        Holm's p-value over all pairs, on the split that ranks.
    """

    rows: tuple[int, ...]
    gained: dict[str, tuple[int, ...]]
    lost: dict[str, tuple[int, ...]]
    low: dict[str, tuple[float, ...]]
    high: dict[str, tuple[float, ...]]
    p: dict[str, tuple[float, ...]]
    adjusted: tuple[float, ...]


def compare_pairwise(
    rows: Sequence[int],
    right: Mapping[str, NDArray[np.bool_]],
    pairs: Pairs,
    groups: Mapping[str, NDArray[np.intp]] | None = None,
) -> Pairwise:
    """Count, for each two entries, the images that only one of them has right, and say what that shows.

    Only counts leave here: which image of the hidden test an entry has right would tell its label to whoever submits
    entries made to find out.

    Parameters
    ----------
    rows : sequence of int
        Where each entry stands on the board, best first.
    right : mapping of str to ndarray of shape (entries, n), bool
        By split.
    pairs : Pairs
        Of the same entries on the split that ranks.
    groups : mapping of str to ndarray of shape (n,), intp, optional
        The group of each image, by split, where they come in groups.
    """
    one, other = np.triu_indices(len(rows), 1)
    found: dict[str, dict[str, tuple]] = {name: {} for name in ("gained", "lost", "low", "high", "p")}
    for split, hits in right.items():
        only = only_first(hits)
        gained, lost = only[one, other], only[other, one]
        stretch: NDArray[np.float64] | float = 1.0
        if groups:
            of_group = by_group(hits, groups[split])
            p = mcnemar_by_group(of_group[one] - of_group[other])
            stretch = np.array(
                [paired_stretch(hits[a], hits[b], groups[split]) for a, b in zip(one, other, strict=True)]
            )
        else:
            p = mcnemar(gained, lost)
        values = (gained, lost, *paired_limits(gained, lost, hits.shape[1], stretch), p)
        for of, value in zip(found.values(), values, strict=True):
            of[split] = tuple(value.tolist())
    return Pairwise(tuple(rows), **found, adjusted=tuple(pairs.adjusted[one, other].tolist()))
