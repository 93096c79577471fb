"""Halves are redrawn as a contest draws them, and ranks move as they must."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.analysis.ranks import ranks_of
from harness.analysis.shakeup import least_public, public_share_curve, rank_correlation, redraw_halves

TIED = st.lists(st.integers(0, 5), min_size=2, max_size=12)


@given(
    TIED.flatmap(lambda one: st.tuples(st.just(one), st.lists(st.integers(0, 5), min_size=len(one), max_size=len(one))))
)
@pytest.mark.filterwarnings("ignore::scipy.stats.ConstantInputWarning", "ignore:An input array is constant")
def test_rank_correlations_are_those_of_scipy(drawn):
    one, other = map(np.array, drawn)
    tau, rho = rank_correlation(one, other)
    assert float(tau) == pytest.approx(stats.kendalltau(one, other).statistic, nan_ok=True)
    assert float(rho) == pytest.approx(stats.spearmanr(one, other).statistic, nan_ok=True)


def test_many_rank_correlations_are_each_one():
    one, other = np.random.default_rng(0).integers(0, 9, (2, 5, 7))
    tau, rho = rank_correlation(one, other)
    assert tau == pytest.approx([rank_correlation(a, b)[0] for a, b in zip(one, other, strict=True)])
    assert rho == pytest.approx([rank_correlation(a, b)[1] for a, b in zip(one, other, strict=True)])


def test_of_equal_scores_the_earlier_ranks_first():
    assert ranks_of(np.array([[1, 2, 2], [3, 3, 3]])).tolist() == [[3, 1, 2], [1, 2, 3]]


def images(entries=6, n=301, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((entries, n)) < np.linspace(0.7, 0.6, entries)[:, None], rng.integers(0, 4, n)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_each_class_is_cut_in_the_same_proportion(share):
    _, strata = images()
    # An entry that is right on one class alone scores the same in every draw.
    only = np.stack([strata == 0, strata == 1, np.zeros(301, bool)])
    drawn = redraw_halves(only, strata, share, np.random.default_rng(1), draws=50)
    assert (drawn.public == drawn.public[0]).all()


def test_the_middle_of_the_ranks_holds_95_of_100_draws():
    right, strata = images()
    drawn = redraw_halves(right, strata, 0.5, np.random.default_rng(2), draws=300)
    assert drawn.first() == pytest.approx((drawn.private == 1).mean(axis=0))
    low, high = drawn.ranks().T
    assert (low <= high).all()
    inside = [((low[e] <= drawn.private[:, e]) & (drawn.private[:, e] <= high[e])).mean() for e in range(6)]
    assert min(inside) >= 0.93
    np.testing.assert_array_equal(np.sort(drawn.private, axis=1), np.tile(np.arange(1, 7), (300, 1)))


def test_the_simulator_tells_what_new_contests_show():
    """The mean change of ranks over redrawn halves is that over contests whose images are all new."""
    rng = np.random.default_rng(3)
    simulated, real, kept = [], [], []
    for _ in range(60):
        right = rng.random((8, 400)) < np.linspace(0.75, 0.65, 8)[:, None]
        drawn = redraw_halves(right, np.zeros(400, int), 0.5, rng, draws=100)
        change = np.abs(drawn.private - drawn.public).mean()
        simulated.append((change, (drawn.public.argmin(axis=1) == drawn.private.argmin(axis=1)).mean()))
        public, private = (ranks_of(half.sum(axis=1)) for half in (right[:, :200], right[:, 200:]))
        real.append(np.abs(public - private).mean())
        kept.append(public.argmin() == private.argmin())
    change, winner = np.mean(simulated, axis=0)
    assert change == pytest.approx(np.mean(real), abs=0.25)
    assert winner == pytest.approx(np.mean(kept), abs=0.2)


def test_a_larger_public_part_costs_less_regret():
    right, strata = images(entries=10, n=1000)
    curve = public_share_curve(right, strata, [0.02, 0.1, 0.5], np.random.default_rng(4), draws=400)
    assert [point.n_public < 1000 * point.share + 3 for point in curve] == [True] * 3
    assert curve[0].regret > curve[1].regret > curve[2].regret >= 0
    assert curve[0].kendall < curve[2].kendall
    assert curve[0].rank_change > curve[2].rank_change
    assert curve[0].winner_kept < curve[2].winner_kept
    assert least_public(curve, curve[1].regret).share == 0.1
    assert least_public(curve, -1) is None


def test_of_two_equal_entries_either_wins_and_nothing_is_lost():
    rng = np.random.default_rng(7)
    one = rng.random(600) < 0.6
    right = np.stack([one, np.roll(one, 1)])  # as many right, on other images
    (point,) = public_share_curve(right, np.zeros(600, int), [0.5], rng, draws=1000)
    assert point.winner_kept == pytest.approx(0.5, abs=0.06)  # halves cut from the same images would say 0
    assert point.regret == 0


def test_the_regret_of_a_size_is_that_of_new_contests():
    rng = np.random.default_rng(8)
    shares = np.linspace(0.75, 0.65, 8)[:, None]
    predicted = [
        public_share_curve(rng.random((8, 4000)) < shares, np.zeros(4000, int), [0.05], rng, draws=200)[0].regret
        for _ in range(20)
    ]
    winners = (rng.random((4000, 8, 200)) < shares).sum(axis=2).argmax(axis=1)
    real = shares[0, 0] - shares[winners, 0].mean()
    assert np.mean(predicted) == pytest.approx(real, abs=0.004)


def test_halves_are_cut_from_the_same_images():
    right = np.array([[True, False], [False, True]])  # whichever image is public, its winner misses the other
    drawn = redraw_halves(right, np.zeros(2, int), 0.5, np.random.default_rng(5), draws=40)
    assert (drawn.public.argmin(axis=1) != drawn.private.argmin(axis=1)).all()
    assert 0.2 < drawn.first()[0] < 0.8


def test_the_same_generator_draws_the_same_halves():
    right, strata = images()
    first, second = (redraw_halves(right, strata, 0.5, np.random.default_rng(6), draws=50) for _ in range(2))
    np.testing.assert_array_equal(first.private, second.private)
