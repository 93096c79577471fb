"""Intervals agree with SciPy and with images drawn anew, and leave room for what was not seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from harness.score.metrics import METRICS, SLOPES, confusion_matrix
from harness.score.stats import metric_interval, wilson_interval

MEANS = ("macro_f1", "balanced_accuracy")  # they move by about as much as accuracy; another metric may move by more


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_wilson_interval_is_that_of_scipy(drawn):
    hits, n = drawn
    theirs = binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson_interval(hits, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize("name", SLOPES)
def test_the_interval_of_a_metric_is_as_wide_as_redrawn_images_spread(name):
    rng, metric = np.random.default_rng(0), METRICS[name]
    y_true = np.repeat(np.arange(4), [40, 80, 120, 160])
    y_pred = np.where(rng.random(400) < 0.8, y_true, rng.integers(0, 4, 400))
    confusion = confusion_matrix(y_true, y_pred, 4)
    drawn = rng.multinomial(confusion.sum(axis=1), confusion / confusion.sum(axis=1, keepdims=True), size=(10_000, 4))
    low, high = metric_interval(confusion, name)
    assert high - low == pytest.approx(2 * 1.96 * metric(drawn).std(), rel=0.03)
    assert (low + high) / 2 == pytest.approx(metric(confusion), abs=0.01)


@given(st.integers(5, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_one_class_is_nearly_wilsons(drawn):
    hits, n = drawn
    ours = metric_interval(np.array([[hits, n - hits], [0, 0]]), "balanced_accuracy")
    assert ours == pytest.approx(wilson_interval(hits, n), abs=0.5 / n)


@given(st.integers(1, 12))
def test_few_misses_have_the_limit_of_brown_cai_and_dasgupta(misses):
    from scipy.stats import chi2

    n = 100_000
    _, high = metric_interval(np.array([[n - misses, misses], [0, 0]]), "balanced_accuracy")
    theirs = chi2.ppf(0.05, 2 * misses) / 2  # of the expected number of misses: their limit for 1 to 3
    assert (1 - high) * n == pytest.approx(theirs, abs=0.02 if misses <= 3 else 0.35)


@given(st.integers(2, 5), st.data(), st.sampled_from(sorted(SLOPES)))
def test_an_interval_holds_the_value_and_is_never_a_point(classes, data, name):
    counts = data.draw(st.lists(st.integers(0, 30), min_size=classes**2, max_size=classes**2).filter(any))
    confusion = np.array(counts).reshape(classes, classes)
    low, high = metric_interval(confusion, name)
    assert 0 <= low <= METRICS[name](confusion) <= high <= 1
    assert low < high


@pytest.mark.parametrize("name", MEANS)
def test_a_perfect_score_leaves_room_for_what_was_not_seen(name):
    low, high = metric_interval(np.diag([50, 50]), name)
    assert (low, high) == pytest.approx(wilson_interval(100, 100), abs=0.002)


@pytest.mark.parametrize("name", MEANS)
def test_a_constant_entry_may_have_some_right_answers_that_were_not_seen(name):
    confusion = np.zeros((8, 8), np.int64)
    confusion[:, 6] = [78, 199, 102, 189, 79, 93, 217, 156]
    value = float(METRICS[name](confusion))
    low, high = metric_interval(confusion, name)
    assert 0.0005 < value - low < 0.005 < high - value < 0.015


@pytest.mark.parametrize("name", SLOPES)
def test_a_slope_is_what_a_metric_gains_by_a_little_of_an_image(name):
    confusion = np.random.default_rng(4).integers(1, 40, (5, 5)).astype(float)
    slope = SLOPES[name](confusion)
    for true, here, there in ((0, 0, 1), (2, 4, 2), (3, 1, 0)):
        moved = confusion.copy()
        moved[true, here] -= 1e-5
        moved[true, there] += 1e-5
        gain = float(METRICS[name](moved) - METRICS[name](confusion)) / 1e-5
        assert slope[true, there] - slope[true, here] == pytest.approx(gain, abs=1e-7)
    assert np.allclose(SLOPES[name](np.stack([confusion, 2 * confusion]))[0], slope)
