"""Ranks that the comparisons leave open, the group at the top, and seeds taken together."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.analysis.compare import compare_all
from harness.analysis.ranks import RankRange, not_distinguishable_from_first, rank_ranges
from harness.analysis.seeds import pool_seeds
from harness.score.card import share_of
from harness.score.estimate import Estimate


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


def test_the_interval_of_seeds_joins_their_bounds_and_that_of_the_images():
    scores = [0.71, 0.74, 0.69, 0.75]
    found = pool_seeds([Estimate(value, value - 0.03, value + 0.02, 1113) for value in scores])
    assert (found.mean, found.sd, found.n) == (pytest.approx(np.mean(scores)), pytest.approx(np.std(scores, ddof=1)), 4)
    bounds = stats.ttest_1samp(scores, 0).confidence_interval(0.95)
    assert found.mean - found.low == pytest.approx(math.hypot(found.mean - bounds.low, 0.03))
    assert found.high - found.mean == pytest.approx(math.hypot(bounds.high - found.mean, 0.02))


def test_seeds_that_score_the_same_are_as_uncertain_as_one():
    one = share_of(174, 841)
    found = pool_seeds([one] * 5)
    assert (found.mean, found.sd, found.low, found.high) == pytest.approx((one.value, 0, one.low, one.high))


@given(st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_the_interval_of_seeds_holds_their_mean_and_stays_between_0_and_1(hits):
    found = pool_seeds([share_of(hit, 40) for hit in hits])
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert found.low < found.high


def test_one_seed_has_the_interval_of_its_images_and_no_spread():
    alone = pool_seeds([Estimate(0.5, 0.4, 0.6, 100)])
    assert (alone.mean, alone.low, alone.high, alone.n) == (0.5, 0.4, 0.6, 1)
    assert math.isnan(alone.sd)
