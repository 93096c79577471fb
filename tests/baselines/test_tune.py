"""A search draws only recipes that train takes, goes on after any end, and keeps what is best."""

from __future__ import annotations

import json
import math
import os
import random
import sqlite3
import sys
from dataclasses import replace
from types import SimpleNamespace

import msgspec
import numpy as np
import optuna
import pytest
from click.testing import CliRunner
from PIL import Image

from baselines.cli import tune as verb
from baselines.entries import BASELINES, find
from baselines.job import plan
from baselines.recipe import Plateau, Recipe, read_recipe
from baselines.run_folder import Accuracy, Run, RunFolder
from baselines.schedule import Epoch
from baselines.tune import study, terminal
from baselines.tune.importances import LEAST, draw, importances
from baselines.tune.report import summarise
from baselines.tune.space import LEFT_OUT, SPACE, changes, search_space, set_fields
from baselines.tune.study import Search
from baselines.tune.toml import recipe_toml
from baselines.tune.trial import EndedTrial, Target, rank
from baselines.weights import IMAGENET, NONE, Weights
from harness.errors import DivergedError, TrainError, UsageError

CASES = [
    (row, preset, weights)
    for row in BASELINES
    for preset in ("quick", "full")
    for weights in ((NONE, IMAGENET) if row.pretrained else (NONE,))
]


class Dice:
    """Draws as Optuna does before it knows anything, and notes the names of what it drew."""

    def __init__(self, seed):
        self.random, self.names = random.Random(seed), set()

    def suggest_categorical(self, name, choices):
        self.names.add(name)
        return self.random.choice(choices)

    def suggest_float(self, name, low, high, *, log):
        self.names.add(name)
        return math.exp(self.random.uniform(math.log(low), math.log(high)))


def contest(train=(90, 110), val=(20, 20)):
    """What a plan reads of a frozen contest: two classes, by default not of one size."""
    counts = {"train": dict(zip("ab", train, strict=True)), "val": dict(zip("ab", val, strict=True))}
    return SimpleNamespace(
        lock_hash="7" * 64,
        contest=SimpleNamespace(name="tiny", image_shape=(96, 96, 3)),
        lock=SimpleNamespace(counts=counts, arrays={}),
    )


def space_of(model="scratch-v2", preset="quick", weights=NONE, frozen=None, settings=(), only=()):
    row = find(model)
    base, _, fixed = set_fields(row.preset(preset, has_weights=weights != NONE).recipe, settings)
    return search_space(row, frozen or contest(), base, has_weights=weights != NONE, fixed=fixed, only=only)


def draws(space, n=40):
    return [space.sample(Dice(seed)) for seed in range(n)]


def goodness(recipe):
    """A share that follows from the recipe, mostly from its learning rate."""
    near = 1 - abs(math.log10(recipe.learning_rate) + 2.5) / 3
    return round(0.4 + 0.5 * near + 0.02 * recipe.cosine + 0.01 * (recipe.augment == "flips"), 3)


class Stub:
    """Trains in no time: every epoch is as good as `goodness` says, times the share that is done."""

    def __init__(self):
        self.trained = []

    def __call__(self, job, folder, *, tell, track, after_epoch):
        self.trained.append(job.recipe)
        history, recipe, best = folder.read_history(), job.recipe, goodness(job.recipe)
        for number in range(len(history) + 1, recipe.epochs + 1):
            share = best * number / recipe.epochs
            history.append(Epoch(number, recipe.learning_rate, 1.0, 0.5, 1 - share, share, 1.0))
            folder.write_history(history)
            after_epoch(history[-1])
        folder.submission.mkdir(parents=True)
        folder.model.write_bytes(b"")
        accuracy = Accuracy.of(np.arange(1000) < 1000 * best)
        run = Run(
            model=job.baseline.name, contest="tiny", lock_hash="", preset="quick", cuts=job.cuts, recipe=recipe,
            precision=job.precision.policy, changed_labels=None,
            seed=job.seed, weights=NONE, weights_sha256="", parameters=1, train_images=1, val_accuracy=accuracy,
            val_loss=1 - best, train_accuracy=accuracy, adapted=None, best_epoch=recipe.epochs, epochs=recipe.epochs,
            stopped="finished", seconds=1.0, step_seconds=1.0, device="", versions={},
        )  # fmt: skip
        folder.write_run(run)
        return run


class KilledError(Exception):
    """Stands for a process that ends where it is raised."""


def mute(line):
    pass


@pytest.fixture(autouse=True)
def no_power_cut(monkeypatch):
    """Wait for no disk: a search writes often, and none of these tests pulls the plug."""
    connect = sqlite3.connect

    def unsynced(path):
        made = connect(path)
        made.execute("PRAGMA synchronous=OFF")
        return made

    monkeypatch.setattr(sqlite3, "connect", unsynced)
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def search_in(workspace, seed=0, settings=("epochs=4",), only=(), model="scratch-v2"):
    row = find(model)
    _, told, _ = set_fields(row.quick.recipe, settings)
    space = space_of(model, settings=settings, only=only)
    return Search(workspace, Target(row, contest(), "quick", Weights(NONE), seed, space, told))


N_RANDOM = 3
N_TRIALS = N_RANDOM + 2  # two that follow from what was measured


@pytest.fixture
def few_random_trials(monkeypatch):
    monkeypatch.setattr(study, "RANDOM_TRIALS", N_RANDOM)


def run(search, n, train=None):
    with search.opened(lambda: None):
        list(search.run(n, train or Stub(), tell=mute))
        return search.ended()


def recipes(trials):
    return [trial.recipe for trial in trials]


def folders(search):
    return {path.name for path in search.runs.iterdir() if not path.name.startswith(".")}


# The space


def test_every_field_of_a_recipe_is_searched_or_left_out_for_a_reason():
    searched = [row.field for row in SPACE]
    assert len(set(searched)) == len(searched)
    assert not set(searched) & set(LEFT_OUT)
    assert set(searched) | set(LEFT_OUT) == set(Recipe.__struct_fields__)


@pytest.mark.parametrize(("row", "preset", "weights"), CASES, ids=lambda case: getattr(case, "name", case))
def test_every_recipe_that_is_drawn_is_one_that_train_takes(row, preset, weights):
    space = space_of(row.name, preset, weights)
    frozen = contest()
    for recipe in draws(space):
        assert msgspec.convert(msgspec.to_builtins(recipe), Recipe) == recipe
        plan(row, frozen, preset, Weights(weights), 0, recipe=recipe)


@pytest.mark.parametrize(("row", "preset", "weights"), CASES, ids=lambda case: getattr(case, "name", case))
def test_the_search_begins_with_the_preset_to_the_last_digit(row, preset, weights):
    space = space_of(row.name, preset, weights)
    assert space.sample(optuna.trial.FixedTrial(space.start())) == space.base


@pytest.mark.parametrize(("row", "preset", "weights"), CASES, ids=lambda case: getattr(case, "name", case))
def test_every_field_that_is_offered_takes_more_than_one_value_and_no_other_field_changes(row, preset, weights):
    space = space_of(row.name, preset, weights)
    drawn = draws(space)
    taken = {name: {str(getattr(recipe, name)) for recipe in drawn} for name in Recipe.__struct_fields__}
    assert {name for name, values in taken.items() if len(values) > 1} - {"features_once", "head_learning_rate"} == set(
        space.fields
    )
    assert not set(space.fields) & set(row.refused)


def test_what_one_recipe_can_say_in_two_ways_is_drawn_in_one():
    for recipe in draws(space_of(), 200):
        assert (recipe.optimizer == "adamw") <= (recipe.weight_decay > 0)
        assert (recipe.optimizer == "adam") <= (recipe.weight_decay == 0)
        # scratch-v2's own, which None stands for already
        assert recipe.dropout != 0.3
        assert recipe.l1 != 1e-3
        assert recipe.activation != "relu"
    assert {recipe.dropout for recipe in draws(space_of("vgg16"))} >= {None, 0.0, 0.3}
    decaying = draws(space_of(settings=("weight_decay=0.01",)))
    assert {recipe.optimizer for recipe in decaying} >= {"adam", "lion"}
    assert "adamw" not in {recipe.optimizer for recipe in decaying}


def test_what_frees_or_freezes_pretrained_weights_needs_some():
    keeping = {row.field for row in SPACE if row.needs_weights}
    assert not keeping & set(space_of("mobilenet", weights=NONE).fields)
    assert keeping - {"frozen_layers"} == keeping & set(space_of("mobilenet", weights=IMAGENET).fields)
    assert keeping & set(space_of("vgg16", weights=IMAGENET).fields) == {"frozen_layers", "head_epochs"}
    assert not keeping & set(space_of("inceptionv3-frozen", weights=IMAGENET).fields)


def test_class_weights_are_searched_only_where_classes_differ():
    assert "class_weights" in space_of().fields
    assert "class_weights" not in space_of(frozen=contest(train=(100, 100))).fields


def test_batches_larger_than_the_training_set_are_one():
    assert {recipe.batch_size for recipe in draws(space_of())} == {16, 32, 64, 128}
    assert {recipe.batch_size for recipe in draws(space_of(settings=("train_limit=50",)))} == {16, 32, 64}


def test_a_plateau_is_searched_only_where_the_lower_rate_has_epochs_left():
    def patiences(*settings):
        return {
            recipe.reduce_on_plateau and recipe.reduce_on_plateau.patience
            for recipe in draws(space_of(settings=settings), 80)
        }

    assert patiences("epochs=14") == {None, 1, 2, 4}
    assert patiences("epochs=4") == {None, 1, 2}
    assert patiences("epochs=3") == {None, 1}
    assert patiences("epochs=2") == {None}
    assert "reduce_on_plateau" not in space_of(settings=("epochs=2",)).fields


def test_a_field_that_is_set_stays_and_one_that_is_named_is_drawn_alone():
    # The second is what the preset says already: it keeps the search from changing it.
    space = space_of(settings=("optimizer=lion", "augment=flips"))
    assert {(recipe.optimizer, recipe.augment) for recipe in draws(space)} == {("lion", "flips")}
    for recipe in draws(space_of(preset="full", only=("cosine",))):
        assert recipe.cosine == (recipe.reduce_on_plateau is None)
        assert [word.partition("=")[0] for word in changes(recipe, space_of(preset="full").base)] in (
            [], ["cosine", "reduce_on_plateau"],
        )  # fmt: skip


def test_a_set_field_is_not_given_up_for_one_that_is_drawn():
    space = space_of(settings=("warmup=0.1",))
    assert "cosine" not in space.fields
    assert {recipe.warmup for recipe in draws(space)} == {0.1}


@pytest.mark.parametrize(
    ("wrong", "said", "right"),
    [
        ({"only": ("optimiser",)}, "Did you mean optimizer", {"only": ("optimizer",)}),
        ({"only": ("epochs",)}, "what a training costs", {"settings": ("epochs=3",)}),
        ({"only": ("frozen_share",)}, "starts from nothing", {"only": ("dropout",)}),
        ({"only": ("frozen_share",), "model": "mobilenet"}, "without pretrained weights",
         {"only": ("frozen_share",), "model": "mobilenet", "weights": IMAGENET}),
        ({"only": ("ema",), "settings": ("ema=0.9",)}, "--set fixes it", {"only": ("l1",), "settings": ("ema=0.9",)}),
        ({"only": ("warmup",), "preset": "full"}, "Add --field cosine",
         {"only": ("warmup", "cosine"), "preset": "full"}),
        ({"settings": tuple(f"{row.field}={value}" for row, value in zip(
            [row for row in SPACE if row.field in space_of().fields],
            ["lion", 0.1, 0.01, 64, 0.9, "true", 0.1, "none", "basic", "true", "true", 0.1, "relu", "he_normal", 0, 0,
             0],
            strict=True))}, "Nothing is left", {"settings": ("optimizer=lion",)}),
    ],
    ids=str,
)  # fmt: skip
def test_a_field_without_effect_is_refused_with_its_reason_and_its_neighbour_accepted(wrong, said, right):
    with pytest.raises(UsageError) as refused:
        space_of(**wrong)
    assert said in f"{refused.value.message} {refused.value.hint}"
    space_of(**right)


# The file of the best recipe


def test_every_recipe_that_is_drawn_is_read_back_from_its_file(tmp_path):
    for row, preset, weights in CASES[::3]:
        for recipe in draws(space_of(row.name, preset, weights), 5):
            (tmp_path / "best.toml").write_text(recipe_toml(recipe, "The best."))
            assert read_recipe(tmp_path / "best.toml") == recipe


# The trials


def test_the_first_trial_is_the_preset_as_it_is(tmp_path):
    stub = Stub()
    (trial,) = run(search_in(tmp_path, settings=()), 1, stub)
    assert trial.recipe == stub.trained[0] == find("scratch-v2").quick.recipe
    # The same run as `hemobench train scratch-v2`, and its record says the same.
    job = plan(find("scratch-v2"), contest(), "quick", Weights(NONE), 0)
    record = RunFolder(tmp_path / "runs" / "tiny" / f"scratch-v2-{job.key}").finished()
    assert record.cuts == job.cuts


@pytest.mark.usefixtures("few_random_trials")
def test_the_same_seed_draws_the_same_and_another_does_not(tmp_path):
    one, same, other = (
        recipes(run(search_in(tmp_path / name, seed), N_TRIALS)) for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    assert one == same
    assert one[1:] != other[1:]
    assert len(set(map(str, one))) == len(one)


@pytest.mark.usefixtures("few_random_trials")
def test_a_search_taken_up_again_goes_on_as_if_it_had_run_through(tmp_path):
    whole = run(search_in(tmp_path / "whole"), N_TRIALS)
    search = search_in(tmp_path / "parts")
    assert len(run(search, 2)) == 2
    assert len(run(search, 2)) == 2, "the number wanted includes those that are there"
    assert run(search, N_TRIALS) == whole


def test_a_killed_trial_is_marked_failed_and_goes_on_from_its_last_epoch(tmp_path):
    whole = run(search_in(tmp_path / "whole"), 6)
    search = search_in(tmp_path / "killed")
    stub = Stub()

    def die(job, folder, *, tell, track, after_epoch):
        def note(epoch):
            after_epoch(epoch)
            if len(stub.trained) == 4 and epoch.epoch == 2:
                raise KilledError

        return stub(job, folder, tell=tell, track=track, after_epoch=note)

    with pytest.raises(KilledError):
        run(search, 6, die)
    with search.opened(lambda: None):
        assert len(search.ended()) == 3
        assert search.n_taken_back() == 1
    seen = []

    def watch(job, folder, **more):
        seen.append((job.recipe, len(folder.read_history())))
        return stub(job, folder, **more)

    assert run(search, 6, watch) == whole
    assert seen[0] == (whole[3].recipe, 2)


def test_a_trial_killed_between_its_outcome_and_its_state_is_not_run_again(tmp_path, monkeypatch):
    search = search_in(tmp_path)
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(Search, "_write_state", lambda *words: (_ for _ in ()).throw(KilledError))
        run(search, 1)
    stub = Stub()
    trials = run(search, 2, stub)
    assert [trial.state for trial in trials] == ["complete", "complete"]
    assert recipes(trials)[1:] == stub.trained


def test_pruning_ends_a_real_training_early_and_its_folder_is_removed(tiny_job, tmp_path, monkeypatch):
    from baselines.train import train

    job = tiny_job("scratch-v1")
    space = search_space(job.baseline, job.frozen, job.recipe, has_weights=False)
    search = Search(tmp_path, Target(job.baseline, job.frozen, "quick", Weights(NONE), 3, space))
    monkeypatch.setattr(optuna.Trial, "should_prune", lambda trial: True)
    lines: list[str] = []
    with search.opened(lambda: None):
        (trial,) = search.run(1, train, tell=lines.append)
        assert search.study.trials[0].state == optuna.trial.TrialState.PRUNED
    assert (trial.state, trial.epochs) == ("pruned", 1)
    assert trial.val_interval is None
    assert [line for line in lines if line.startswith("epoch")] == [line for line in lines if "epoch 1/3" in line]
    # The preset's own run stays, cut short or not: to be compared with, and to go on with.
    assert folders(search) == {trial.run}


def test_what_falls_behind_half_of_the_others_is_pruned_in_the_second_half(tmp_path):
    trials = run(search_in(tmp_path), 20)
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert pruned
    assert {trial.epochs for trial in pruned} <= {2, 3}
    assert rank(trials)[0].val_accuracy > max(goodness(trial.recipe) for trial in pruned)


def test_the_best_run_and_the_presets_own_stay_and_what_others_trained(tmp_path):
    search = search_in(tmp_path)
    # What the second trial will draw, somebody has trained before.
    second = recipes(run(search_in(tmp_path / "elsewhere"), 2))[1]
    theirs = search.target.job(second)
    folder = RunFolder(search.runs / f"scratch-v2-{theirs.key}")
    Stub()(theirs, folder, tell=mute, track=None, after_epoch=mute)
    stub = Stub()
    trials = run(search, 12, stub)
    assert second not in stub.trained, "it was found, not trained again"
    best = rank(trials)[0]
    assert folders(search) == {trials[0].run, best.run, folder.path.name}
    assert read_recipe(search.best_file) == best.recipe
    # Somebody trains a run that the search had removed: it is theirs now.
    removed = next(trial for trial in trials if trial.run not in folders(search))
    (search.runs / removed.run).mkdir()
    run(search, 13)
    assert removed.run in folders(search)


def test_the_best_recipe_is_one_that_train_finds_trained(tmp_path):
    search = search_in(tmp_path)
    best = rank(run(search, 5))[0]
    job = plan(find("scratch-v2"), contest(), "quick", Weights(NONE), 0, recipe=read_recipe(search.best_file))
    run_folder = RunFolder(search.runs / f"scratch-v2-{job.key}")
    assert run_folder.path.name == best.run
    assert run_folder.finished().val_accuracy.value == best.val_accuracy


def test_a_recipe_that_comes_again_is_not_trained_again(tmp_path):
    stub = Stub()
    search = search_in(tmp_path, only=("cosine",))
    trials = run(search, 6, stub)
    assert len(stub.trained) == 2
    assert sum(trial.repeats is not None for trial in trials) == 4
    assert len(rank(trials)) == 2
    with search.opened(lambda: None):
        assert summarise(search).n_measured == 2


def test_a_recipe_whose_loss_is_no_number_fails_alone_and_any_other_fault_ends_the_search(tmp_path):
    stub = Stub()

    def fault(error):
        def train(job, folder, **more):
            if len(stub.trained) == 1:
                stub.trained.append(job.recipe)
                raise error
            return stub(job, folder, **more)

        return train

    trials = run(search_in(tmp_path / "alone"), 3, fault(DivergedError("The loss of epoch 1 is not a number.")))
    assert [trial.state for trial in trials] == ["complete", "failed", "complete"]
    stub.trained.clear()
    search = search_in(tmp_path / "all")
    with pytest.raises(TrainError, match="disk"):
        run(search, 3, fault(TrainError("The disk is full.")))
    again = Stub()
    assert [trial.state for trial in run(search, 3, again)] == ["complete"] * 3
    assert again.trained[0] == stub.trained[1], "the trial that met the fault is tried again"


def test_no_trial_begins_after_the_deadline(tmp_path):
    search = search_in(tmp_path)
    with search.opened(lambda: None):
        assert not list(search.run(3, Stub(), tell=mute, deadline=0.0))


def test_searches_of_unlike_recipes_seeds_fields_or_weights_do_not_share_a_file(tmp_path):
    target = search_in(tmp_path).target
    others = [
        target,
        replace(target, seed=1),
        replace(target, preset_name="full"),
        replace(target, weights=Weights("sha256:0", sha256="0")),
        search_in(tmp_path, settings=()).target,
        search_in(tmp_path, only=("cosine",)).target,
        search_in(tmp_path, settings=("epochs=4", "augment=flips")).target,
    ]
    assert len({other.key for other in others}) == len(others)
    assert search_in(tmp_path).target.key == target.key


def test_a_file_that_is_no_study_is_refused_with_a_way_out(tmp_path):
    search = search_in(tmp_path)
    search.database.parent.mkdir(parents=True)
    search.database.write_text("not a database " * 100)
    with pytest.raises(TrainError) as refused:
        run(search, 1)
    assert str(search.database) in refused.value.message
    assert "move it away" in refused.value.hint
    search.database.unlink()
    run(search, 1)


def test_a_path_with_what_means_something_in_a_url_is_a_path(tmp_path):
    search = search_in(tmp_path / "100 % {sure}? #1")
    run(search, 1)
    assert search.database.is_file()


# What it says


def ended(number, recipe, accuracy, state="complete"):
    interval = (accuracy - 0.1, accuracy + 0.1)
    return EndedTrial(
        number=number, state=state, recipe=recipe, run=f"run-{number}", ours=True, val_accuracy=accuracy,
        val_interval=interval, val_n=100, val_loss=1 - accuracy, best_epoch=1, epochs=1,
    )  # fmt: skip


def test_of_equals_the_lower_loss_ranks_first_then_the_earlier_trial():
    recipe = Recipe(epochs=1)
    worse = msgspec.structs.replace(ended(1, recipe, 0.9), val_loss=0.5)
    trials = [worse, ended(2, recipe, 0.9), ended(3, recipe, 0.9), ended(4, recipe, 0.95, "pruned")]
    assert [trial.number for trial in rank(trials)] == [2, 3, 1]


def test_the_field_that_decides_is_named_first_and_too_few_trials_or_equal_ones_name_none():
    space = space_of()
    trials = [ended(number, recipe, goodness(recipe)) for number, recipe in enumerate(draws(space), start=1)]
    shares = importances(trials, space)
    assert next(iter(shares)) == "learning_rate"
    assert sum(shares.values()) == pytest.approx(1)
    assert set(shares) == set(space.fields)
    assert importances(trials, space) == shares
    assert not importances(trials[: LEAST - 1], space)
    assert not importances([ended(trial.number, trial.recipe, 0.5) for trial in trials], space)
    assert not importances([ended(number, space.base, 0.01 * number) for number in range(20)], space)


def test_the_figure_of_importances_is_the_same_bytes_for_the_same_shares_and_nothing_is_cut(tmp_path):
    shares = {"reduce_on_plateau": 0.8, **{row.field: 0.2 / len(SPACE) for row in SPACE[:-1]}, "l2": 0.0}
    for number, title in (("1", "T"), ("2", "T"), ("3", "A title that goes on and on " * 5)):
        draw(tmp_path / f"{number}.png", shares, 12, title)
        pixels = np.asarray(Image.open(tmp_path / f"{number}.png").convert("RGB"))
        rim = np.concatenate([pixels[:3].ravel(), pixels[-3:].ravel(), pixels[:, :3].ravel(), pixels[:, -3:].ravel()])
        assert (rim == 255).all()
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "2.png").read_bytes()
    draw(tmp_path / "one.png", {"l1": 1.0}, 8, "T")


def test_the_table_fits_80_columns_and_warns_of_the_best_of_many(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    search = search_in(tmp_path)
    trials = run(search, 12)
    with search.opened(lambda: None):
        summary = summarise(search, ["--seed", "3", "--workspace", "a b"])
    terminal.show(summary)
    out, err = capsys.readouterr()
    table = out.split("Recipe: ")[0]
    assert max(map(len, table.splitlines())) <= 80
    said = " ".join(out.split())
    assert f"is the highest of {summary.n_measured} recipes, all measured on the same 1,000 validation" in said
    assert "nothing: this is it" in said
    counts = [sum(trial.state == state for trial in trials) for state in ("complete", "pruned", "failed")]
    assert "12 trials: {} complete, {} pruned, {} failed".format(*counts) in said
    told = f"scratch-v2 --recipe {search.best_file} --seed 3 --workspace 'a b'"
    assert f"Use it: hemobench train {told}\nThen: hemobench submit {told} --name 'scratch-v2 tuned' -m" in err


def test_one_trial_is_the_best_of_none_and_is_not_warned_of(tmp_path, capsys):
    search = search_in(tmp_path)
    run(search, 1)
    with search.opened(lambda: None):
        terminal.show(summarise(search))
    assert "highest" not in capsys.readouterr().out


def test_a_changed_plateau_is_told_as_set_takes_it():
    base = Recipe(epochs=9)
    made = Recipe(epochs=9, reduce_on_plateau=Plateau(patience=4), ema=0.9)
    assert set_fields(base, changes(made, base))[0] == made


# The command line


@pytest.fixture
def tune(frozen_workspace, tmp_path, monkeypatch):
    """Return a function that runs the verb in this process, on a workspace of its own, with a stub that trains."""
    workspace = tmp_path / "a workspace"
    workspace.mkdir()
    for name in ("contests", "active"):
        (workspace / name).symlink_to(frozen_workspace / name)

    def run(*words, train=None):
        monkeypatch.setattr(verb, "fresh_train", lambda: train or Stub())
        return CliRunner().invoke(verb.tune, [*words, "--workspace", str(workspace), "--preset", "quick"])

    return run


def test_without_optuna_it_says_what_to_type(tune, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    error = tune("scratch-v1", "--trials", "1").exception
    assert isinstance(error, TrainError)
    assert "Optuna" in error.message
    assert "make tune MODEL=" in error.hint
    assert 'pip install "hemobench[tune]"' in error.hint


def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(tune):
    stub = Stub()

    def press(job, folder, **more):
        if len(stub.trained) == 2:
            raise KeyboardInterrupt
        return stub(job, folder, **more)

    stopped = tune("scratch-v1", "--trials", "4", train=press)
    assert stopped.exit_code == 130
    assert "Stopped by hand after 2 of 4 trials. The same command goes on" in stopped.stderr
    again = tune("scratch-v1", "--trials", "4")
    assert again.exit_code == 0
    assert "2 of the 4 trials wanted are done" in again.stderr
    assert "Trial 1 of 4" not in again.stderr
    assert "1 interrupted" in again.stdout
    assert max(map(len, again.stderr.split("Use it")[0].splitlines())) <= 80
    enough = tune("scratch-v1", "--trials", "2")
    assert "4 trials are done, 2 are wanted" in enough.stderr


def test_training_cut_short_by_hand_ends_the_search_too(tune):
    def by_hand(job, folder, **more):
        return msgspec.structs.replace(Stub()(job, folder, **more), stopped="by hand")

    assert tune("scratch-v1", train=by_hand).exit_code == 130


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("scratch-v9",), "No model is called"),
        (("scratch-v1", "--weights", "imagenet"), "no effect"),
        (("scratch-v1", "--set", "frozen_share=0.5"), "no effect on scratch-v1"),
        (("scratch-v1", "--field", "tta"), "is not searched"),
    ],
    ids=str,
)
def test_words_without_sense_are_refused_before_anything_is_trained(tune, words, said):
    def never(*words, **more):
        raise AssertionError

    error = tune(*words, train=never).exception
    assert isinstance(error, UsageError)
    assert said in error.message


def test_a_real_search_ends_with_a_run_that_train_finds_again(hemobench):
    settings = [word for one in ("epochs=1", "train_limit=64", "input_size=32") for word in ("--set", one)]
    words = ("scratch-v1", "--trials", "2", *settings, "--preset", "quick", "--json")
    done = CliRunner().invoke(verb.tune, [*words, "--workspace", str(hemobench.workspace)])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert [trial["state"] for trial in document["trials"]] == ["complete", "complete"]
    assert document["importances"] is None
    best = document["best"]
    assert best["val_interval"][0] <= best["val_accuracy"] <= best["val_interval"][1]
    again = hemobench("train", "scratch-v1", "--recipe", best["recipe_file"], "--json")
    assert "is trained already" in again.stderr
    found = json.loads(again.stdout)
    assert (found["submission"], found["val_accuracy"]) == (best["submission"], best["val_accuracy"])
