"""VGG16 as the report fine-tuned it, with the preprocessing its ImageNet weights were made for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from baselines.models.scratch import shrunk
from baselines.recipe import Recipe

if TYPE_CHECKING:
    import keras

IMAGENET_MEANS = (103.939, 116.779, 123.68)  # blue, green, red


def build(
    recipe: Recipe, image_shape: tuple[int, int, int], n_classes: int, weights: Path | None, seed: int
) -> keras.Model:
    """Return VGG16 under the report's head: average, normalisation, and two dense layers with dropout.

    Parameters
    ----------
    recipe : Recipe
        Its `input_size` and `frozen_layers` shape the model.  The report froze "the first 3 layers"; they are counted
        in convolutions here.
    image_shape : tuple of int
        Height, width, 3: raw RGB, 0-255.
    weights : Path or None
        A weights file without the top, or None: the convolutions start from He initialisation, without which the
        signal dies in a network of 13 layers that has no normalisation.
    seed : int
        For the initial values; dropout draws from Keras's global seed.
    """
    import keras
    from keras import layers

    picture = keras.Input(image_shape)
    prepared = picture
    for layer in [*shrunk(recipe, image_shape), imagenet_colours()]:
        prepared = layer(prepared)
    backbone = keras.applications.VGG16(include_top=False, weights=None, input_tensor=prepared)
    convolutions = [layer for layer in backbone.layers if layer.name.startswith("block") and layer.weights]
    if weights is None:
        for number, layer in enumerate(convolutions):
            layer.kernel.assign(keras.initializers.HeNormal(seed=seed + number)(layer.kernel.shape))
    else:
        # Into a backbone of its own: a weights file fits the plain one, not one with our preprocessing in front.
        loaded = keras.applications.VGG16(include_top=False, weights=None)
        loaded.load_weights(weights)
        for layer in convolutions:
            layer.set_weights(loaded.get_layer(layer.name).get_weights())
    for layer in convolutions[: recipe.frozen_layers]:
        layer.trainable = False

    features = layers.GlobalAveragePooling2D()(backbone.output)
    # Keras's momentum of 0.99 would need hundreds of steps before the moving averages can serve a validation.
    features = layers.BatchNormalization(momentum=0.9)(features)
    for width, dropout in ((256, 0.35), (128, 0.20)):
        features = layers.Dense(width, activation="relu", kernel_initializer="he_uniform")(features)
        features = layers.Dropout(dropout)(features)
    labels = layers.Dense(n_classes, activation="softmax")(features)
    return keras.Model(picture, labels, name="vgg16")


def imagenet_colours() -> keras.Layer:
    """Return a layer that does what ``keras.applications.vgg16.preprocess_input`` does: RGB to BGR, less the means.

    A fixed 1×1 convolution, because a saved model may hold only Keras's own layers to be loaded anywhere.
    """
    from keras import layers

    swap = np.eye(3, dtype=np.float32)[::-1].reshape(1, 1, 3, 3)
    layer = layers.Conv2D(3, 1, trainable=False, name="imagenet_colours")
    layer.build((None, None, None, 3))
    layer.set_weights([swap, -np.array(IMAGENET_MEANS, dtype=np.float32)])
    return layer
