"""A plain board can be won by guessing, a Ladder cannot; the meter says how far."""

from fractions import Fraction
from statistics import variance

import numpy as np
import pytest

from harness.analysis.overfitting import best_of_k_bias, boosting_gain, probing
from harness.board.ladder import shown_by_ladder


def guesses(k: int, n: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random labels of `k` submissions, and the truth."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, classes, (k, n)), rng.integers(0, classes, n)


def majority(labels, classes):
    return np.array([np.bincount(column, minlength=classes).argmax() for column in labels.T])


def boosted(labels, y_true, classes):
    """The boosting attack on a plain board: the majority label of all guesses that scored above chance."""
    kept = labels[(labels == y_true).mean(axis=1) > 1 / classes]
    return float((majority(kept, classes) == y_true).mean())


def boosted_on_ladder(labels, y_true, classes):
    """The same against the Ladder, where only guesses that moved the score are known to be good; what it shows."""
    shown = shown_by_ladder(labels == y_true)
    kept = labels[np.unique(shown)]
    right = np.vstack([labels == y_true, majority(kept, classes) == y_true])
    return float(right[shown_by_ladder(right)[-1]].mean())


@pytest.mark.parametrize("classes", [2, 8])
def test_the_boosting_attack_inflates_a_plain_board_and_not_the_ladder(classes):
    n, k, chance = 1000, 1000, 1 / classes
    plain, ladder = [], []
    for seed in range(8):
        labels, y_true = guesses(k, n, classes, seed)
        plain.append(boosted(labels, y_true, classes) - chance)
        ladder.append(boosted_on_ladder(labels, y_true, classes) - chance)
    noise = np.sqrt(chance * (1 - chance) / n)
    assert np.mean(plain) > 6 * noise
    # No more than the best of k random guesses, which no board can tell from a good entry.
    assert np.mean(ladder) < np.sqrt(2 * np.log(k)) * noise
    assert np.mean(ladder) < np.mean(plain) / 2


@pytest.mark.parametrize(("k", "n", "classes"), [(40, 1113, 2), (500, 1113, 2), (500, 1113, 8), (300, 500, 3)])
def test_the_meter_predicts_the_boosting_attack(k, n, classes):
    seen = [boosted(*guesses(k, n, classes, seed), classes) - 1 / classes for seed in range(30)]
    assert boosting_gain(k, n, classes) == pytest.approx(np.mean(seen), abs=3 * np.std(seen) / np.sqrt(30) + 0.004)


def test_the_meter_predicts_the_best_of_equally_good_submissions():
    rng = np.random.default_rng(1)
    best = rng.binomial(1113, 0.7, (4000, 50)).max(axis=1) / 1113 - 0.7
    assert best_of_k_bias(50, 1113, 0.7) == pytest.approx(best.mean(), abs=0.0008)
    assert best_of_k_bias(1, 1113, 0.7) == pytest.approx(0, abs=1e-9)
    for k in (2, 10, 1000, 100_000):
        assert 0 < best_of_k_bias(k, 1113, 0.7) <= np.sqrt(2 * np.log(k) * 0.7 * 0.3 / 1113)


def test_more_submissions_and_fewer_images_make_more_optimism():
    assert boosting_gain(10, 1000, 8) < boosting_gain(100, 1000, 8) < boosting_gain(100, 100, 8)
    assert boosting_gain(100, 1000, 8) < boosting_gain(100, 1000, 2)
    meter = probing(100, 1000, accuracy=0.5, n_classes=2)
    assert (meter.best_of_k_bias, meter.boosting_gain) == (best_of_k_bias(100, 1000, 0.5), boosting_gain(100, 1000, 2))
    assert boosting_gain(10**7, 100, 8) == pytest.approx(7 / 8)  # all labels are known in the end


def by_the_paper(right):
    """Algorithm 2 as printed, in fractions: losses, the best so far, and the deviation of the loss vectors' difference.

    An accepted loss is s / sqrt(n) below the best: (best - loss)² > s² / n, both sides positive.
    """
    losses, n = [[Fraction(int(not hit)) for hit in row] for row in right], right.shape[1]
    best, kept, scores = sum(losses[0]) / n, losses[0], []
    for loss in losses:
        gain = best - sum(loss) / n
        if gain > 0 and gain**2 > variance([a - b for a, b in zip(loss, kept, strict=True)]) / n:
            best, kept = sum(loss) / n, loss
        scores.append(float(1 - best))
    return scores


def test_the_ladder_is_algorithm_2_of_the_paper():
    rng = np.random.default_rng(2)
    for _ in range(6):
        right = rng.random((30, 150)) < np.linspace(0.5, 0.7, 30)[:, None]
        assert right[shown_by_ladder(right)].mean(axis=1) == pytest.approx(by_the_paper(right))


def test_a_shown_score_never_falls_and_moves_only_for_a_clear_gain():
    right = np.zeros((4, 100), bool)
    right[0, :50] = True
    right[1, 20:71] = True  # 51 right, but 20 lost for 21 gained
    right[2, :55] = True  # five gained, none lost
    right[3, :40] = True
    assert shown_by_ladder(right).tolist() == [0, 0, 2, 2]
    assert shown_by_ladder(right[:1]).tolist() == [0]
