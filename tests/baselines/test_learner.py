"""Images and labels are mixed alike inside the training step, and a learner trains its network by them."""

from contextlib import contextmanager

import keras
import numpy as np
import pytest

from baselines.augment.learner import Learner, reseed
from baselines.augment.mixing import mixing_layer

SHAPE = (32, 32, 3)
N_CLASSES = 3


def some_images(n: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *SHAPE), dtype=np.uint8)


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


@pytest.mark.parametrize("mixing", [pytest.param(None, marks=pytest.mark.slow), "mixup", "cutmix"])
@pytest.mark.usefixtures("eager")
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
