"""Who goes where: a stratified split that follows the images, not their order or the names of their classes."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def stratified_split(
    labels: NDArray[np.int64],
    groups: NDArray[np.intp],
    keys: Sequence[bytes],
    shares: Sequence[float],
    *,
    seed: int,
    purpose: str,
) -> NDArray[np.int64]:
    """Give each image a part, so that every class is cut in the same proportions.

    Within a class, groups are put in the order of SHA-256(seed, purpose, smallest key of the group) and dealt to the
    parts in turn.  A keyed hash takes the place of a drawn permutation, because a permutation depends on how many
    images there are and in which order they came: here, adding one image moves at most one group across each
    border, and renaming or renumbering the classes moves none.

    Parameters
    ----------
    labels, groups : ndarray of shape (n,)
        Class and group of each image.  A group goes to one part whole, with the class of its first member by key.
    keys : sequence of n bytes
        The pixel hash of each image.
    shares : sequence of float
        Share of each part but the last, which takes the rest.
    seed : int
    purpose : str
        Names the split, so that two splits of the same images are independent.

    Returns
    -------
    ndarray of shape (n,), int64
        The part of each image, 0 to len(shares).  Part p of a class with m images holds
        floor(m × shares[p] + 1/2) of them, give or take a group.

    Examples
    --------
    >>> labels, groups = np.zeros(10, np.int64), np.arange(10)
    >>> keys = [bytes([i]) for i in range(10)]
    >>> np.bincount(stratified_split(labels, groups, keys, [0.2, 0.3], seed=1, purpose="doctest")).tolist()
    [2, 3, 5]
    """
    members: dict[int, list[int]] = defaultdict(list)
    for row in sorted(range(len(keys)), key=lambda row: keys[row]):
        members[int(groups[row])].append(row)
    by_class: dict[int, list[list[int]]] = defaultdict(list)
    for rows in members.values():
        by_class[int(labels[rows[0]])].append(rows)

    def place(rows: list[int]) -> bytes:
        return hashlib.sha256(f"{seed}/{purpose}/".encode() + keys[rows[0]]).digest()

    parts = np.empty(len(keys), np.int64)
    for clusters in by_class.values():
        total = sum(len(rows) for rows in clusters)
        wanted = [int(total * share + 0.5) for share in shares]
        part = filled = 0
        for rows in sorted(clusters, key=place):
            while part < len(shares) and filled >= wanted[part]:
                part, filled = part + 1, 0
            parts[rows] = part
            filled += len(rows)
    return parts
