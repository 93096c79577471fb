"""What counts as labels, and what is said of everything else."""

from __future__ import annotations

import numpy as np
import pytest

from harness.sandbox.answer_checks import Failure, check_labels


class Lazy:
    """An object that becomes an array only when asked."""

    def __init__(self, content):
        self.content = content

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.content)


class Fickle(np.ndarray):
    """An array that shows other values to whoever computes with it."""

    def min(self, *args, **kwargs):
        return 0

    def max(self, *args, **kwargs):
        return 0


@pytest.mark.parametrize(
    "returned",
    [[0, 7, 3], (0, 7, 3), np.array([0, 7, 3], np.uint8), np.array([0, 7, 3], ">i4"), Lazy([0, 7, 3])],
)
def test_integers_of_any_kind_are_labels(returned):
    labels = check_labels(returned, 3, 8)
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, [0, 7, 3])


@pytest.mark.parametrize(
    ("returned", "code"),
    [
        (None, "returned_none"),
        (np.eye(8)[:3], "one_hot"),
        (np.eye(8, dtype=int)[:3], "one_hot"),
        (np.full((3, 8), 0.125), "class_scores"),
        (np.zeros((3, 1), int), "column"),
        (np.zeros((3, 5)), "wrong_shape"),
        (5, "wrong_shape"),
        ([0, 1], "wrong_length"),
        ([0, 1, 2, 3], "wrong_length"),
        ([0.0, 1.0], "wrong_length"),
        ([0.0, 1.0, 2.0], "fractions"),
        ([True, False, True], "no_integers"),
        ([0.0, np.nan, 2.0], "not_finite"),
        ([0, 1, 8], "out_of_range"),
        ([-1, 1, 8], "out_of_range"),
        ([-1, 1, 2], "out_of_range"),
        ([1, 1, 8], "counted_from_1"),
        ([1, 1, 9], "out_of_range"),
        (["platelet"] * 3, "class_names"),
        ([["platelet"]] * 3, "no_numbers"),
        ([0, 1, None], "no_numbers"),
        ([[0], [1, 2], [3]], "no_array"),
        (Lazy([0.5, 1, 2]), "fractions"),
        (np.array([0, 9, 3]).view(Fickle), "out_of_range"),
        (np.array([0, 2**63], np.uint64)[[0, 1, 1]], "out_of_range"),
    ],
)
def test_anything_else_has_a_code_and_a_remedy(returned, code):
    with pytest.raises(Failure) as caught:
        check_labels(returned, 3, 8, "public")
    assert (caught.value.outcome, caught.value.code) == ("bad_output", code)
    assert "on public" in caught.value.message
    assert caught.value.hint


def test_no_images_need_no_labels():
    assert check_labels(np.zeros(0, int), 0, 8).shape == (0,)
