"""Keras's backbones under the report's head, each with the preprocessing that its ImageNet weights were made for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from baselines.models.layers import MOMENTUM, Choices, dense, pooled, shrunk
from baselines.recipe import Recipe

if TYPE_CHECKING:
    import keras

IMAGENET_MEANS = (103.939, 116.779, 123.68)  # blue, green, red; 0-255
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # red, green, blue; 0-1
HEAD = "head_"  # the names of all layers that are not the backbone's begin so
COLOURS = "imagenet_colours"  # the layer that makes RGB the colours that VGG16 knows
REPORT_DROPOUT = (0.35, 0.20)  # behind the two dense layers of the report's VGG16


@dataclass(frozen=True)
class Backbone:
    """One architecture of ``keras.applications``.

    Attributes
    ----------
    application : str
        Its name there.
    prepare : str
        What its ``preprocess_input`` does to raw RGB: ``caffe`` turns it to BGR less the means, ``tf`` brings it to
        -1..1, ``torch`` to 0..1 less mean over deviation, ``inside`` nothing, since the model does it itself.
    smallest : int
        Side in pixels below which Keras refuses to build it.
    normalised : bool
        Whether it has batch normalisation.
    """

    name: str
    application: str
    prepare: Literal["caffe", "tf", "torch", "inside"]
    smallest: int = 32
    normalised: bool = True

    @property
    def refused(self) -> dict[str, str]:
        """What a recipe may ask for and this model cannot heed, and why."""
        always = {"standardise": "its weights were made for images prepared in another way"}
        return always if self.normalised else always | {"frozen_batchnorm": "it has no batch normalisation"}

    def __call__(
        self, recipe: Recipe, image_shape: tuple[int, int, int], n_classes: int, weights: Path | None, seed: int
    ) -> keras.Model:
        """Return the backbone under the head: average, normalisation, and two dense layers with dropout.

        Parameters
        ----------
        recipe : Recipe
            Its `input_size`, `preprocessing` and choices of layers shape the model; what is frozen, `freeze` decides.
        image_shape : tuple of int
            Height, width, 3: raw RGB, 0-255.
        weights : Path or None
            A weights file without the top, or None: the backbone starts from its own initialisation, VGG16 from He's,
            without which the signal dies in 13 layers that have no normalisation.
        seed : int
            For VGG16's initial values; all else draws from Keras's global seed.
        """
        import keras
        from keras import layers

        image = keras.Input(image_shape)
        prepared = image
        before = [layers.Rescaling(1 / 255)] if recipe.preprocessing == "report" else self.preparation()
        for layer in [*shrunk(recipe, image_shape), *before]:
            prepared = layer(prepared)
        application = getattr(keras.applications, self.application)
        body = application(include_top=False, weights=None, input_tensor=prepared)
        if weights is not None:
            # Into a backbone of its own: a weights file fits the plain one, not one with preprocessing in front.
            plain = application(include_top=False, weights=None)
            plain.load_weights(weights)
            # By order, not by name: Keras numbers the layers of some architectures anew for each model.
            pairs = zip(_with_weights(body), _with_weights(plain), strict=True)
            for layer, loaded in pairs:
                layer.set_weights(loaded.get_weights())
        elif not self.normalised:
            for number, layer in enumerate(_with_weights(body)):
                layer.kernel.assign(keras.initializers.HeNormal(seed=seed + number)(layer.kernel.shape))
        for layer in body.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.momentum = MOMENTUM
        if self.prepare == "inside":
            _finish_own_preprocessing(body, loaded=weights is not None)

        chosen = Choices(dropout=-1.0).under(recipe)
        features = pooled(chosen, f"{HEAD}pool")(body.output)
        features = layers.BatchNormalization(momentum=MOMENTUM, name=f"{HEAD}normalisation")(features)
        for number, (width, dropout) in enumerate(zip((256, 128), REPORT_DROPOUT, strict=True), start=1):
            share = dropout if chosen.dropout < 0 else chosen.dropout
            for layer in dense(chosen, width, share, f"{HEAD}dense{number}"):
                features = layer(features)
        # In float32 whatever the precision of the rest: 16 bits are too few for the tail of a softmax.
        labels = layers.Dense(n_classes, activation="softmax", dtype="float32", name=f"{HEAD}labels")(features)
        return keras.Model(image, labels, name=self.name)

    def preparation(self) -> list[keras.Layer]:
        """Return the layers that do what ``preprocess_input`` of this architecture does."""
        from keras import layers

        if self.prepare == "caffe":
            return [imagenet_colours()]
        if self.prepare == "tf":
            return [layers.Rescaling(1 / 127.5, offset=-1)]
        if self.prepare == "torch":
            scale = [1 / (255 * std) for std in IMAGENET_STD]
            offset = [-mean / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)]
            return [layers.Rescaling(scale, offset=offset)]
        return []


def _with_weights(body: keras.Model) -> list[keras.Layer]:
    """Return the layers of a backbone that hold weights, less the one that prepares the image."""
    return [layer for layer in body.layers if layer.weights and layer.name != COLOURS]


def imagenet_colours() -> keras.Layer:
    """Return a layer that turns RGB to BGR and takes the means off.

    A fixed 1×1 convolution, because a saved model may hold only Keras's own layers to be loaded anywhere.
    """
    from keras import layers

    swap = np.eye(3, dtype=np.float32)[::-1].reshape(1, 1, 3, 3)
    layer = layers.Conv2D(3, 1, trainable=False, name=COLOURS)
    layer.build((None, None, None, 3))
    layer.set_weights([swap, -np.array(IMAGENET_MEANS, dtype=np.float32)])
    return layer


def _finish_own_preprocessing(body: keras.Model, *, loaded: bool) -> None:
    """Give EfficientNet's own normalisation the statistics that Keras gives it with ``weights="imagenet"``.

    Keras then divides by the square root of the deviation once more, in a layer that it leaves out when the weights
    come from a file: the authors' model divides by the variance.  Here the factor goes into the variance.  Without
    weights the statistics would be 0 and 1, so ImageNet's stand in.
    """
    from keras import layers

    (layer,) = (layer for layer in body.layers if isinstance(layer, layers.Normalization))
    if loaded:
        mean, variance, count = layer.get_weights()
        layer.set_weights([mean, variance * np.array(IMAGENET_STD, np.float32), count])
    else:
        mean = np.array(IMAGENET_MEAN, np.float32)
        layer.set_weights([mean, np.array(IMAGENET_STD, np.float32) ** 2, np.array(0)])
    layer.finalize_state()
