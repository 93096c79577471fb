"""An augmentation changes images and labels as its paper says, and draws from the generator handed in."""

import random
import subprocess
import sys
from contextlib import contextmanager

import keras
import numpy as np
import pytest

from baselines.augment import images as steps
from baselines.augment.catalogue import AUGMENTATIONS
from baselines.augment.gridmask import GridMask
from baselines.augment.images import AugMix, ImageAugmenter, RandAugment, reseed
from baselines.augment.learner import Learner
from baselines.augment.mixing import mixing_layer

SHAPE = (32, 32, 3)
N_CLASSES = 3


def some_images(n: int = 32) -> np.ndarray:
    """Soft spots of full range, so that no operation finds an image that it cannot change."""
    coarse = np.random.default_rng(0).integers(0, 256, (n, 8, 8, 3))
    return np.kron(coarse, np.ones((1, 4, 4, 1))).astype(np.uint8)


def labels_of(n: int = 32) -> np.ndarray:
    return np.arange(n) % N_CLASSES


def small_network(dropout: float = 0.0) -> keras.Model:
    keras.utils.set_random_seed(1)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, strides=2, activation="relu", kernel_regularizer=keras.regularizers.L2(0.01)),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(dropout, seed=1),  # without one, torch would draw from a state of its own
            layers.Dense(N_CLASSES, activation="softmax", dtype="float32"),
        ]
    )


def small_learner(
    mixing: str | None = None, *, weights=(1, 1, 1), smoothing: float = 0.0, rate: float = 0.01, dropout: float = 0.0
) -> Learner:
    learner = Learner(small_network(dropout), mixing_layer(mixing), np.array(weights), smoothing)
    learner.compile(keras.optimizers.Adam(rate))
    learner.optimizer.build(learner.trainable_variables)
    return learner


def weights_of(model: keras.Model) -> np.ndarray:
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def test_the_catalogue_can_be_read_without_keras():
    code = "import sys, baselines.augment.catalogue; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_keeps_shape_and_range_and_draws_from_its_generator_alone(name):
    row, images = AUGMENTATIONS[name], some_images()
    before, python_state = images.copy(), random.getstate()
    augmenter = ImageAugmenter(row, SHAPE)
    changed = augmenter(images, np.random.default_rng(1))
    other = augmenter(images, np.random.default_rng(2))
    np.testing.assert_array_equal(images, before)
    assert random.getstate() == python_state
    for result in (changed, other):
        assert result.shape == images.shape
        assert result.min() >= 0
        assert result.max() <= 255
    # Another augmenter, as another process has after a stop, with another state of Python's random.
    random.random()
    np.testing.assert_array_equal(ImageAugmenter(row, SHAPE)(images, np.random.default_rng(1)), changed)
    assert bool(row.images) is not np.array_equal(changed, other)
    n_changed = (changed != images).any(axis=(1, 2, 3)).sum()
    assert n_changed > len(images) / 2 if row.images else n_changed == 0


@pytest.mark.parametrize(
    ("name", "n_different"), [("basic", 32), ("gridmask", 20), ("augmix", 32), ("randaugment", 20), ("strong", 32)]
)
def test_equal_images_of_one_batch_become_different_ones(name, n_different):
    equal = np.repeat(some_images(1), 32, axis=0)
    changed = ImageAugmenter(AUGMENTATIONS[name], SHAPE)(equal, np.random.default_rng(3))
    assert len({image.tobytes() for image in changed}) >= n_different


def test_flips_give_all_eight_positions_of_a_square_and_four_of_an_oblong():
    square = np.tile(np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1), (400, 1, 1, 1))
    assert len({image.tobytes() for image in steps.flipped(square, np.random.default_rng(0))}) == 8
    oblong = np.tile(np.arange(6, dtype=np.uint8).reshape(1, 2, 3, 1), (400, 1, 1, 1))
    assert len({image.tobytes() for image in steps.flipped(oblong, np.random.default_rng(0))}) == 4
    assert square[0].ravel().tolist() == [0, 1, 2, 3]


def test_augmix_draws_other_chains_for_each_group_and_each_batch(monkeypatch):
    chains = []
    drawn = AugMix.get_random_transformation

    def watched(*args, **kwargs):
        result = drawn(*args, **kwargs)
        chains.append(str([[step["layer_name"] for step in chain] for chain in result["chain_transforms"]]))
        return result

    monkeypatch.setattr(AugMix, "get_random_transformation", watched)
    augmenter, rng = ImageAugmenter(AUGMENTATIONS["augmix"], SHAPE), np.random.default_rng(4)
    for _ in range(3):
        augmenter(some_images(), rng)
    assert len(set(chains)) == len(chains) == 6, "two groups of 16 in each of three batches"
    augmenter(some_images(), np.random.default_rng(4))
    assert chains[6:] == chains[:2]


def test_randaugment_draws_two_of_keras_eleven_operations_for_each_group_of_eight(monkeypatch):
    ran, sizes, images, rng = [], [], some_images(), np.random.default_rng(5)

    def watched(name, transform_images):
        def noted(*args, **kwargs):
            ran.append(name)
            return transform_images(*args, **kwargs)

        return noted

    names = sorted(keras.layers.RandAugment().get_random_transformation(images.astype(np.float32))["transforms"])
    assert len(names) == 11
    layer = RandAugment()
    for name in names:
        operation = getattr(layer, name)
        monkeypatch.setattr(operation, "transform_images", watched(name, operation.transform_images))

    def measured(images, training):
        sizes.append(len(images))
        return layer(images, training=training)

    monkeypatch.setattr(steps, "RandAugment", lambda: measured)
    monkeypatch.setattr(steps, "reseed", lambda _, rng: reseed(layer, rng))
    augmenter = ImageAugmenter(AUGMENTATIONS["randaugment"], SHAPE)
    augmenter(images, rng)
    assert sizes == [8, 8, 8, 8]
    assert len(ran) == 4 * 2
    for _ in range(15):
        augmenter(images, rng)
    assert sorted(set(ran)) == names


def test_equalization_is_keras_own_of_each_image_alone():
    images = some_images(4).astype(np.float32)
    images[3] = 77
    alone = [keras.ops.convert_to_numpy(keras.layers.Equalization()(image[None]))[0] for image in images]
    for layer in (AugMix(), RandAugment()):
        np.testing.assert_array_equal(layer.equalization(images), np.stack(alone))
    assert not np.array_equal(keras.layers.Equalization()(images), np.stack(alone))


def test_a_weak_solarization_turns_bright_pixels_only():
    images = np.broadcast_to(np.arange(256, dtype=np.float32).reshape(1, 16, 16, 1), (200, 16, 16, 3))
    solarization = AugMix().solarization
    reseed(solarization, np.random.default_rng(6))
    turned = keras.ops.convert_to_numpy(solarization(images, training=True)) != images
    assert not turned[..., : 178 // 16, :, :].any()
    share = turned.mean()  # thresholds are even between 178.5 and 255
    assert share == pytest.approx(0.15, abs=0.02)


def test_gridmask_hides_the_share_of_the_paper_behind_the_mean_colour():
    layer = GridMask(probability=1)
    reseed(layer, np.random.default_rng(7))
    images = np.ones((500, 48, 48, 3), np.float32)
    masked = keras.ops.convert_to_numpy(layer(images, training=True))
    hidden = masked[..., 0] != 1
    assert hidden.mean() == pytest.approx((1 - 0.6) ** 2, abs=0.01)
    np.testing.assert_allclose(masked[hidden], np.broadcast_to(layer.fill, (hidden.sum(), 3)), rtol=1e-6)
    assert (masked[~hidden] == 1).all()


def test_gridmask_leaves_one_image_in_five_alone_and_all_of_them_outside_training():
    layer = GridMask(pitch=(0.1, 0.2))
    reseed(layer, np.random.default_rng(8))
    images = np.ones((500, 48, 48, 3), np.float32)
    touched = (keras.ops.convert_to_numpy(layer(images, training=True)) != 1).any(axis=(1, 2, 3))
    assert touched.mean() == pytest.approx(0.8, abs=0.05)
    np.testing.assert_array_equal(layer(images), images)


def test_gridmask_comes_back_from_its_configuration():
    layer = GridMask(ratio=0.5, pitch=(0.2, 0.4), rotation=90, probability=0.3, fill=(1, 2, 3), seed=9)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    images = some_images().astype(np.float32)
    np.testing.assert_array_equal(again(images, training=True), layer(images, training=True))


def mixed_by(name: str, size: int, seed: int = 10) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mix images that are each of one value, each its own class: images before and after, labels, own share."""
    n = 64
    layer = mixing_layer(name)
    assert layer is not None
    reseed(layer, np.random.default_rng(seed))
    before = np.broadcast_to(np.arange(n, dtype=np.float32).reshape(n, 1, 1, 1), (n, size, size, 3))
    mixed = layer({"images": before, "labels": np.eye(n, dtype=np.float32)}, training=True)
    images, labels = (keras.ops.convert_to_numpy(mixed[key]) for key in ("images", "labels"))
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-6)
    assert ((labels > 0).sum(axis=1) <= 2).all()
    return before, images, labels, np.diagonal(labels)


def test_mixup_mixes_labels_as_it_mixes_pixels():
    _, images, labels, share = mixed_by("mixup", 4)
    np.testing.assert_allclose(images[:, 0, 0, 0], labels @ np.arange(64), atol=1e-3)
    np.testing.assert_allclose(images, np.broadcast_to(images[:, :1, :1, :1], images.shape), atol=1e-4)
    # With alpha 0.2, 62 % of the weights lie within a tenth of one end.
    assert ((share < 0.1) | (share > 0.9)).mean() == pytest.approx(0.62, abs=0.15)


def test_cutmix_pastes_one_box_and_weighs_labels_by_its_area():
    shares = []
    for seed in range(8):
        before, images, _, share = mixed_by("cutmix", 96, seed)
        kept = images[..., 0] == before[..., 0]
        pasted = share < 1
        # Keras rounds the box to whole pixels after it computed the weight.
        np.testing.assert_allclose(share[pasted], kept.mean(axis=(1, 2))[pasted], atol=0.03)
        for image in ~kept[pasted]:
            rows, columns = image.any(axis=1), image.any(axis=0)
            assert image.sum() == rows.sum() * columns.sum()
        shares.append(share[pasted])
    assert np.concatenate(shares).std() == pytest.approx(12**-0.5, abs=0.03), "alpha 1: even over 0..1"


def test_only_tensorflow_is_told_not_to_use_xla():
    assert mixing_layer(None) is None
    for name in ("mixup", "cutmix"):
        assert mixing_layer(name).supports_jit is (keras.backend.backend() != "tensorflow")


@pytest.mark.parametrize("mixing", ["mixup", "cutmix"])
def test_a_compiled_step_mixes_anew_each_time(mixing):
    images, labels = some_images(), labels_of()

    def losses(name):
        learner = small_learner(name, rate=0.0)
        return {round(learner.train_on_batch([images, labels])[0], 5) for _ in range(4)}

    assert len(losses(None)) == 1
    assert len(losses(mixing)) == 4


@pytest.mark.parametrize("mixing", ["mixup", "cutmix"])
def test_a_learner_judges_mixed_images_by_labels_mixed_with_them(mixing):
    images, labels = some_images(), labels_of()
    learner, layer = small_learner(mixing), mixing_layer(mixing)
    assert layer is not None
    reseed(learner, np.random.default_rng(12))
    reseed(layer, np.random.default_rng(12))
    y_prob, mixed_labels = learner([images, labels], training=True)
    mixed = layer({"images": images.astype(np.float32), "labels": np.eye(3, dtype=np.float32)[labels]}, training=True)
    np.testing.assert_allclose(mixed_labels, mixed["labels"], atol=1e-6)
    numpy = keras.ops.convert_to_numpy
    np.testing.assert_allclose(numpy(y_prob), numpy(learner.network(mixed["images"])), atol=1e-6)


def test_a_learner_that_mixes_nothing_trains_as_its_network_alone():
    images, labels = some_images(), labels_of()
    network = small_network()
    network.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    learner, one_hot = small_learner(), small_learner()
    for _ in range(5):
        alone = network.train_on_batch(images, labels)
        np.testing.assert_allclose(learner.train_on_batch([images, labels]), alone, rtol=1e-6)
        np.testing.assert_allclose(
            one_hot.train_on_batch([images, np.eye(3, dtype="float32")[labels]]), alone, rtol=1e-6
        )
    np.testing.assert_allclose(weights_of(learner.network), weights_of(network), rtol=1e-5, atol=1e-7)


def test_class_weights_weigh_the_loss_as_sample_weights_do_and_smoothing_is_keras_own():
    images, labels, weights = some_images(), labels_of(), np.array([0.5, 1.0, 3.0], np.float32)
    network = small_network()
    network.compile(keras.optimizers.Adam(0.01), keras.losses.CategoricalCrossentropy(label_smoothing=0.2))
    learner = small_learner(weights=weights, smoothing=0.2)
    for _ in range(3):
        alone = network.train_on_batch(images, np.eye(3)[labels], sample_weight=weights[labels])
        assert learner.train_on_batch([images, labels])[0] == pytest.approx(alone, rel=1e-5)
    np.testing.assert_allclose(weights_of(learner.network), weights_of(network), rtol=1e-4, atol=1e-6)


def test_a_mixed_label_weighs_as_its_classes_do_in_their_shares():
    learner = small_learner(weights=(1, 3, 1))
    mixed = np.array([[0.25, 0.75, 0]], np.float32)
    y_prob = np.array([[0.5, 0.25, 0.25]], np.float32)
    regularisation = float(sum(learner.network.losses))
    loss = float(learner.compute_loss(y_pred=(y_prob, mixed))) - regularisation
    assert loss == pytest.approx(2.5 * (0.25 * np.log(2) + 0.75 * np.log(4)), rel=1e-5)


@pytest.mark.parametrize("mixing", ["mixup", "cutmix"])
def test_nothing_is_mixed_at_prediction(mixing):
    images, labels = some_images(), labels_of()
    learner = small_learner(mixing)
    learner.train_on_batch([images, labels])
    expected = learner.network.predict_on_batch(images)
    np.testing.assert_array_equal(learner.predict_on_batch(images), expected)
    y_prob, same = learner([images, labels], training=False)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(y_prob), expected, atol=1e-6)
    np.testing.assert_array_equal(same, np.eye(3)[labels])


@pytest.mark.parametrize("mixing", [None, "mixup", "cutmix"])
def test_a_learner_taken_up_from_its_file_trains_on_as_if_it_had_never_stopped(mixing, tmp_path):
    images, labels = some_images(), labels_of()

    def train_on(learner):
        reseed(learner, np.random.default_rng(11))
        for _ in range(3):
            learner.train_on_batch([images, labels])
        return weights_of(learner.network)

    learner = small_learner(mixing, dropout=0.5)
    train_on(learner)
    learner.save_weights(tmp_path / "learner.weights.h5")
    expected = train_on(learner)
    again = small_learner(mixing, dropout=0.5)
    again.load_weights(tmp_path / "learner.weights.h5")
    np.testing.assert_array_equal(train_on(again), expected)
    fresh = small_learner(mixing, dropout=0.5)
    fresh.network.set_weights(learner.network.get_weights())
    assert not np.array_equal(train_on(fresh), train_on(again)), "without the optimizer's state"


@contextmanager
def half_precision():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


@pytest.mark.parametrize("name", ["basic", "augmix", "randaugment", "gridmask"])
def test_half_precision_leaves_the_augmented_images_alone(name):
    expected = ImageAugmenter(AUGMENTATIONS[name], SHAPE)(some_images(), np.random.default_rng(13))
    with half_precision():
        augmenter = ImageAugmenter(AUGMENTATIONS[name], SHAPE)
        np.testing.assert_array_equal(augmenter(some_images(), np.random.default_rng(13)), expected)
        assert keras.config.dtype_policy().name == "mixed_float16"


def test_half_precision_scales_the_loss_and_leaves_labels_alone():
    with half_precision():
        learner = small_learner("mixup", smoothing=0.1)
    assert isinstance(learner.optimizer, keras.optimizers.LossScaleOptimizer)
    images, labels = some_images(), labels_of()
    _, mixed = learner([images, labels], training=True)
    assert keras.backend.standardize_dtype(mixed.dtype) == "float32"
    np.testing.assert_allclose(keras.ops.sum(mixed, axis=1), 1, atol=1e-6)
    soft = np.tile(np.array([0.1, 0.7, 0.2], np.float32), (len(images), 1))
    np.testing.assert_array_equal(learner([images, soft], training=False)[1], soft)
    assert np.isfinite(learner.train_on_batch([images, labels])[0])
