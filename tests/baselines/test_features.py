"""The frozen part: where it is cut off, and that what is kept of it is what it says."""

import keras
import numpy as np
import pytest

from baselines import features as features_module
from baselines.entries import find
from baselines.features import features, features_key, predict
from baselines.models.freezing import freeze, kernels, split_at_frozen
from baselines.recipe import Recipe
from harness.errors import TrainError
from harness.progress import silent


@pytest.fixture(scope="module")
def mobilenet():
    return find("mobilenet").build(Recipe(epochs=1), (32, 32, 3), 3, None, 0)


def images(n=4, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


# Two branches meet at the end of each block, so that few places cut them.
@pytest.mark.parametrize(
    ("name", "share"),
    [
        *(("resnet-s", share) for share in (0.3, 0.8)),
        *(pytest.param("resnet50v2", share, marks=pytest.mark.slow) for share in (0.3, 0.55, 0.8, 1.0)),
    ],
)
def test_the_two_parts_of_a_branching_model_give_what_the_whole_gives(name, share):
    residual = find(name).build(Recipe(epochs=1), (32, 32, 3), 3, None, 0)
    freeze(residual, Recipe(epochs=1, frozen_share=share))
    low, high = split_at_frozen(residual)
    whole = predict(residual, images(), silent, "")
    parts = predict(high, predict(low, images(), silent, ""), silent, "")
    np.testing.assert_allclose(parts, whole, atol=1e-5)
    assert not low.trainable_weights
    assert sum(len(layer.trainable_weights) for layer in high.layers) == len(residual.trainable_weights)


def test_freezing_counts_convolutions_from_the_image_and_keeps_the_head_learning(mobilenet):
    found = kernels(mobilenet)
    freeze(mobilenet, Recipe(epochs=1, frozen_layers=5))
    assert not any(mobilenet.layers[place].trainable_weights for place in found[:5])
    assert all(mobilenet.layers[place].trainable_weights for place in found[5:])
    freeze(mobilenet, Recipe(epochs=1, frozen_share=1.0))
    learning = {layer.name for layer in mobilenet.layers if layer.trainable_weights}
    assert learning == {"head_normalisation", "head_dense1", "head_dense2", "head_labels"}
    freeze(mobilenet, Recipe(epochs=1))
    assert len(mobilenet.trainable_weights) > 80


def test_frozen_batch_normalisation_keeps_its_statistics_and_a_learning_one_moves_them(mobilenet):
    layer = mobilenet.get_layer("conv_pw_13_bn")
    batch = images(8).astype("float32")

    def moved(recipe):
        freeze(mobilenet, recipe)
        before = keras.ops.convert_to_numpy(layer.moving_mean)
        mobilenet(batch, training=True)
        return not np.allclose(before, keras.ops.convert_to_numpy(layer.moving_mean))

    assert not moved(Recipe(epochs=1, frozen_share=1.0))
    assert not moved(Recipe(epochs=1, frozen_batchnorm=True))
    assert moved(Recipe(epochs=1))


def test_features_are_computed_once_and_a_changed_weight_or_pixel_computes_them_anew(mobilenet, tmp_path, monkeypatch):
    freeze(mobilenet, Recipe(epochs=1, frozen_share=1.0))
    low, _ = split_at_frozen(mobilenet)
    calls = []
    real = features_module.predict

    def counted(*words):
        calls.append(1)
        return real(*words)

    monkeypatch.setattr(features_module, "predict", counted)
    first = features(low, images(), tmp_path, silent, "")
    again = features(low, images(), tmp_path, silent, "")
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(first, real(low, images(), silent, ""), atol=1e-6)
    assert len(calls) == 1
    features(low, images(seed=1), tmp_path, silent, "")
    assert len(calls) == 2
    weight = low.get_layer("conv1").kernel
    weight.assign(weight + 1e-3)
    features(low, images(), tmp_path, silent, "")
    assert len(calls) == 3
    assert not list(tmp_path.glob(".part-*"))


def test_the_key_of_features_ignores_names_that_keras_numbers_anew(tmp_path):
    def frozen():
        keras.utils.set_random_seed(1)
        model = find("scratch-v2").build(Recipe(epochs=1), (32, 32, 3), 3, None, 0)
        return keras.Model(model.inputs, model.layers[3].output)

    assert features_key(frozen(), images()) == features_key(frozen(), images())


def test_a_file_that_is_not_whole_is_computed_anew(tmp_path, mobilenet):
    freeze(mobilenet, Recipe(epochs=1, frozen_share=1.0))
    low, _ = split_at_frozen(mobilenet)
    whole = features(low, images(), tmp_path, silent, "")
    (path,) = tmp_path.glob("*.npy")
    for damage in (b"", path.read_bytes()[:200]):
        path.write_bytes(damage)
        np.testing.assert_allclose(features(low, images(), tmp_path, silent, ""), whole, atol=1e-6)


@pytest.mark.parametrize(
    ("asked", "said"), [({"frozen_layers": 28}, "more than all"), ({"frozen_share": 0.01}, "freezes none")], ids=str
)
def test_more_than_all_or_less_than_one_convolution_cannot_be_frozen(mobilenet, asked, said):
    with pytest.raises(TrainError, match=said):
        freeze(mobilenet, Recipe(epochs=1, **asked))
    freeze(mobilenet, Recipe(epochs=1, frozen_layers=27))


def test_old_features_make_room_for_new_ones(tmp_path, monkeypatch, mobilenet):
    freeze(mobilenet, Recipe(epochs=1, frozen_share=1.0))
    low, _ = split_at_frozen(mobilenet)
    monkeypatch.setattr(features_module, "KEPT_BYTES", 20_000)
    for seed in range(4):
        features(low, images(seed=seed), tmp_path, silent, "")
    assert 1 <= len(list(tmp_path.glob("*.npy"))) < 4
