"""Augmentation of single images, outside the compiled training step, made of Keras's layers.

Outside, since `keras.layers.AugMix` picks the operations of its chains with Python's `random` while it is traced: in a
compiled step, or in ``tf.data.Dataset.map``, the chains of the first batch would be those of all batches.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from baselines.augment.catalogue import Augmentation, Step
from baselines.augment.gridmask import GridMask
from baselines.augment.operations import OPERATIONS, chains
from baselines.precision import computing_in

Run = Callable[[NDArray, np.random.Generator], NDArray]


class ImageAugmenter:
    """Change each image of a batch as an augmentation says.

    Parameters
    ----------
    image_shape : tuple of int
        Height, width and channels; three, red, green and blue.
    """

    def __init__(self, augmentation: Augmentation, image_shape: tuple[int, int, int]) -> None:
        # Keras takes the first seeds of its layers from Python's `random`: a model built next shall not depend on it.
        # In float32 whatever the policy of the model: half precision coarsens images.
        with python_random(np.random.default_rng(0)), computing_in("float32"):
            self.steps: list[Run] = [STEPS[name]() for name in augmentation.images]

    def __call__(self, images: NDArray, rng: np.random.Generator) -> NDArray:
        """Return the images changed, in 0..255, of the same shape; the input is left alone.

        Parameters
        ----------
        images : ndarray of shape (n, height, width, channels), uint8
        rng : numpy.random.Generator
            All that is drawn depends on it alone.

        Returns
        -------
        ndarray of shape (n, height, width, channels), uint8 after flips or nothing, else float32
        """
        for step in self.steps:
            images = step(images, rng)
        return images


def flipped(images: NDArray, rng: np.random.Generator) -> NDArray:
    """Return each image in one of the eight positions of a square (four of an oblong), drawn from `rng`.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, channels)
    """
    left_right, up_down, diagonal = rng.random((3, len(images))) < 0.5
    images = images.copy()
    images[left_right] = images[left_right][:, :, ::-1]
    images[up_down] = images[up_down][:, ::-1]
    if images.shape[1] == images.shape[2]:
        images[diagonal] = images[diagonal].swapaxes(1, 2)
    return images


def basic() -> layers.Layer:
    """Return what a student calls augmentation.

    Rotation by up to 36 degrees and zoom by up to 10 % are those of TensorFlow's tutorial "Image classification"; the
    rest, 10 % each, is ours.
    """
    return keras.Sequential(
        [
            layers.RandomFlip("horizontal_and_vertical"),
            layers.RandomRotation(0.1),
            layers.RandomZoom(0.1),
            layers.RandomTranslation(0.1, 0.1),
            layers.RandomBrightness(0.1, value_range=(0, 255)),
            layers.RandomContrast(0.1, value_range=(0, 255)),
        ]
    )


class AugMix(layers.AugMix):
    """Keras's AugMix, with operations of the strength that the paper and its code have at severity 3 of 10.

    Keras's own ``factor=0.3`` is another thing: it turns by 0 to 108 degrees and one way only, keeps 1 bit of a
    posterised image and solarises nearly all of it, into a negative.

    Notes
    -----
    Unlike the paper, a chain is up to three draws out of seven operations and none (so at times it is empty), and a
    shear or a shift goes along both axes.

    References
    ----------
    Hendrycks et al.: AugMix, arXiv 1912.02781; numbers of its code, github.com/google-research/augmix.
    """

    def __init__(self) -> None:
        # Without brightness, contrast, colour and sharpness: the paper leaves them to the test.
        super().__init__(value_range=(0, 255), num_chains=3, chain_depth=3, alpha=1.0, all_ops=False)
        self.random_rotation = layers.RandomRotation(9 / 360)
        self.random_shear = layers.RandomShear(0.09, 0.09)
        self.random_translation = layers.RandomTranslation(0.1, 0.1)
        self.random_posterization = layers.RandomPosterization((3, 5))  # bits kept, 5 excluded
        self.solarization = Solarization(0.3)
        self.equalization = Equalization()


class RandAugment(layers.RandAugment):
    """Keras's RandAugment, with operations of up to the strength that the reference code has at M = 9 of 10.

    Keras's own ``factor`` turns, shifts and brightens one way only, and posterises the more the smaller it is.

    Notes
    -----
    Unlike the paper, strengths are drawn between none and M's; a shear or a shift goes along both axes; brightness is
    added, as much as M's factor of 1.72 adds to mid-grey; colours only fade.

    References
    ----------
    Cubuk et al.: RandAugment, arXiv 1909.13719, N = 2 and M = 9 of the ResNet-50; numbers of its code, tensorflow/tpu.
    """

    def __init__(self) -> None:
        super().__init__(value_range=(0, 255), num_ops=2)
        self.random_rotation = layers.RandomRotation(27 / 360)
        self.random_shear = layers.RandomShear(0.27, 0.27)
        self.random_translation = layers.RandomTranslation(0.4, 0.4)  # 100 pixels of 224 at M = 10
        self.random_brightness = layers.RandomBrightness(0.36, value_range=(0, 255))
        self.random_contrast = layers.RandomContrast(0.72, value_range=(0, 255))
        self.random_color_degeneration = layers.RandomColorDegeneration(0.72)
        self.random_sharpness = layers.RandomSharpness((0.14, 0.86))  # 0.5 is the image as it is
        self.random_posterization = layers.RandomPosterization((4, 8))  # bits kept, 8 excluded; AutoAugment's range
        self.solarization = Solarization(0.9)
        self.equalization = Equalization()

    def call(self, images: Any, training: bool = True) -> Any:
        """Pick two operations, then run them; Keras runs all eleven, twice, and then picks, as a compiled step must."""
        for name in random.choices(self._AUGMENT_LAYERS, k=self.num_ops):
            images = getattr(self, name)(images, training=training)
        return images


class Solarization(layers.Solarization):
    """Keras's solarization, with thresholds between white and ``strength`` of the way to black.

    Those of Keras lie between black and its factor of the way to white, so that a small factor turns most of an image;
    nor can a range near white be asked for, since Keras scales the upper bound to 0..255 and forgets the lower one.
    """

    def __init__(self, strength: float) -> None:
        super().__init__(threshold_factor=1.0, value_range=(0, 255))
        self.strength = strength

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        drawn = super().get_random_transformation(data, training, seed)
        return drawn | {"thresholds": 255 - self.strength * drawn["thresholds"]}


class Equalization(layers.Equalization):
    """Keras's equalization, with a histogram of each image, where Keras's has one of the whole batch.

    On NumPy, since Keras counts bin after bin on JAX.
    """

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        return ops.convert_to_tensor(equalized(ops.convert_to_numpy(images)))


def equalized(images: NDArray) -> NDArray[np.float32]:
    """Spread the values of each channel of each image evenly over 0..255.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, channels), in 0..255
    """
    n, height, width, channels = images.shape
    levels = images.transpose(0, 3, 1, 2).reshape(n * channels, -1).astype(np.intp)
    rows = np.arange(n * channels)[:, None]
    counts = np.bincount((levels + 256 * rows).ravel(), minlength=256 * n * channels).reshape(-1, 256)
    below = counts.cumsum(axis=1)
    darkest = below[rows, (counts > 0).argmax(axis=1)[:, None]]
    spread = below[:, -1:] - darkest
    # One level alone has nothing to be spread over: it stays.
    table = np.where(spread > 0, np.round((below - darkest) * 255 / np.maximum(spread, 1)).clip(0, 255), np.arange(256))
    return table.astype(np.float32)[rows, levels].reshape(n, channels, height, width).transpose(0, 2, 3, 1)


def of_layer(layer: layers.Layer, group: int | None = None) -> Run:
    """Return a step that runs a layer eagerly, on `group` images at a time: it draws anew for each group."""

    def run(images: NDArray, rng: np.random.Generator) -> NDArray:
        size = group or len(images)
        reseed(layer, rng)
        with python_random(rng):
            parts = [
                layer(images[start : start + size].astype(np.float32), training=True)
                for start in range(0, len(images), size)
            ]
        # Clipped, since a sum of weights of 1 and a bit goes beyond by a bit.
        return np.concatenate([ops.convert_to_numpy(part) for part in parts]).clip(0, 255)

    return run


def reseed(layer: layers.Layer, rng: np.random.Generator) -> None:
    """Set the random state of a layer, or a model, and of all within it; a weights file does not hold it."""
    for variable in layer.variables:
        if variable.path.endswith("seed_generator_state"):
            # 31 bits, since the state is signed on some backends.
            variable.assign(rng.integers(0, 2**31, size=2).astype(variable.dtype))


@contextmanager
def python_random(rng: np.random.Generator) -> Iterator[None]:
    """Seed Python's `random` from `rng` for the block, and put its state back."""
    state = random.getstate()
    random.seed(int(rng.integers(2**63)))
    try:
        yield
    finally:
        random.setstate(state)


# Keras gives all images of a call the same AugMix chains, or the same RandAugment operations, where the papers draw
# for each image.  Smaller groups come nearer to them and cost more: on two cores, with 32 images of 96 pixels in 1,
# 2, 4 or 8 groups, AugMix takes 90, 110, 160 and 240 ms, RandAugment 22, 28, 40 and 60 ms.
STEPS: dict[Step, Callable[[], Run]] = {
    "flips": lambda: flipped,
    "basic": lambda: of_layer(basic()),
    "augmix": lambda: of_layer(AugMix(), group=16),
    "randaugment": lambda: of_layer(RandAugment(), group=8),
    "gridmask": lambda: of_layer(GridMask()),
    "robust": lambda: partial(chains, tuple(OPERATIONS)),
    **{family: partial(partial, chains, (family,)) for family in OPERATIONS},
}
