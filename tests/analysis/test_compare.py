"""Comparisons agree with SciPy and statsmodels, and with images that are drawn one by one."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, t
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.multitest import multipletests

from harness.analysis.compare import (
    compare_all,
    compare_all_drawn,
    decide,
    draw_scores,
    holm,
    mcnemar,
    paired_bootstrap,
)
from harness.score.metrics import METRICS, confusion_matrix
from harness.score.stats import paired_interval


def two_entries(n=600, classes=4, seed=0):
    """True labels and those of two entries that often make the same mistake."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, classes, n)
    one = np.where(rng.random(n) < 0.8, y_true, rng.integers(0, classes, n))
    return y_true, one, np.where(rng.random(n) < 0.7, one, rng.integers(0, classes, n))


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_mcnemar_test_is_that_of_statsmodels(gained, lost):
    theirs = their_mcnemar([[5, gained], [lost, 5]], exact=True).pvalue if gained + lost else 1.0
    assert mcnemar(gained, lost) == pytest.approx(theirs, rel=1e-9)


def test_the_mcnemar_test_of_millions_of_images_is_exact_and_fast():
    started = time.process_time()
    ours = mcnemar(np.array([1_000_500, 1_002_000]), np.array([999_500, 998_000]))
    assert time.process_time() - started < 60
    assert ours == pytest.approx([binomtest(999_500, 2_000_000).pvalue, binomtest(998_000, 2_000_000).pvalue], rel=1e-6)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_holms_correction_is_that_of_statsmodels(p):
    assert holm(np.array(p)) == pytest.approx(multipletests(p, method="holm")[1])


def test_pairs_of_a_board_are_what_each_pair_is_alone():
    rng = np.random.default_rng(1)
    right = rng.random((6, 300)) < np.linspace(0.9, 0.6, 6)[:, None]
    pairs = compare_all(right)
    alone = [
        their_mcnemar([[0, (right[i] & ~right[j]).sum()], [(right[j] & ~right[i]).sum(), 0]], exact=True).pvalue
        for i in range(6)
        for j in range(i + 1, 6)
    ]
    upper = np.triu_indices(6, 1)
    assert pairs.p[upper] == pytest.approx(alone)
    assert pairs.adjusted[upper] == pytest.approx(multipletests(alone, method="holm")[1])
    np.testing.assert_array_equal(pairs.adjusted, pairs.adjusted.T)
    np.testing.assert_array_equal(pairs.better[upper], multipletests(alone, method="holm")[0])  # the earlier are better
    assert not pairs.better.T[upper].any()


def test_entries_that_agree_are_not_different_and_one_entry_is_no_pair():
    right = np.tile(np.arange(50) % 2 == 0, (3, 1))
    assert (compare_all(right).p == 1).all()
    assert not compare_all(right).better.any()
    assert compare_all(right[:1]).better.shape == (1, 1)
    drawn = np.tile(np.random.default_rng(0).random((100, 1)), (1, 3))
    assert not compare_all_drawn(np.full(3, 0.5), drawn).better.any()
    assert compare_all_drawn(np.array([0.5]), drawn[:, :1]).better.tolist() == [[False]]


def test_only_the_higher_score_can_be_better():
    p = np.array([[1, 0.001], [0.001, 1]])
    assert decide(p, np.array([1, 2])).better.tolist() == [[False, False], [True, False]]
    assert not decide(np.ones((2, 2)), np.array([1, 2])).better.any()


def test_a_board_of_a_hundred_entries_is_compared_in_seconds():
    rng = np.random.default_rng(2)
    y_true = rng.integers(0, 8, 2000)
    labels = np.where(rng.random((100, 2000)) < 0.7, y_true, rng.integers(0, 8, (100, 2000)))
    started = time.process_time()
    compare_all(labels == y_true)
    drawn = draw_scores(y_true, labels, METRICS["macro_f1"], rng, n_classes=8, draws=1000)
    assert time.process_time() - started < 200
    assert drawn.shape == (1000, 100)


@pytest.mark.parametrize("metric", METRICS)
def test_the_paired_bootstrap_is_that_of_redrawn_images(metric):
    y_true, one, other = two_entries()
    score = METRICS[metric]
    ours = paired_bootstrap(y_true, one, other, score, np.random.default_rng(3), n_classes=4, draws=4000)
    alone = [float(score(confusion_matrix(y_true, labels, 4))) for labels in (one, other)]
    assert ours.value == pytest.approx(alone[0] - alone[1])
    rng = np.random.default_rng(4)
    classes = [np.flatnonzero(y_true == number) for number in range(4)]
    drawn = []
    for _ in range(4000):
        rows = np.concatenate([rng.choice(members, len(members)) for members in classes])
        first, second = (score(confusion_matrix(y_true[rows], labels[rows], 4)) for labels in (one, other))
        drawn.append(first - second)
    assert (ours.low, ours.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.004)


def test_the_paired_bootstrap_of_accuracy_is_near_the_paired_interval():
    y_true, one, other = two_entries(n=2000)
    found = paired_bootstrap(y_true, one, other, METRICS["accuracy"], np.random.default_rng(5), n_classes=4, draws=4000)
    assert (found.value, found.low, found.high) == pytest.approx(
        paired_interval(one == y_true, other == y_true), abs=0.004
    )


@pytest.mark.parametrize("metric", METRICS)
def test_entries_drawn_together_differ_as_a_pair_does(metric):
    y_true, one, other = two_entries()
    labels = np.stack([one, other])
    drawn = draw_scores(y_true, labels, METRICS[metric], np.random.default_rng(6), n_classes=4, draws=4000)
    found = paired_bootstrap(y_true, one, other, METRICS[metric], np.random.default_rng(7), n_classes=4, draws=4000)
    low, high = np.quantile(drawn[:, 0] - drawn[:, 1], [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.006)
    scores = METRICS[metric](np.array([confusion_matrix(y_true, row, 4) for row in labels]))
    p = compare_all_drawn(scores, drawn).p[0, 1]
    assert p == pytest.approx(2 * t.sf(found.value / (drawn[:, 0] - drawn[:, 1]).std(ddof=1), 3999), rel=1e-6)


def test_a_board_drawn_in_parts_is_a_board(monkeypatch):
    y_true, one, other = two_entries(n=100)
    monkeypatch.setattr("harness.analysis.compare.AT_ONCE", 2 * 16 * 7)  # seven draws at a time
    drawn = draw_scores(
        y_true, np.stack([one, other]), METRICS["accuracy"], np.random.default_rng(8), n_classes=4, draws=50
    )
    assert drawn.shape == (50, 2)
    assert drawn.mean(axis=0) == pytest.approx([(one == y_true).mean(), (other == y_true).mean()], abs=0.03)


def test_the_same_generator_gives_the_same_interval():
    y_true, one, other = two_entries(n=200)
    twice = [
        paired_bootstrap(y_true, one, other, METRICS["macro_f1"], np.random.default_rng(9), n_classes=4, draws=200)
        for _ in range(2)
    ]
    assert twice[0] == twice[1]
