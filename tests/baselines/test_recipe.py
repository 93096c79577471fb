"""A recipe refuses what is nonsense and what would have no effect."""

import msgspec
import pytest

from baselines.recipe import Plateau, Recipe
from baselines.schedule import Epoch, best_epoch, is_over, learning_rate


def rows(*val_losses, accuracies=None):
    accuracies = accuracies or [0.5] * len(val_losses)
    return [
        Epoch(number, 0.1, 1.0, 0.5, loss, accuracy, 1.0)
        for number, (loss, accuracy) in enumerate(zip(val_losses, accuracies, strict=True), 1)
    ]


@pytest.mark.parametrize(
    ("nonsense", "sense"),
    [
        ({"epochs": 0}, {"epochs": 1}),
        ({"learning_rate": 0.0}, {"learning_rate": 1e-6}),
        ({"optimizer": "adamm"}, {"optimizer": "adamw"}),
        ({"augment": "cutmix"}, {"augment": "flips"}),
        ({"frozen_layers": -1}, {"frozen_layers": 0}),
        ({"input_size": 31}, {"input_size": 32}),
        ({"early_stopping": 9}, {"early_stopping": 8}),
        ({"reduce_on_plateau": {"patience": 9}}, {"reduce_on_plateau": {"patience": 8}}),
        ({"reduce_on_plateau": {"factor": 1.0}}, {"reduce_on_plateau": {"factor": 0.9}}),
        ({"cosine": True, "reduce_on_plateau": {}}, {"cosine": True}),
        ({"warmup": 0.1}, {"warmup": 0.1, "cosine": True}),
        ({"init_pictures": 8, "frozen_layers": 3}, {"init_pictures": 8}),
        ({"features_once": True}, {"features_once": True, "frozen_layers": 3}),
        ({"features_once": True, "frozen_layers": 3, "augment": "flips"}, {"frozen_layers": 3, "augment": "flips"}),
        ({"epoch": 3}, {"epochs": 3}),
    ],
    ids=str,
)
def test_nonsense_is_refused_and_its_neighbour_accepted(nonsense, sense):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"epochs": 9} | nonsense, Recipe)
    msgspec.convert({"epochs": 9} | sense, Recipe)


def test_the_learning_rate_falls_by_its_factor_after_each_plateau():
    recipe = Recipe(epochs=9, learning_rate=0.8, reduce_on_plateau=Plateau(factor=0.5, patience=2))
    losses = [1.0, 1.1, 1.2, 1.3, 1.4, 0.9]
    rates = [learning_rate(recipe, rows(*losses[:n]), n / 9) for n in range(len(losses) + 1)]
    assert rates == [0.8, 0.8, 0.8, 0.4, 0.4, 0.2, 0.2]


def test_the_cosine_begins_at_the_full_rate_and_ends_near_nothing():
    recipe = Recipe(epochs=9, learning_rate=0.8, cosine=True)
    assert learning_rate(recipe, [], 0.0) == 0.8
    assert learning_rate(recipe, [], 0.999) < 1e-5


def test_with_a_warmup_the_rate_rises_first():
    recipe = Recipe(epochs=9, learning_rate=0.8, cosine=True, warmup=0.2)
    assert learning_rate(recipe, [], 0.0) == 0.0
    assert learning_rate(recipe, [], 0.1) == pytest.approx(
        0.5 * learning_rate(Recipe(epochs=9, learning_rate=0.8, cosine=True), [], 0.1)
    )
    assert learning_rate(recipe, [], 0.5) == pytest.approx(0.4)


def test_training_ends_when_the_loss_has_not_fallen_for_so_many_epochs():
    recipe = Recipe(epochs=9, early_stopping=2)
    assert not is_over(recipe, rows(1.0, 1.1))
    assert is_over(recipe, rows(1.0, 1.1, 1.2))
    assert not is_over(recipe, rows(1.0, 1.1, 0.9))
    assert is_over(recipe, rows(*[1 - n / 10 for n in range(9)]))


def test_the_best_epoch_has_the_highest_accuracy_then_the_lowest_loss_then_comes_first():
    history = rows(0.5, 0.4, 0.3, 0.3, accuracies=[0.9, 0.9, 0.8, 0.8])
    assert best_epoch(history).epoch == 2
    assert best_epoch(rows(0.3, 0.3)).epoch == 1
