"""Connected components of a graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def components(one: NDArray[np.intp], other: NDArray[np.intp], n_nodes: int) -> NDArray[np.intp]:
    """Return of each of `n_nodes` nodes the number of its component, from 0, in the order of their first nodes.

    Parameters
    ----------
    one, other : ndarray of shape (n_edges,), integers
        The two ends of each edge.

    References
    ----------
    R. E. Tarjan, J. van Leeuwen, "Worst-case analysis of set union algorithms", Journal of the ACM 31 (1984) 245-281;
    with path halving, the lower node as the root.

    Examples
    --------
    >>> components(np.array([3, 1]), np.array([1, 4]), 5).tolist()
    [0, 1, 2, 1, 1]
    """
    above = list(range(n_nodes))

    def root(node: int) -> int:
        while above[node] != node:
            above[node] = node = above[above[node]]
        return node

    for first, second in zip(one.tolist(), other.tolist(), strict=True):
        low, high = sorted((root(first), root(second)))
        above[high] = low
    return np.unique([root(node) for node in range(n_nodes)], return_inverse=True)[1].astype(np.intp)
