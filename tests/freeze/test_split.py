"""The split is disjoint, complete, stratified, and follows the images alone."""

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.freeze.split import stratified_split

SHARES = (0.2, 0.08)


def keys_of(n: int) -> list[bytes]:
    return [hashlib.sha256(bytes([row % 256, row // 256])).digest() for row in range(n)]


@st.composite
def images(draw):
    n = draw(st.integers(1, 120))
    labels = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), np.int64)
    groups = np.array(draw(st.lists(st.integers(0, n), min_size=n, max_size=n)), np.intp)
    return labels, groups, keys_of(n)


def split(labels, groups, keys, seed=1):
    return stratified_split(labels, groups, keys, SHARES, seed=seed, purpose="test")


@given(images())
def test_every_image_goes_to_exactly_one_part(drawn):
    parts = split(*drawn)
    assert parts.shape == drawn[0].shape
    assert set(parts.tolist()) <= {0, 1, 2}


@given(images())
def test_a_group_never_straddles_a_split(drawn):
    _, groups, _ = drawn
    parts = split(*drawn)
    for group in np.unique(groups):
        assert len(set(parts[groups == group].tolist())) == 1


@given(st.lists(st.integers(0, 200), min_size=1, max_size=5), st.integers(0, 2**32))
def test_each_class_is_cut_in_the_shares_asked_for(class_sizes, seed):
    labels = np.repeat(np.arange(len(class_sizes)), class_sizes)
    parts = split(labels, np.arange(len(labels)), keys_of(len(labels)), seed)
    for number, size in enumerate(class_sizes):
        counts = np.bincount(parts[labels == number], minlength=3)
        assert counts.tolist() == [
            int(size * 0.2 + 0.5),
            int(size * 0.08 + 0.5),
            size - int(size * 0.2 + 0.5) - int(size * 0.08 + 0.5),
        ]


@given(images(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(drawn, random):
    labels, groups, keys = drawn
    order = list(range(len(keys)))
    random.shuffle(order)
    shuffled = split(labels[order], groups[order], [keys[row] for row in order])
    assert shuffled.tolist() == split(labels, groups, keys)[order].tolist()


@given(images())
def test_renumbering_the_classes_moves_no_image(drawn):
    labels, groups, keys = drawn
    renumbered = np.array([2, 0, 3, 1])[labels]
    assert split(renumbered, groups, keys).tolist() == split(labels, groups, keys).tolist()


def test_another_seed_gives_another_split():
    labels, groups, keys = np.zeros(200, np.int64), np.arange(200), keys_of(200)
    assert (split(labels, groups, keys, 1) != split(labels, groups, keys, 2)).any()


def test_adding_an_image_moves_at_most_one_across_each_border():
    keys = keys_of(301)
    before = split(np.zeros(300, np.int64), np.arange(300), keys[:300])
    after = split(np.zeros(301, np.int64), np.arange(301), keys)
    assert (before != after[:300]).sum() <= len(SHARES)
