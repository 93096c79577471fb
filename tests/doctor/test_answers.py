"""What answers tell: an order of classes is found where there is one, and never read into noise."""

import numpy as np
import pytest

from harness.doctor.behaviour import no_better_than_majority
from harness.doctor.label_order import assign, gain, in_order, order_of

N = 8


def labels(seed: int, n: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, N, n)


@pytest.mark.parametrize(
    ("right", "title"),
    [
        (0, "It is not better than the most frequent class"),
        (5, "15 images are too few to say"),
        (8, "15 images are too few to say"),
        (15, ""),
    ],
)
def test_no_more_is_said_of_few_images_than_their_interval_says(right, title):
    true = np.repeat([0, 1, 2], 5)
    said = np.where(np.arange(15) < right, true, (true + 1) % 3)
    found = list(no_better_than_majority(true, said))
    assert [one.title for one in found if one.title.startswith(title)] == [one.title for one in found]
    assert bool(found) == bool(title)


@pytest.mark.parametrize("seed", range(20))
def test_any_order_of_classes_is_found_behind_a_tenth_of_wrong_answers(seed):
    rng = np.random.default_rng(seed)
    true, order = labels(seed), rng.permutation(N)
    said = np.argsort(order)[np.where(rng.random(len(true)) < 0.1, rng.integers(0, N, len(true)), true)]
    found = order_of(true, said, N)
    if (order == np.arange(N)).all():
        assert found is None
    else:
        assert found is not None and found[0] == tuple(order)
        assert (in_order(said, found[0]) == true).mean() > 0.85


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_no_order_is_read_into_chance_or_into_a_model_that_is_merely_weak(seed, share):
    rng = np.random.default_rng(seed)
    true = labels(seed)
    said = np.where(rng.random(len(true)) < share, true, rng.integers(0, N, len(true)))
    assert order_of(true, said, N) is None


def test_an_assignment_is_one_to_one_and_leaves_what_is_never_said():
    order = assign(np.zeros(10, np.int64), np.zeros(10, np.int64), N)
    assert order.tolist() == list(range(N))


def test_a_difference_on_the_same_images_is_clear_only_where_its_interval_is():
    before = np.arange(100) < 76
    assert not gain(before, before).clear
    assert not gain(before, np.arange(100) < 77).clear
    found = gain(before, np.arange(100) < 98)
    assert found.clear
    assert (found.before, found.after) == (0.76, 0.98)
    assert "+22.0 points" in found.told()
