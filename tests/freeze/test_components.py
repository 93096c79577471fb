"""Components are those that SciPy finds, with the same numbers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from harness.freeze.components import components


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_components_are_those_of_scipy(graph):
    n_nodes, edges = graph
    one, other = np.array(edges, np.intp).reshape(-1, 2).T
    theirs = connected_components(coo_array((np.ones(len(edges)), (one, other)), shape=(n_nodes, n_nodes)), False)[1]
    assert components(one, other, n_nodes).tolist() == theirs.tolist()


def test_a_long_chain_in_any_order_is_one_component():
    order = np.random.default_rng(0).permutation(20_000)
    assert not components(order[:-1], order[1:], len(order)).any()
