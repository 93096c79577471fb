"""Augmentation of single images, ahead of the training step; on NumPy and Pillow, no Keras."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import radians

import numpy as np

from baselines.augment.autoaugment import augmix, randaugment
from baselines.augment.catalogue import Step
from baselines.augment.gridmask import gridmask
from baselines.augment.operations import LEVELS, OPERATIONS, Operation, Pixels, by_table, chained, rotation, warped


def augment(images: Pixels, steps: Sequence[Step], rng: np.random.Generator) -> Pixels:
    """Return each image after all `steps`; the input is left alone.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, 3), uint8
        Red, green and blue.
    steps : sequence of str
        `Augmentation.images`; without one, the images come back as they are, of any shape and type.
    rng : numpy.random.Generator
        All that is drawn depends on it alone, image after image.

    Returns
    -------
    ndarray of shape (n, height, width, 3), uint8
    """
    if not steps:
        return images
    changed = np.empty_like(images)
    for place, image in enumerate(images):
        for step in steps:
            image = STEPS[step](image, rng)
        changed[place] = image
    return changed


def flipped(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Return a view of the image in one of the eight positions of a square (four of an oblong)."""
    left_right, up_down, diagonal = rng.random(3) < 0.5
    if left_right:
        image = image[:, ::-1]
    if up_down:
        image = image[::-1]
    return image.swapaxes(0, 1) if diagonal and image.shape[0] == image.shape[1] else image


def basic(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Return what a student calls augmentation.

    Flips; rotation by up to 36 degrees and zoom by up to 10 %, as in TensorFlow's tutorial "Image classification";
    shift, brightness and contrast by up to 10 % each, ours.  Edges mirror.
    """
    angle, zoom = radians(rng.uniform(-36, 36)), rng.uniform(0.9, 1.1)
    matrix = rotation(angle) * zoom * rng.choice((-1, 1), 2)
    brightness, contrast = rng.uniform(-25.5, 25.5), rng.uniform(0.9, 1.1)
    middle = image.mean()
    image = by_table(image, middle + brightness + contrast * (LEVELS - middle))
    return warped(image, matrix, rng.uniform(-0.1, 0.1, 2) * image.shape[1::-1])


STEPS: dict[Step, Operation] = {
    "flips": flipped,
    "basic": basic,
    "augmix": augmix,
    "randaugment": randaugment,
    "gridmask": gridmask,
    "robust": partial(chained, tuple(OPERATIONS)),
    **{family: partial(chained, (family,)) for family in OPERATIONS},
}
