"""The grader gives known answers, and agrees with scikit-learn."""

from functools import partial
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from harness.contest import MetricName, find_contest
from harness.score.card import score_split
from harness.score.metrics import METRICS, confusion_matrix, recall

CONTEST = find_contest("blood-cells")
ORACLES = {
    "accuracy": reference.accuracy_score,
    "balanced_accuracy": reference.balanced_accuracy_score,
    "macro_f1": partial(reference.f1_score, average="macro"),
}


@st.composite
def answers(draw):
    n = draw(st.integers(1, 60))
    pair = st.lists(st.integers(0, 7), min_size=n, max_size=n)
    return np.array(draw(pair), np.int64), np.array(draw(pair), np.int64)


def test_the_answers_themselves_score_one():
    labels = np.random.default_rng(3).integers(0, 8, 500)
    score = score_split(CONTEST, labels, labels)
    assert [estimate.value for estimate in score.metrics.values()] == [1.0, 1.0, 1.0]
    assert all(estimate.value == 1.0 for estimate in score.recall.values())


def test_the_majority_class_scores_its_share():
    labels = np.repeat(np.arange(8), [10, 20, 30, 40, 50, 60, 70, 120])
    score = score_split(CONTEST, labels, np.full(400, 7))
    assert score.metrics["accuracy"].value == 0.3
    assert score.metrics["balanced_accuracy"].value == 0.125
    assert score.metrics["macro_f1"].value == pytest.approx(2 * 0.3 / 1.3 / 8)


def test_random_answers_score_one_in_eight_within_the_interval_of_their_number():
    rng = np.random.default_rng(5)
    score = score_split(CONTEST, rng.integers(0, 8, 8000), rng.integers(0, 8, 8000))
    assert abs(score.metrics["accuracy"].value - 0.125) < 3 * (0.125 * 0.875 / 8000) ** 0.5


@given(answers())
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true", "ignore:A single label was found")
def test_metrics_agree_with_scikit_learn(drawn):
    y_true, y_pred = drawn
    confusion = confusion_matrix(y_true, y_pred, 8)
    for name, metric in METRICS.items():
        assert metric(confusion) == pytest.approx(ORACLES[name](y_true, y_pred)), name
    present = np.unique(y_true)
    theirs = reference.recall_score(y_true, y_pred, labels=present, average=None, zero_division=0)
    assert recall(confusion)[present] == pytest.approx(theirs)


def test_a_contest_may_name_each_metric_and_no_other():
    assert set(get_args(MetricName)) == set(METRICS)


def test_a_class_without_images_has_no_recall_and_is_left_out_of_the_card():
    labels = np.arange(4).repeat(5)
    score = score_split(CONTEST, labels, labels)
    assert list(score.recall) == list(CONTEST.class_names[:4])


def test_the_same_labels_give_the_same_card():
    rng = np.random.default_rng(1)
    y_true, y_pred = rng.integers(0, 8, (2, 300))
    cards = [score_split(CONTEST, y_true, y_pred) for _ in range(2)]
    assert cards[0] == cards[1]
