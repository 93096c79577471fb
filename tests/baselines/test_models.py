"""A model takes raw images, prepares them as its weights need, and keeps still what is frozen."""

import keras
import numpy as np
import pytest

from baselines.build import build_model
from baselines.data import class_weights, cut
from baselines.entries import find
from baselines.features import predict
from baselines.initialisation import normalise
from baselines.models.freezing import freeze, split_at_frozen
from baselines.models.pretrained import imagenet_colours
from baselines.recipe import Recipe
from baselines.run_folder import RunFolder
from baselines.train import train
from harness.freeze.frozen import LabelledImages
from harness.progress import silent
from tests.baselines.conftest import plain_backbone


def test_vgg16_sees_what_keras_preprocessing_makes_of_an_image():
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.float32)
    expected = keras.applications.vgg16.preprocess_input(images.copy())
    np.testing.assert_allclose(keras.ops.convert_to_numpy(imagenet_colours()(images)), expected, atol=1e-5)


def test_saved_models_hold_only_layers_that_keras_itself_can_load(tiny_job, tmp_path):
    for name in ("scratch-v1", "scratch-v2", "vgg16"):
        model = build_model(tiny_job(name))
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
        images = np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
        y_prob = loaded.predict_on_batch(images)
        np.testing.assert_allclose(y_prob, model.predict_on_batch(images), atol=1e-6)
        np.testing.assert_allclose(y_prob.sum(axis=1), 1, atol=1e-5)
        assert all(type(layer).__module__.startswith("keras.") for layer in loaded.layers)


def test_the_same_seed_builds_the_same_model_and_another_seed_another(tiny_job, monkeypatch):
    monkeypatch.setattr(keras.applications, "VGG16", plain_backbone)

    def first_kernel(seed):
        keras.utils.set_random_seed(seed)
        return build_model(tiny_job("vgg16", seed=seed)).get_layer("conv1").get_weights()[0]

    np.testing.assert_array_equal(first_kernel(3), first_kernel(3))
    assert not np.array_equal(first_kernel(3), first_kernel(4))


def test_frozen_layers_run_once_give_what_the_whole_model_gives(tiny_job):
    recipe = Recipe(epochs=1, frozen_layers=10, features_once=True)
    model = build_model(tiny_job("vgg16", recipe))
    freeze(model, recipe)
    images = np.random.default_rng(2).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    low, high = split_at_frozen(model)
    assert low.output.shape[1:] == (2, 2, 512)  # after block 4 and its pooling
    features = predict(low, images, silent, "")
    np.testing.assert_allclose(predict(high, features, silent, ""), predict(model, images, silent, ""), atol=1e-5)


@pytest.mark.slow  # `test_phases` trains a smaller one so
def test_training_leaves_frozen_layers_alone_and_moves_the_others(tiny_job, tmp_path):
    job = tiny_job("vgg16", Recipe(epochs=1, batch_size=32, frozen_layers=12, features_once=True))
    keras.utils.set_random_seed(job.seed)
    before = build_model(job)
    folder = RunFolder(tmp_path / "run")
    train(job, folder, tell=lambda line: None)
    after = keras.saving.load_model(folder.model, compile=False)
    for name, moved in (("block1_conv1", False), ("block5_conv2", False), ("block5_conv3", True)):
        same = np.array_equal(before.get_layer(name).get_weights()[0], after.get_layer(name).get_weights()[0])
        assert same is not moved, name


def test_a_limited_training_set_keeps_the_share_of_each_class():
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    images = np.arange(1000, dtype=np.uint16).reshape(-1, 1, 1, 1)
    some, rest = cut(LabelledImages(images, labels), 0.1, np.random.default_rng(0))
    assert np.bincount(some.labels).tolist() == [60, 30, 10]
    assert np.bincount(rest.labels).tolist() == [540, 270, 90]
    np.testing.assert_array_equal(labels[some.images.ravel()], some.labels)
    assert sorted([*some.images.ravel(), *rest.images.ravel()]) == list(range(1000))


def test_class_weights_give_each_class_the_same_sum():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    sums = np.bincount(labels, weights=class_weights(labels, 3)[labels])
    np.testing.assert_allclose(sums, 100 / 3, rtol=1e-6)


def test_normalised_channels_have_mean_0_and_variance_1_on_the_images():
    recipe = Recipe(epochs=1, input_size=32)
    model = find("vgg16").build(recipe, (96, 96, 3), 8, None, 0)
    freeze(model, recipe)
    images = np.random.default_rng(0).integers(0, 256, (48, 96, 96, 3), dtype=np.uint8)
    normalise(model, images)
    inner = keras.Model(model.input, model.get_layer("block3_conv2").output)
    layer = model.get_layer("block3_conv3")
    linear = keras.ops.conv(inner(images.astype("float32")), layer.kernel, padding="same") + layer.bias
    values = keras.ops.convert_to_numpy(linear)
    np.testing.assert_allclose(values.mean(axis=(0, 1, 2)), 0, atol=1e-3)
    np.testing.assert_allclose(values.std(axis=(0, 1, 2)), 1, atol=1e-2)
    swap = model.get_layer("imagenet_colours").get_weights()[0]
    assert swap[0, 0].tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]], "a fixed layer is left alone"
