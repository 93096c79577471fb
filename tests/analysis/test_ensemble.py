"""What entries are worth together: votes by hand, blends that help, images that divide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.ensemble import (
    agreement,
    greedy_blend,
    missed_alone,
    misses,
    oracle_accuracy,
    pair_gain,
    precision,
    vote,
)


def entries(accuracies: list[float], n: int = 800, classes: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """True labels and those of entries whose mistakes are independent."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, classes, n)
    hit = rng.random((len(accuracies), n)) < np.array(accuracies)[:, None]
    return y_true, np.where(hit, y_true, (y_true + rng.integers(1, classes, hit.shape)) % classes)


LABELS = st.integers(1, 5).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=size, max_size=size)
)


@given(LABELS)
def test_a_vote_is_what_counting_by_hand_gives(rows):
    labels = np.array(rows)
    for column, elected in zip(labels.T.tolist(), vote(labels, 4), strict=True):
        most = max(column.count(label) for label in column)
        assert elected == next(label for label in column if column.count(label) == most)  # the earliest entry's


def test_trust_decides_ties_and_nothing_else():
    trust = np.array([[0.5, 0.5], [0.5, 0.9], [0.5, 0.9]])
    assert vote(np.array([[0, 0], [1, 0], [1, 1]])[:2], 2, trust[:2]).tolist() == [1, 0]
    assert vote(np.array([[0], [0], [1]]), 2, trust).tolist() == [0]


def test_precision_is_the_share_right_of_a_label_given_once_each_class_is_added():
    y_true = np.array([0, 0, 1, 1, 2])
    labels = np.array([[0, 0, 0, 1, 2]])
    assert precision(y_true, labels, 3)[0] == pytest.approx([(2 + 1) / (3 + 3), (1 + 1) / (1 + 3), (1 + 1) / (1 + 3)])


def test_agreement_and_oracle_are_counts_of_images():
    y_true, labels = entries([0.9, 0.6, 0.3])
    right = labels == y_true
    share = agreement(labels, 4)
    for i in range(3):
        for j in range(3):
            assert share[i, j] == pytest.approx((labels[i] == labels[j]).mean())
    assert oracle_accuracy(right) == (right[0] | right[1] | right[2]).mean()


def test_the_gain_of_a_pair_is_that_of_its_vote():
    y_true, labels = entries([0.8, 0.7, 0.7, 0.4])
    trust = precision(*entries([0.8, 0.7, 0.7, 0.4], seed=1), 4)
    gain = pair_gain(y_true, labels, trust)
    own = (labels == y_true).mean(axis=1)
    for i in range(4):
        for j in range(i + 1, 4):
            together = (vote(labels[[i, j]], 4, trust[[i, j]]) == y_true).mean()
            assert gain[i, j] == gain[j, i] == pytest.approx(together - max(own[i], own[j]))
    assert not gain.diagonal().any()


def test_entries_that_know_different_classes_gain_as_a_pair():
    y_true = np.tile(np.arange(4), 100)
    low, high = np.where(y_true < 2, y_true, 0), np.where(y_true >= 2, y_true, 3)
    labels = np.stack([low, high])
    assert pair_gain(y_true, labels, precision(y_true, labels, 4))[0, 1] > 0.2


def test_a_blend_of_independent_entries_beats_the_best_on_images_it_was_not_chosen_by():
    accuracies = [0.62, 0.6, 0.58, 0.6, 0.3]
    y_true, labels = entries(accuracies)
    blend = greedy_blend(y_true, labels, 4)
    assert blend.accuracy == (vote(labels[list(blend.votes)], 4) == y_true).mean()
    fresh, theirs = entries(accuracies, seed=1)
    assert (vote(theirs[list(blend.votes)], 4) == fresh).mean() > (theirs == fresh).mean(axis=1).max() + 0.03
    votes = np.bincount(blend.votes, minlength=5)
    assert votes[4] == votes.min()


def test_a_blend_is_never_worse_than_its_best_entry_where_it_was_chosen():
    for seed in range(10):
        y_true, labels = entries([0.5, 0.8, 0.5], n=60, seed=seed)
        assert greedy_blend(y_true, labels, 4).accuracy >= (labels == y_true).mean(axis=1).max()
    perfect = np.stack([labels[0], y_true])
    assert greedy_blend(y_true, perfect, 4).votes == (1,)


def test_copies_of_one_entry_add_nothing():
    y_true, labels = entries([0.7])
    blend = greedy_blend(y_true, np.repeat(labels, 3, axis=0), 4)
    assert blend.votes == (0,)


def test_an_image_missed_alone_is_missed_by_one_entry():
    y_true, labels = entries([0.9, 0.9, 0.9])
    right = labels == y_true
    alone = missed_alone(right)
    np.testing.assert_array_equal(alone.any(axis=0), misses(right) == 1)
    np.testing.assert_array_equal(alone[0], ~right[0] & right[1] & right[2])
