"""Losses agree with scikit-learn; a calibrated entry looks so, and an overconfident one does not."""

import numpy as np
import pytest
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve

from harness.analysis.calibration import brier_loss, expected_calibration_error, log_loss, reliability


def calibrated(n=20_000, classes=5, seed=0, sharpness=1.0):
    """Probabilities from which the labels are drawn, then sharpened."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(classes, 0.4), n)
    y_true = (rng.random((n, 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=classes - 1)
    sharp = probabilities**sharpness
    return sharp / sharp.sum(axis=1, keepdims=True), y_true


def test_the_losses_are_those_of_scikit_learn():
    probabilities, y_true = calibrated(n=500)
    probabilities[0] = np.eye(5)[(y_true[0] + 1) % 5]  # sure, and wrong
    theirs = reference.log_loss(y_true, probabilities, labels=range(5))
    assert log_loss(probabilities, y_true) == pytest.approx(theirs)
    by_class = [reference.brier_score_loss(y_true == one, probabilities[:, one]) for one in range(5)]
    assert brier_loss(probabilities, y_true) == pytest.approx(sum(by_class))


def test_a_calibrated_entry_is_right_as_often_as_it_says():
    bins = reliability(*calibrated())
    assert expected_calibration_error(bins) < 0.012
    assert sum(found.n for found in bins) == 20_000
    assert [found.confidence for found in bins] == sorted(found.confidence for found in bins)
    assert sum(found.low <= found.confidence <= found.high for found in bins) >= len(bins) - 3


def test_an_overconfident_entry_is_found_out():
    probabilities, y_true = calibrated(sharpness=3.0)
    bins = reliability(probabilities, y_true)
    says, is_right = probabilities.max(axis=1).mean(), (probabilities.argmax(axis=1) == y_true).mean()
    assert expected_calibration_error(bins) == pytest.approx(says - is_right, abs=0.01)


def test_bins_are_those_of_scikit_learn():
    probabilities, y_true = calibrated(n=3000, classes=2)
    right = probabilities.argmax(axis=1) == y_true
    bins = reliability(probabilities, y_true, bins=10)
    accuracy, confidence = calibration_curve(right, probabilities.max(axis=1), n_bins=10, strategy="quantile")
    assert [found.accuracy for found in bins] == pytest.approx(accuracy)
    assert [found.confidence for found in bins] == pytest.approx(confidence)
    assert {found.n for found in bins} == {300}


def test_the_calibration_error_is_the_weighted_gap_of_the_bins():
    probabilities = np.array([[0.9, 0.1]] * 4 + [[0.4, 0.6]] * 6)
    y_true = np.array([0, 0, 0, 1, 1, 1, 1, 0, 0, 0])
    bins = reliability(probabilities, y_true, bins=2)  # five surest: four at 0.9, one at 0.6, of these 4 are right
    assert [(found.n, found.confidence) for found in bins] == [(5, pytest.approx(0.6)), (5, pytest.approx(0.84))]
    assert expected_calibration_error(bins) == pytest.approx(
        0.5 * (0.6 - bins[0].accuracy) + 0.5 * (0.84 - bins[1].accuracy)
    )


def test_fewer_images_than_bins_and_full_confidence_have_their_bins():
    sure = np.array([[1.0, 0.0], [0.0, 1.0]])
    bins = reliability(sure, np.array([0, 1]))
    assert [found.n for found in bins] == [1, 1]
    assert expected_calibration_error(bins) == 0
    assert log_loss(sure, np.array([0, 1])) == pytest.approx(0)
    assert brier_loss(sure, np.array([1, 0])) == 2
