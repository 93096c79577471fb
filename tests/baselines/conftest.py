"""A contest of a few images, and a baseline that trains on it in seconds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from baselines.baseline import Preset
from baselines.entries import find
from baselines.job import Job, plan
from baselines.precision import Machine
from baselines.recipe import Recipe
from baselines.run_folder import RunFolder
from baselines.schedule import Epoch
from baselines.weights import NONE, Weights
from harness.freeze.frozen import LabelledImages

if TYPE_CHECKING:
    import keras


class TinyContest:
    """What a training reads of a frozen contest: three classes, told apart by their colour."""

    lock_hash = "5" * 64

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        self.contest = SimpleNamespace(
            name="tiny", title="Tiny", image_shape=image_shape, n_classes=3, class_names=("red", "green", "blue")
        )

    lock = SimpleNamespace(
        findings=(SimpleNamespace(action="dropped", label=0),),
        counts={
            split: {"red": n, "green": n, "blue": n}
            for split, n in (("train", 21), ("val", 8), ("public", 10), ("private", 10))
        },
        arrays={"public/removed.npz": {"labels": SimpleNamespace(shape=(6,))}},
    )

    def load(self, split: str) -> LabelledImages:
        seed, n = {"train": (1, 64), "val": (2, 24), "val_shifted": (3, 24), "removed": (4, 6)}[split]
        rng = np.random.default_rng(seed)
        labels = np.arange(n) % 3
        images = rng.integers(0, 60, (n, *self.contest.image_shape), dtype=np.uint8)
        images[np.arange(n), ..., labels] += 150
        return LabelledImages(images, labels)


TINY = Recipe(epochs=3, batch_size=16, learning_rate=3e-3, augment="flips", class_weights=True)


def job_of(
    model: str = "scratch-v2",
    recipe: Recipe = TINY,
    weights: Weights | None = None,
    seed: int = 3,
    settings: tuple[str, ...] = (),
    image_shape: tuple[int, int, int] = (32, 32, 3),
) -> Job:
    """Return a job of a baseline on the tiny contest."""
    row = replace(find(model), quick=Preset(recipe, cuts="nearly everything"), random_backbone=True)
    contest = TinyContest(image_shape)
    return plan(row, contest, "quick", weights or Weights(NONE), seed, settings)


@pytest.fixture
def tiny_job():
    """Return a function that makes a job of a baseline, by default scratch-v2 with the tiny recipe."""
    return job_of


@pytest.fixture(autouse=True, scope="module")
def plain_machine() -> Iterator[None]:
    """A processor that is fastest in float32, wherever the tests run: they compare to the last digits."""
    machine = Machine("tensorflow", {"avx2"}, onednn=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("baselines.device.machine", lambda: machine)
        yield


@pytest.fixture(autouse=True)
def few_figures(monkeypatch) -> None:
    """No figure but that of augmented images: to draw the others takes longer than so little training.

    What a fixture of a module trains has them all.
    """
    for name in ("label_distribution", "curves", "confusion", "mistakes"):
        monkeypatch.setattr(f"baselines.inspection.{name}", lambda *_: None)


def as_left_after(number: int, folder: RunFolder, *copies: RunFolder) -> Callable[[Epoch], None]:
    """Return an `after_epoch` that copies a run as a process that ends right after an epoch leaves it.

    One training then stands for the whole run and for those that are broken off.
    """

    def copy(epoch: Epoch) -> None:
        if epoch.epoch == number:
            for other in copies:
                shutil.copytree(folder.path, other.path)

    return copy


@pytest.fixture
def eager() -> Iterator[None]:
    """See `eagerly`."""
    with eagerly():
        yield


def small_backbone(include_top: bool = False, weights: None = None, input_tensor: Any = None) -> keras.Model:
    """Stand in for a backbone of ``keras.applications``: four convolutions are built sooner than MobileNet's 27."""
    import keras

    assert not include_top and weights is None
    x = keras.Input((None, None, 3)) if input_tensor is None else input_tensor
    (start,) = keras.utils.get_source_inputs(x)
    for number in range(1, 5):
        x = keras.layers.Conv2D(8, 3, strides=2 if number < 3 else 1, padding="same", name=f"conv{number}")(x)
        x = keras.layers.BatchNormalization(name=f"normalised{number}")(x)
        x = keras.layers.ReLU(name=f"active{number}")(x)
    return keras.Model(start, x)


def plain_backbone(include_top: bool, weights: None, input_tensor: Any) -> keras.Model:
    """Stand in for VGG16, which has no batch normalisation: two convolutions for its 13."""
    import keras

    x = keras.layers.Conv2D(4, 3, name="conv1")(input_tensor)
    x = keras.layers.Conv2D(4, 3, name="conv2")(x)
    return keras.Model(keras.utils.get_source_inputs(input_tensor), x)


@contextmanager
def eagerly() -> Iterator[None]:
    """Run Keras's steps as they are: to compile one of a tiny training takes longer than to run it."""
    import keras

    if keras.backend.backend() == "tensorflow":
        keras.config.run_eagerly = True
        import tensorflow as tf

        tf.config.run_functions_eagerly(True)
        try:
            yield
        finally:
            tf.config.run_functions_eagerly(False)
    else:
        yield
