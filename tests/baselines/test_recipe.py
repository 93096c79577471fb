"""A recipe refuses what is nonsense and what would have no effect."""

import msgspec
import pytest

from baselines.recipe import Plateau, Recipe, changed, phases, read_recipe
from baselines.schedule import Epoch, best_epoch, is_over, learning_rate
from harness.errors import UsageError


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
        ({"optimizer": "adamm"}, {"optimizer": "lion"}),
        ({"optimizer": "adamw"}, {"optimizer": "adamw", "weight_decay": 0.01}),
        ({"weight_decay": -1}, {"weight_decay": 0.1}),
        ({"label_smoothing": 1.0}, {"label_smoothing": 0.1}),
        ({"ema": 1.0}, {"ema": 0.99}),
        ({"precision": "float16"}, {"precision": "mixed_float16"}),
        ({"val_share": 0.6}, {"val_share": 0.2}),
        ({"tta": "twice"}, {"tta": "flips"}),
        ({"frozen_layers": 3, "frozen_share": 0.5}, {"frozen_share": 0.5}),
        ({"frozen_share": 1.1}, {"frozen_share": 1.0}),
        ({"frozen_share": 1.0, "frozen_batchnorm": True}, {"frozen_share": 0.9, "frozen_batchnorm": True}),
        ({"head_epochs": 9}, {"head_epochs": 8}),
        ({"head_epochs": 3, "frozen_share": 1.0}, {"head_epochs": 3, "frozen_share": 0.5}),
        ({"head_learning_rate": 0.1}, {"head_learning_rate": 0.1, "head_epochs": 1}),
        ({"early_stopping": 5, "head_epochs": 3}, {"early_stopping": 4, "head_epochs": 3}),
        ({"augment": "cutmixx"}, {"augment": "cutmix"}),
        ({"frozen_layers": -1}, {"frozen_layers": 0}),
        ({"input_size": 31}, {"input_size": 32}),
        ({"early_stopping": 8}, {"early_stopping": 7}),
        ({"reduce_on_plateau": {"patience": 8}}, {"reduce_on_plateau": {"patience": 7}}),
        ({"reduce_on_plateau": {"factor": 1.0}}, {"reduce_on_plateau": {"factor": 0.9}}),
        ({"cosine": True, "reduce_on_plateau": {}}, {"cosine": True}),
        ({"warmup": 0.1}, {"warmup": 0.1, "cosine": True}),
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


def test_settings_change_a_recipe_and_leave_the_rest():
    recipe = Recipe(epochs=9, learning_rate=0.5, reduce_on_plateau=Plateau(patience=3))
    made = changed(recipe, ["optimizer=lion", "reduce_on_plateau.factor=0.1", "tta=flips", "class_weights=true"])
    assert made.reduce_on_plateau == Plateau(patience=3, factor=0.1)
    assert (made.optimizer, made.tta, made.class_weights, made.learning_rate) == ("lion", "flips", True, 0.5)
    assert changed(recipe, ["reduce_on_plateau=none"]).reduce_on_plateau is None
    assert changed(made, ["tta=none"]).tta == "none"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("optimizer", "expected FIELD=VALUE"),
        ("optimiser=lion", "Did you mean optimizer"),
        ("optimizer=lyon", "Did you mean lion"),
        ("augment=cutmixx", "Did you mean cutmix"),
        ("epochs=many", "expected a whole number of at least 1"),
        ("epochs=9", "no effect"),
        ("augment=none", "no effect"),
        ("warmup=0.1", "no effect without cosine"),
        ("reduce_on_plateau.patients=3", "Did you mean patience"),
        ("cosine.x=1", "cosine has no field"),
    ],
)
def test_a_setting_without_sense_or_effect_is_refused_with_its_reason(setting, said):
    with pytest.raises(UsageError) as refused:
        changed(Recipe(epochs=9), [setting])
    assert said in f"{refused.value.message} {refused.value.hint}"


def test_a_recipe_is_read_from_toml_and_a_wrong_one_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('epochs = 4\noptimizer = "ranger"\n[reduce_on_plateau]\npatience = 2\n')
    assert read_recipe(path) == Recipe(epochs=4, optimizer="ranger", reduce_on_plateau=Plateau())
    path.write_text("epoch = 4\n")
    with pytest.raises(UsageError, match="epoch"):
        read_recipe(path)
    with pytest.raises(UsageError, match="Cannot read"):
        read_recipe(tmp_path / "absent.toml")


def test_the_head_learns_first_with_the_backbone_frozen_then_the_rest():
    recipe = Recipe(epochs=7, head_epochs=2, head_learning_rate=0.1, learning_rate=0.01, frozen_layers=3)
    head, rest = phases(recipe)
    assert (head.epochs, head.learning_rate, head.frozen_share, head.features_once) == (2, 0.1, 1.0, True)
    assert (rest.epochs, rest.learning_rate, rest.frozen_layers, rest.head_epochs) == (5, 0.01, 3, 0)
    flipped = phases(Recipe(epochs=7, head_epochs=2, augment="flips"))[0]
    assert not flipped.features_once, "features of one view would leave the augmentation without effect"
    assert phases(rest) == (rest,)
