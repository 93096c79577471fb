"""Intervals and comparisons of images that come in groups: as of fewer images, and as ever where groups are single."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from harness.analysis.compare import clustered_difference, compare_all, compare_all_clustered, mcnemar, mcnemar_by_group
from harness.board.ladder import shown_by_ladder
from harness.contest import find_contest
from harness.score.card import score_split, share_right
from harness.score.stats import (
    Z_95,
    by_group,
    metric_stretch,
    paired_interval,
    share_stretch,
    student_95,
    wilson_interval,
)


@pytest.mark.parametrize("freedom", [*range(1, 12), 30, 100, 10_000])
def test_the_points_of_students_distribution_are_those_of_scipy(freedom):
    assert student_95(freedom) == pytest.approx(student.ppf(0.975, freedom), rel=5e-4)


def test_copies_of_an_image_in_a_group_are_worth_one_image():
    """The design effect of whole copies is their number: the interval is that of the originals alone, but for t."""
    right = np.random.default_rng(0).random(200) < 0.7
    copies, groups = right.repeat(9), np.arange(200).repeat(9)
    alone, together = share_right(right, np.arange(200)), share_right(copies, groups)
    assert (together.n, together.n_groups) == (1800, 200)
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high), abs=1e-9)
    wilson = wilson_interval(int(right.sum()), 200)
    assert (alone.low, alone.high) == pytest.approx(wilson, abs=0.002)
    narrow = share_right(copies, None)
    assert narrow.high - narrow.low < 0.4 * (together.high - together.low)


def test_images_that_do_not_hang_together_keep_their_interval_but_for_students_t():
    rng = np.random.default_rng(1)
    groups = np.arange(3000) % 60
    stretches = [share_stretch(rng.random(3000) < 0.8, groups) for _ in range(200)]
    assert np.mean(np.square(stretches)) == pytest.approx((student_95(59) / Z_95) ** 2, rel=0.05)


def test_of_one_group_nothing_is_known():
    right, groups = np.arange(50) < 40, np.zeros(50, np.intp)
    found = share_right(right, groups)
    assert (found.low, found.high, found.n_groups) == (0, 1, 1)
    assert paired_interval(right, ~right, groups)[1:] == (-1, 1)
    assert mcnemar_by_group(by_group(right.astype(int), groups)) == 1
    labels = right.astype(int)
    both = clustered_difference(labels, labels, 1 - labels, "macro_f1", 2, groups)
    assert (both.low, both.high) == (-1, 1)
    assert not compare_all_clustered(labels, np.array([labels, 1 - labels]), "macro_f1", 2, groups).better.any()


def test_all_right_in_few_groups_is_not_taken_for_as_many_images():
    right = np.ones(400, bool)
    few, many = share_right(right, np.arange(400) % 8), share_right(right, np.arange(400))
    assert few.low < 0.9 < many.low
    assert few.high == many.high == 1


@pytest.mark.parametrize("metric", ["macro_f1", "balanced_accuracy"])
def test_a_metric_of_classes_is_stretched_as_accuracy_is_where_it_is_one(metric):
    """With two classes of one size, half of each group, balanced accuracy is accuracy."""
    rng = np.random.default_rng(2)
    y_true, groups = np.tile([0, 1], 600), np.arange(1200) // 30
    right = rng.random(1200) < np.clip(0.8 + rng.normal(0, 0.1, 40), 0, 1)[groups]
    said = np.where(right, y_true, 1 - y_true)
    of_metric = metric_stretch(y_true, said, metric, 2, groups)
    assert of_metric == pytest.approx(share_stretch(right, groups), rel=0.05)
    assert of_metric > 1.3


def test_a_card_counts_groups_wherever_an_interval_stands_and_none_without():
    contest = find_contest("blood-cells")
    rng = np.random.default_rng(3)
    y_true, groups = rng.integers(0, 8, 800), np.arange(800) // 20
    said = np.where(rng.random(800) < 0.7, y_true, rng.integers(0, 8, 800))
    grouped, plain = score_split(contest, y_true, said, groups), score_split(contest, y_true, said)
    for found, n in ((grouped, 40), (plain, 0)):
        assert {estimate.n_groups for estimate in found.metrics.values()} == {n}
        assert all(0 < (estimate.n_groups or 1) <= max(n, 1) for estimate in found.recall.values())
        assert all(estimate.low <= estimate.value <= estimate.high for estimate in found.metrics.values())
    assert grouped.confusion == plain.confusion
    assert [one.value for one in grouped.metrics.values()] == [one.value for one in plain.metrics.values()]


@given(st.lists(st.integers(-1, 1), min_size=1, max_size=60))
def test_with_groups_of_one_image_the_test_is_mcnemars(signs):
    differences = np.array(signs, float)
    theirs = mcnemar(int((differences > 0).sum()), int((differences < 0).sum()))
    assert float(mcnemar_by_group(differences)) == pytest.approx(float(theirs), abs=1e-9)


@given(st.lists(st.integers(-6, 6), min_size=1, max_size=10))
def test_the_test_counts_every_choice_of_signs(differences):
    flipped = np.array(list(product([-1, 1], repeat=len(differences)))) @ np.array(differences)
    share = (np.abs(flipped) >= abs(sum(differences))).mean()
    assert float(mcnemar_by_group(np.array(differences, float))) == pytest.approx(share, abs=1e-9)


def test_many_pairs_at_once_are_each_as_alone():
    differences = np.random.default_rng(4).integers(-9, 10, (40, 5, 25)).astype(float)
    together = mcnemar_by_group(differences)
    assert together.shape == (40, 5)
    for place in np.ndindex(40, 5):
        assert together[place] == pytest.approx(float(mcnemar_by_group(differences[place])), abs=1e-9)


def board(rng: np.random.Generator, better: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two entries on 30 slides of 40 images: slides differ in which entry they suit."""
    groups = np.arange(1200) // 40
    taste = rng.normal(0, 0.15, 30)[groups]
    y_true = np.tile(np.arange(4), 300)
    right = rng.random((2, 1200)) < np.clip(0.7 + np.array([[better], [0]]) + np.array([taste, -taste]), 0, 1)
    return y_true, np.where(right, y_true, (y_true + 1) % 4), groups


def test_equal_entries_that_slides_suit_differently_are_told_apart_by_images_alone():
    """The level of tests by image is far from 5 % where slides decide; by group it holds."""
    rng, false = np.random.default_rng(5), {"image": 0, "group": 0, "macro_f1": 0, "interval": 0}
    for _ in range(150):
        y_true, labels, groups = board(rng, 0.0)
        right = labels == y_true
        false["image"] += bool(compare_all(right).better.any())
        false["group"] += bool(compare_all(right, groups).better.any())
        false["macro_f1"] += bool(compare_all_clustered(y_true, labels, "macro_f1", 4, groups).better.any())
        _, low, high = paired_interval(right[0], right[1], groups)
        false["interval"] += not low <= 0 <= high
    assert false["image"] > 40
    assert all(false[kind] <= 15 for kind in ("group", "macro_f1", "interval"))


def test_a_clear_difference_is_still_found_by_group_and_all_ways_agree():
    y_true, labels, groups = board(np.random.default_rng(6), 0.2)
    right = labels == y_true
    pairs = compare_all(right, groups)
    assert pairs.better[0, 1] and not pairs.better[1, 0]
    assert pairs.p[0, 1] == float(mcnemar_by_group(np.subtract(*by_group(right, groups))))
    both = clustered_difference(y_true, labels[0], labels[1], "balanced_accuracy", 4, groups)
    value, low, high = paired_interval(right[0], right[1], groups)
    assert both.value == pytest.approx(value)
    assert (both.low, both.high) == pytest.approx((low, high), abs=0.01)
    assert compare_all_clustered(y_true, labels, "balanced_accuracy", 4, groups).better[0, 1]


def test_the_ladder_climbs_by_groups():
    right = np.zeros((2, 100), bool)
    right[0, :50], right[1, :60] = True, True
    assert shown_by_ladder(right).tolist() == [0, 1]
    assert shown_by_ladder(right, np.arange(100)).tolist() == [0, 1]
    assert shown_by_ladder(right, np.arange(100) // 10).tolist() == [0, 0], "one group of ten gained: one observation"
