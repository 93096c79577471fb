"""Ranks that the comparisons leave open, the group at the top, and seeds taken together."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.score.compare import compare_all
from harness.score.ranges import RankRange, not_distinguishable_from_first, pool_seeds, rank_ranges


def board(*accuracies, n=400, seed=0):
    return np.random.default_rng(seed).random((len(accuracies), n)) < np.array(accuracies)[:, None]


def test_entries_far_apart_have_one_rank_each():
    right = board(0.9, 0.6, 0.3)
    assert [str(ranks) for ranks in rank_ranges(compare_all(right).better)] == ["1", "2", "3"]
    assert not_distinguishable_from_first(compare_all(right).better, right.mean(axis=1)) == [0]


def test_entries_that_cannot_be_told_apart_share_all_ranks():
    right = board(0.7, 0.7, 0.7)
    assert rank_ranges(compare_all(right).better) == [RankRange(1, 3)] * 3
    assert sorted(not_distinguishable_from_first(compare_all(right).better, right.mean(axis=1))) == [0, 1, 2]


@given(st.integers(1, 8), st.integers(0, 100))
def test_the_observed_rank_lies_in_its_range(entries, seed):
    right = board(*np.linspace(0.5, 0.8, entries), n=100, seed=seed)
    order = np.argsort(-right.mean(axis=1), kind="stable")
    ranges = rank_ranges(compare_all(right).better)
    for rank, entry in enumerate(order, start=1):
        assert ranges[entry].best <= rank <= ranges[entry].worst


def test_of_equal_scores_the_earlier_is_the_first():
    assert not_distinguishable_from_first(np.zeros((3, 3), bool), np.array([0.5, 0.7, 0.7])) == [1, 2, 0]


def test_seeds_are_pooled_with_the_interval_of_student():
    scores = [0.71, 0.74, 0.69, 0.75]
    pooled = pool_seeds(["vgg16"] * 4 + ["mobilenet"], [*scores, 0.8])
    assert list(pooled) == ["vgg16", "mobilenet"]
    found = pooled["vgg16"]
    assert (found.mean, found.sd, found.n) == (pytest.approx(np.mean(scores)), pytest.approx(np.std(scores, ddof=1)), 4)
    theirs = stats.ttest_1samp(scores, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))


def test_one_seed_has_a_mean_and_no_spread():
    alone = pool_seeds(["a"], [0.5])["a"]
    assert (alone.mean, alone.n) == (0.5, 1)
    assert all(map(math.isnan, (alone.sd, alone.low, alone.high)))
