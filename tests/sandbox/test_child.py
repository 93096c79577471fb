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
    ("returned", "words", "remedy"),
    [
        (None, "None", "return labels"),
        (np.eye(8)[:3], "one-hot rows for 8 classes", "argmax(axis=1)"),
        (np.eye(8, dtype=int)[:3], "one-hot rows for 8 classes", "argmax(axis=1)"),
        (np.full((3, 8), 0.125), "scores or probabilities for 8 classes", "argmax(axis=1)"),
        (np.zeros((3, 1), int), "int64 of shape (3, 1)", "ravel()"),
        (np.zeros((3, 5)), "float64 of shape (3, 5)", "argmax(axis=1)"),
        (5, "int64 of shape ()", "one label per picture"),
        ([0, 1], "int64 of shape (2,)", "each of the 3 pictures"),
        ([0, 1, 2, 3], "int64 of shape (4,)", "each of the 3 pictures"),
        ([0.0, 1.0, 2.0], "float64 of shape (3,)", "astype(int)"),
        ([True, False, True], "bool of shape (3,)", "astype(int)"),
        ([0.0, np.nan, 2.0], "NaN", "division by zero"),
        ([0, 1, 8], "labels from 0 to 8", "from 0 to 7"),
        ([-1, 1, 2], "labels from -1 to 2", "from 0 to 7"),
        (["platelet"] * 3, "a list that becomes <U8", "number from 0 to 7"),
        ([0, 1, None], "becomes object", "number from 0 to 7"),
        ([[0], [1, 2], [3]], "no array", "NumPy array"),
        (Lazy([0.5, 1, 2]), "float64", "astype(int)"),
        (np.array([0, 9, 3]).view(Fickle), "labels from 0 to 9", "from 0 to 7"),
        (np.array([0, 2**63], np.uint64)[[0, 1, 1]], "9223372036854775808", "from 0 to 7"),
    ],
)
def test_anything_else_is_named_with_its_remedy(returned, words, remedy):
    with pytest.raises(Failure) as caught:
        check_labels(returned, 3, 8, "public")
    assert caught.value.outcome == "bad_output"
    assert words in caught.value.message
    assert "on public" in caught.value.message
    assert remedy in caught.value.hint


def test_no_pictures_need_no_labels():
    assert check_labels(np.zeros(0, int), 0, 8).shape == (0,)
