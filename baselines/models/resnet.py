"""A compact residual network that starts from nothing: dense 3×3 convolutions, which any processor does fast."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.models import scratch
from baselines.models.layers import MOMENTUM, Choices, pooled, rectified, scaled, shrunk
from baselines.recipe import Recipe

if TYPE_CHECKING:
    import keras

# What a recipe may ask for and these models cannot heed, and why.
REFUSED = scratch.REFUSED | {
    "preprocessing": "this model scales its images itself, which is right for it: its report variant is itself",
    "frozen_batchnorm": "this model has no pretrained statistics to keep",
    "init_images": "this model normalises its layers in training",
    "l1": "it has no dense layer but the last",
    "l2": "it has no dense layer but the last",
}


@dataclass(frozen=True)
class ResNet:
    """A stem of stride 2, then stages of residual blocks, each stage at half the side of the one before.

    Attributes
    ----------
    stem : int
        Filters of the first convolution.
    stages : tuple of (int, int)
        Filters and number of blocks of each stage.  The first block of a stage has stride 2.
    own : Choices
        What the model does where the recipe leaves the choice to it.

    References
    ----------
    He et al.: Deep Residual Learning for Image Recognition, arXiv 1512.03385; basic blocks, option B, with average
    pooling before the 1×1 convolution (He T. et al., arXiv 1812.01187, ResNet-D).
    """

    name: str
    stem: int
    stages: tuple[tuple[int, int], ...]
    own: Choices

    def __call__(
        self, recipe: Recipe, image_shape: tuple[int, int, int], n_classes: int, weights: Path | None, seed: int
    ) -> keras.Model:
        """Return the model: raw RGB 0-255 in, probabilities out."""
        from keras import Input, Model, layers

        chosen = self.own.under(recipe)

        def convolved(x: keras.KerasTensor, filters: int, side: int = 3, stride: int = 1) -> keras.KerasTensor:
            kernel = layers.Conv2D(
                filters, side, strides=stride, padding="same", use_bias=False, kernel_initializer=chosen.initializer
            )
            return layers.BatchNormalization(momentum=MOMENTUM)(kernel(x))

        image = Input(image_shape)
        x = image
        for layer in [*shrunk(recipe, image_shape), scaled(recipe)]:
            x = layer(x)
        x = rectified(chosen)(convolved(x, self.stem, stride=2))
        for filters, n_blocks in self.stages:
            for block in range(n_blocks):
                stride = 2 if block == 0 else 1
                inner = rectified(chosen)(convolved(x, filters, stride=stride))
                inner = convolved(inner, filters)
                if stride > 1:
                    x = convolved(layers.AveragePooling2D(2, padding="same")(x), filters, side=1)
                x = rectified(chosen)(layers.Add()([x, inner]))
        x = pooled(chosen)(x)
        if chosen.dropout:
            x = layers.Dropout(chosen.dropout, seed=0)(x)
        labels = layers.Dense(n_classes, activation="softmax", dtype="float32")(x)
        return Model(image, labels, name=self.name)
