"""Every row, augmentation and optimizer: one real training of one epoch, saved, loaded again, the same labels.

The rows run eagerly: to compile a step of each of these networks takes longer than to run it.
"""

from __future__ import annotations

import importlib.util
import sys
from contextlib import nullcontext
from itertools import product
from pathlib import Path
from typing import Any, get_args, get_type_hints

import keras
import numpy as np
import pytest

from baselines.augment.catalogue import AUGMENTATIONS
from baselines.baseline import REPORT, Baseline
from baselines.entries import BASELINES, find
from baselines.features import predict
from baselines.models.pretrained import Backbone
from baselines.optimizers.choice import OPTIMIZERS
from baselines.recipe import Recipe
from baselines.run_folder import RunFolder
from baselines.train import train
from baselines.weights import NONE, Weights
from harness.errors import UsageError
from harness.progress import silent
from tests.baselines.conftest import as_left_after, eagerly, small_backbone
from tests.baselines.table import once

FILE_UTILS = sys.modules["keras.src.utils.file_utils"]  # where every application looks for its downloads


def submitted(folder: RunFolder) -> Any:
    """Return the class `Model` of the folder's own ``model.py``, loaded."""
    spec = importlib.util.spec_from_file_location("submitted", folder.submission / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.Model.__new__(module.Model)
    model.network = keras.saving.load_model(folder.model, compile=False, safe_mode=True)
    return model


# The backbones are as slow as they are deep: `test_table` and `test_phases` train one of four convolutions, and
# `test_models` builds, saves and loads VGG16.  Some of the other rows are one network with other recipes.
QUICK = ("scratch-v1", "scratch-v2", "resnet-s")
ALL_ROWS = [
    pytest.param(
        row,
        id=row.name,
        marks=[] if row.name in QUICK else [pytest.mark.slow],
    )
    for row in BASELINES
]


@pytest.mark.parametrize("row", ALL_ROWS)
def test_each_row_trains_and_its_saved_model_gives_the_labels_that_were_measured(row, tiny_job, tmp_path):
    recipe = once(row.preset("quick", has_weights=False).recipe)
    job = tiny_job(row.name, recipe, image_shape=(row.smallest, row.smallest, 3))
    folder = RunFolder(tmp_path / "run")
    with eagerly():
        run = train(job, folder, tell=lambda line: None)
        val = job.frozen.load("val")
        model = submitted(folder)
        labels, loaded = model.predict(val.images), model.network
        assert (labels == val.labels).mean() == pytest.approx(run.val_accuracy.value)
        np.testing.assert_array_equal(labels, predict(loaded, val.images, silent, "").argmax(axis=1))
    kinds = {type(layer).__module__.split(".")[0] for layer in loaded._flatten_layers()}
    assert kinds == {"keras"}, "a saved model is Keras's own layers"
    assert not {type(layer).__name__ for layer in loaded._flatten_layers()} & RANDOM_LAYERS


RANDOM_LAYERS = {
    "AugMix", "RandAugment", "MixUp", "CutMix", "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation",
    "RandomBrightness", "RandomContrast", "GridMask",
}  # fmt: skip


# One that does nothing, and two that change images and mix them, each in its way; the others differ in what they do to
# an image before Keras gets it, which `test_augment` tests.
QUICK_AUGMENTATIONS = ("none", "mixup+augmix", "strong")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in QUICK_AUGMENTATIONS else [pytest.mark.slow]) for name in AUGMENTATIONS],
)
def test_each_augmentation_trains_and_is_absent_from_what_is_saved(name, tiny_job, tmp_path):
    job = tiny_job("scratch-v1", Recipe(epochs=1, batch_size=32, learning_rate=1e-3, augment=name))
    folder = RunFolder(tmp_path / "run")
    with eagerly():
        run = train(job, folder, tell=lambda line: None)
        val = job.frozen.load("val")
        model = submitted(folder)
        labels = model.predict(val.images)
        np.testing.assert_array_equal(labels, model.predict(val.images))
    assert (labels == val.labels).mean() == pytest.approx(run.val_accuracy.value)
    assert not {type(layer).__name__ for layer in model.network._flatten_layers()} & RANDOM_LAYERS
    assert (folder.figures / "augmented.png").is_file() == (name != "none")


# Quick are one of Keras, and the one that is ours with averaged weights, whose compiled steps `test_ranger` takes; the
# others differ in their name alone.
@pytest.mark.parametrize(
    ("name", "ema", "compiled"),
    [
        ("adam", None, False),
        ("ranger", 0.5, False),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                *((name, None, False) for name in OPTIMIZERS if name != "adam"),
                *product(("adam", "ranger"), (None, 0.5), (True,)),
            )
        ),
    ],
)
def test_each_optimizer_learns_and_a_resumed_run_ends_as_the_whole_one(name, ema, compiled, tiny_job, tmp_path):
    recipe = Recipe(
        epochs=2, batch_size=16, learning_rate=3e-3, optimizer=name, weight_decay=0.01, ema=ema, label_smoothing=0.05
    )
    job = tiny_job("scratch-v1", recipe)
    whole, broken = RunFolder(tmp_path / "whole" / "run"), RunFolder(tmp_path / "broken" / "run")
    with nullcontext() if compiled else eagerly():
        train(job, whole, tell=lambda line: None, after_epoch=as_left_after(1, whole, broken))
        train(job, broken, tell=lambda line: None)
    one, other = whole.read_history(), broken.read_history()
    assert [row.epoch for row in other] == [1, 2]
    for mine, theirs in zip(one, other, strict=True):
        assert mine.train_loss == pytest.approx(theirs.train_loss, rel=1e-4)
        assert mine.val_loss == pytest.approx(theirs.val_loss, rel=1e-4)
    assert one[-1].train_loss < one[0].train_loss


def test_every_optimizer_a_recipe_may_name_exists():
    assert get_args(get_type_hints(Recipe)["optimizer"]) == tuple(OPTIMIZERS)


def application_of(row: Baseline) -> str:
    """The name in ``keras.applications`` of a row that has pretrained weights."""
    assert isinstance(row.build, Backbone)
    return row.build.application


APPLICATIONS = sorted({application_of(row) for row in BASELINES if row.pretrained})


# To learn the name of the file, the whole network is built; of the like ones two are quick.
@pytest.mark.parametrize(
    "application",
    [pytest.param(name, marks=[] if name in ("MobileNet", "VGG16") else [pytest.mark.slow]) for name in APPLICATIONS],
)
def test_the_weights_of_a_row_are_the_file_that_keras_itself_would_fetch(application, monkeypatch):
    asked: dict[str, str] = {}

    class CaughtError(Exception):
        pass

    def catch(fname, origin=None, **more):
        asked.update(origin=origin, md5=more.get("file_hash"))
        raise CaughtError

    monkeypatch.setattr(FILE_UTILS, "get_file", catch)
    with pytest.raises(CaughtError):
        getattr(keras.applications, application)(include_top=False, weights="imagenet", input_shape=(224, 224, 3))
    rows = [row for row in BASELINES if row.pretrained and application_of(row) == application]
    assert {(row.pretrained.url, row.pretrained.md5) for row in rows} == {(asked["origin"], asked["md5"] or "")}


# One of four convolutions for each way to prepare an image; of the networks themselves each is slow.
@pytest.mark.filterwarnings("ignore:.*Weights for input shape")
@pytest.mark.parametrize(
    ("name", "small"),
    [
        *((name, True) for name in ("mobilenet", "vgg16", "densenet121")),
        *(
            pytest.param(name, False, marks=pytest.mark.slow)
            for name in ("mobilenet", "vgg16", "efficientnetb0", "densenet121")
        ),
    ],
)
def test_with_weights_from_a_file_a_row_sees_what_keras_with_imagenet_would(name, small, tmp_path, monkeypatch):
    row = find(name)
    application = getattr(keras.applications, application_of(row))
    package = getattr(keras.applications, application.__module__.rpartition(".")[2])
    if small:
        monkeypatch.setattr(keras.applications, application_of(row), small_backbone)
        application = small_backbone
    keras.utils.set_random_seed(3)
    source = application(include_top=False, weights=None, **({} if small else {"input_shape": (64, 64, 3)}))
    rng = np.random.default_rng(0)
    values = [rng.uniform(0.015, 0.06, value.shape).astype(value.dtype) for value in source.get_weights()]
    source.set_weights(values)
    path = tmp_path / f"{name}.weights.h5"
    source.save_weights(path)
    monkeypatch.setattr(FILE_UTILS, "get_file", lambda *words, **more: str(path))
    genuine = source if small else application(include_top=False, weights="imagenet", input_shape=(64, 64, 3))
    images = rng.integers(0, 256, (2, 64, 64, 3)).astype(np.float32)
    expected = keras.ops.convert_to_numpy(genuine(package.preprocess_input(images.copy())))
    ours = row.build(Recipe(epochs=1), (64, 64, 3), 8, path, 0)
    body = keras.Model(ours.input, ours.get_layer("head_pool").input)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(body(images)), expected, rtol=1e-3, atol=1e-4)
    as_team = row.build(Recipe(epochs=1, preprocessing="report"), (64, 64, 3), 8, path, 0)
    team = keras.Model(as_team.input, as_team.get_layer("head_pool").input)
    expected = keras.ops.convert_to_numpy(genuine(images / 255))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(team(images)), expected, rtol=1e-3, atol=1e-4)


def test_a_report_variant_of_a_model_that_has_none_is_refused_and_of_another_found():
    with pytest.raises(UsageError, match="divides by 255 already"):
        find("scratch-v1" + REPORT)
    assert find("vgg16" + REPORT).quick.recipe.preprocessing == "report"


def test_views_of_oblong_images_and_images_too_small_are_refused_and_a_larger_input_size_accepted(tiny_job):
    with pytest.raises(UsageError, match="must be square"):
        tiny_job(settings=("tta=flips",), image_shape=(32, 48, 3))
    with pytest.raises(UsageError, match="at least 75 pixels, got 32"):
        tiny_job("inceptionv3", Recipe(epochs=1))
    assert tiny_job("inceptionv3", Recipe(epochs=1, input_size=75)).recipe.input_size == 75


def test_every_preset_of_every_row_is_accepted_with_weights_and_without(tiny_job):
    for row in BASELINES:
        for preset in (row.quick, row.full):
            for weights in (Weights(NONE), Weights("sha256:0", Path("file"), "0")):
                chosen = preset if weights.label != NONE or preset.without_weights is None else preset.without_weights
                tiny_job(row.name, chosen.recipe, weights, image_shape=(96, 96, 3))


@pytest.mark.parametrize(
    ("model", "settings", "said"),
    [
        ("scratch-v2", ("preprocessing=report",), "divides by 255 already"),
        ("scratch-v2", ("frozen_layers=2",), "stay random"),
        ("vgg16", ("frozen_batchnorm=true",), "no batch normalisation"),
        ("mobilenet", ("head_epochs=1",), "without pretrained weights"),
        ("scratch-v2", ("val_share=0.1",), "no effect"),
        ("scratch-v2", ("dropout=0.3",), "has that already"),
        ("scratch-v2", ("input_size=32",), "the images have that size"),
        ("scratch-v2", ("train_limit=64",), "to train on"),
    ],
)
def test_a_choice_that_a_model_cannot_heed_is_refused_with_its_reason(model, settings, said, tiny_job):
    with pytest.raises(UsageError, match=said):
        tiny_job(model, settings=settings)
