"""Intervals agree with SciPy, and cover what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from harness.score.metrics import accuracy, balanced_accuracy, confusion_matrix
from harness.score.stats import bootstrap_interval, wilson_interval


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_wilson_interval_is_that_of_scipy(drawn):
    hits, n = drawn
    theirs = binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson_interval(hits, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_the_bootstrap_interval_is_as_wide_as_redrawn_pictures_spread():
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 4, 400)
    y_pred = np.where(rng.random(400) < 0.8, y_true, rng.integers(0, 4, 400))
    ours = bootstrap_interval(confusion_matrix(y_true, y_pred, 4), balanced_accuracy, rng, draws=4000)
    classes = [np.flatnonzero(y_true == number) for number in range(4)]
    drawn = []
    for _ in range(4000):
        rows = np.concatenate([rng.choice(members, len(members)) for members in classes])
        drawn.append(balanced_accuracy(confusion_matrix(y_true[rows], y_pred[rows], 4)))
    assert ours == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.005)


@given(st.integers(2, 500), st.data())
def test_the_bootstrap_interval_of_an_accuracy_is_wilsons(n, data):
    hits = data.draw(st.integers(0, n))
    confusion = np.array([[hits, n - hits], [0, 0]])
    ours = bootstrap_interval(confusion, accuracy, np.random.default_rng(0), draws=4000)
    assert ours == pytest.approx(wilson_interval(hits, n), abs=0.12 / n**0.5)


def test_a_perfect_score_leaves_room_for_what_was_not_seen():
    assert bootstrap_interval(np.diag([50, 50]), balanced_accuracy, np.random.default_rng(0)) == pytest.approx(
        wilson_interval(100, 100)
    )
