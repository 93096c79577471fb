"""Where an entry was right: the tallies add up, and nothing of the private half is told unasked."""

import numpy as np
import pytest

from harness import api
from harness.analysis.corruptions import UNTOUCHED
from harness.analysis.predictions import diagnose
from harness.errors import WorkspaceError
from harness.score.stats import paired_interval


@pytest.fixture
def kept(frozen_workspace):
    """Predictions that are right on all of val and on every second hidden image."""
    frozen = api.open_contest(frozen_workspace)
    with np.load(frozen.folder / "private" / "labels.npz") as arrays:
        labels, public = arrays["labels"], arrays["public"]
    said = np.where(np.arange(len(labels)) % 2 == 0, labels, (labels + 1) % 8)
    val = frozen.load("val").labels
    return frozen, {"val": val, "val_shifted": val, "public": said[public], "private": said[~public]}, public


def test_the_tallies_of_chains_add_up_to_the_images_asked_for(kept):
    frozen, predicted, public = kept
    half = diagnose(frozen, predicted, ("val", "public"))
    assert half.right["val"].all()
    right = np.arange(len(public)) % 2 == 0
    np.testing.assert_array_equal(half.right["public"], right[public])
    assert sum(tally.n for tally in half.chains.values()) == public.sum()
    assert sum(tally.hits for tally in half.chains.values()) == right[public].sum()
    assert half.families[UNTOUCHED].n == half.chains[0].n if 0 in half.chains else UNTOUCHED not in half.families
    whole = diagnose(frozen, predicted)
    assert sum(tally.n for tally in whole.chains.values()) == len(public)


def test_without_the_private_half_nothing_of_it_is_in_the_answer(kept):
    frozen, predicted, _ = kept
    half = diagnose(frozen, predicted, ("public",))
    assert set(half.right) == {"public"}
    links = sum(n * tally.n for n, tally in half.chains.items())
    assert sum(tally.n for name, tally in half.families.items() if name != UNTOUCHED) == links


def test_predictions_of_another_contest_are_refused(kept):
    frozen, _, _ = kept
    other = {"val": np.zeros(3, np.int64)}
    with pytest.raises(WorkspaceError, match="no predictions for val of this contest"):
        diagnose(frozen, other, ("val",))


def test_a_paired_interval_holds_the_difference_as_often_as_it_says():
    rng = np.random.default_rng(0)
    n, covered, runs = 400, 0, 600
    for _ in range(runs):
        both = rng.random(n)
        one, other = both < 0.80, (both + 0.1 * (rng.random(n) - 0.5)) < 0.76
        _, low, high = paired_interval(one, other)
        covered += low <= 0.04 <= high
    assert 0.93 <= covered / runs <= 0.975
    same = np.ones(50, bool)
    value, low, high = paired_interval(same, same)
    assert value == 0 and low < 0 < high
