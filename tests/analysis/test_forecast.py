"""Forecasts agree with statsmodels where it has them, and predict what is drawn by their own assumptions."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from statsmodels.stats.proportion import confint_proportions_2indep

from harness.analysis.forecast import (
    Forecast,
    average_thresholded_confidence,
    difference_of_confidences,
    errors,
    fit_line,
    from_shifted,
    from_shifted_and_misses,
    in_whole_images,
    logit,
)


def rows(n=12, seed=0):
    rng = np.random.default_rng(seed)
    public = rng.uniform(0.3, 0.95, (n, 2))
    hidden = expit(-0.5 + 0.2 * logit(public[:, 0], 891) + 0.8 * logit(public[:, 1], 891) + rng.normal(0, 0.2, n))
    return public, hidden


def test_a_line_and_its_interval_are_those_of_statsmodels():
    public, hidden = rows()
    fitted = fit_line(public[:-1], hidden[:-1], n_public=891, n_hidden=1113)
    design = sm.add_constant(logit(public, 891))
    theirs = sm.OLS(logit(hidden[:-1], 1113), design[:-1]).fit()
    assert fitted.coefficients == pytest.approx(theirs.params)
    frame = theirs.get_prediction(design[-1:]).summary_frame(alpha=0.05)
    limits = (expit(frame[["mean", "obs_ci_lower", "obs_ci_upper"]].to_numpy()[0]) * 1114 - 0.5) / 1113
    found = fitted.predict(public[-1])
    assert (found.value, found.low, found.high) == pytest.approx(limits, rel=5e-4)  # the error of `student_95`


def test_too_few_rows_give_no_line():
    public, hidden = rows(n=6)
    assert fit_line(public, hidden, n_public=891, n_hidden=1113) is not None
    assert fit_line(public[:5], hidden[:5], n_public=891, n_hidden=1113) is None
    assert from_shifted_and_misses(0.5, public[:2, 1], hidden[:2], 891, 1113) is None


def test_features_that_say_the_same_do_not_break_the_line():
    public, hidden = rows()
    twice = np.column_stack([public[:, 0], public[:, 0]])
    one = fit_line(public[:, :1], hidden, n_public=891, n_hidden=1113).predict([0.7])
    two = fit_line(twice, hidden, n_public=891, n_hidden=1113).predict([0.7, 0.7])
    assert (two.value, two.low, two.high) == pytest.approx((one.value, one.low, one.high))


def test_accuracy_on_shifted_validation_is_its_own_forecast():
    found = from_shifted(600 / 891, 891, 1113)
    assert found.value == 600 / 891
    low, high = confint_proportions_2indep(600, 891, 750, 1113, method="newcomb", compare="diff")
    assert found.high - found.low == pytest.approx(high - low, rel=0.02)  # 750 of 1,113 is about the same share
    for hits in (0, 891):
        edge = from_shifted(hits / 891, 891, 1113)
        assert 0 <= edge.low <= edge.value <= edge.high <= 1 or hits in (0, 891)
        assert 0 <= edge.low < edge.high <= 1


@given(st.integers(20, 2000), st.integers(20, 2000))
def test_all_right_on_the_hidden_images_is_what_all_right_on_shifted_ones_predict(n, n_hidden):
    for share in (0.0, 1.0):
        assert from_shifted(share, n, n_hidden).holds(share)
        assert from_shifted_and_misses(share, np.full(5, 0.6), np.full(5, 0.7), n, n_hidden).holds(share)


@given(st.integers(2, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.integers(0, n), st.just(n))))
def test_the_ends_of_an_interval_are_in_it_and_what_is_outside_is_so_by_an_image(drawn):
    low, high, n = min(drawn[:2]), max(drawn[:2]), drawn[2]
    exact = Forecast(low / n, low / n, high / n)
    assert exact.holds(low / n) and exact.holds(high / n)
    assert not exact.holds((low - 0.001) / n) and not exact.holds((high + 0.001) / n)
    inner = Forecast(low / n, low / n, min(1, (high + 0.3) / n))
    widened = in_whole_images(inner, n)
    assert widened.low <= inner.low and widened.high >= inner.high
    assert round(widened.high * n) - widened.high * n == pytest.approx(0, abs=1e-9)


def test_a_forecast_that_reads_100_holds_100():
    for hits in range(60, 101):
        found = in_whole_images(from_shifted(hits / 100, 100, 1113), 1113)
        assert found.holds(1.0) == (f"{100 * found.high:.2f}" == "100.00")


def test_earlier_misses_widen_the_interval():
    shifted = np.array([0.5, 0.6, 0.7, 0.55])
    near = from_shifted_and_misses(0.6, shifted, shifted + 0.01, 891, 1113)
    far = from_shifted_and_misses(0.6, shifted, shifted - 0.2, 891, 1113)
    assert near.value == far.value == 0.6
    assert far.low < near.low < 0.6 < near.high < far.high


def away(n, seed):
    """Confidences and outcomes of an entry that is calibrated, on images of which more are hard away than at home."""
    rng = np.random.default_rng(seed)
    home, hidden = rng.beta(8, 2, n), rng.beta(4, 3, n)
    return home, rng.random(n) < home, hidden, rng.random(n) < hidden


def test_confidence_predicts_the_accuracy_of_an_entry_whose_confidence_means_the_same_away():
    home, right, hidden, truth = away(4000, 0)
    rng = np.random.default_rng(1)
    for found in (
        difference_of_confidences(home, right, hidden),
        average_thresholded_confidence(home, right, hidden, rng),
    ):
        assert found.low < found.value < found.high
        assert abs(found.value - right.mean()) > 0.1  # it does not just say what was seen at home
    assert abs(difference_of_confidences(home, right, hidden).value - truth.mean()) < 0.02


def test_images_like_those_at_home_are_predicted_as_at_home():
    home, right, _, _ = away(4000, 2)
    assert difference_of_confidences(home, right, home).value == pytest.approx(right.mean())
    same = average_thresholded_confidence(home, right, home, np.random.default_rng(3))
    assert same.value == pytest.approx(right.mean(), abs=1e-9)
    assert same.low < right.mean() < same.high


def test_an_entry_always_wrong_or_right_at_home_is_predicted_so():
    sure = np.full(50, 0.9)
    none, every = np.zeros(50, bool), np.ones(50, bool)
    rng = np.random.default_rng(4)
    assert average_thresholded_confidence(sure, none, sure, rng).value == 0
    assert average_thresholded_confidence(sure, every, sure, rng).value == 1
    assert difference_of_confidences(sure, none, sure - 0.5).value == 0


def test_errors_are_of_the_forecasts_that_were_made():
    assert errors([None, None], [0.5, 0.5]) is None
    found = errors([Forecast(0.5, 0.4, 0.6), None, Forecast(0.5, 0.4, 0.6)], [0.6, 0.9, 0.75])
    assert (found.n, found.covered) == (2, 0.5)
    assert found.mean_absolute == pytest.approx(0.175)


def test_entries_that_all_miss_alike_make_no_forecast_surer_than_chance():
    alike = np.full(30, 0.6)
    found = from_shifted_and_misses(0.6, alike, alike, 1000, 1000)
    assert found == from_shifted(0.6, 1000, 1000)
    apart = from_shifted_and_misses(0.6, alike, alike - 0.2, 1000, 1000)
    assert apart.low < found.low < found.high < apart.high
