"""The report's two CNNs that start from nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.models.layers import Choices, dense, pooled, rectified, scaled, shrunk
from baselines.recipe import Recipe

if TYPE_CHECKING:
    import keras

# What a recipe may ask for and these models cannot heed, and why.
REFUSED = {
    "preprocessing": "this model divides by 255 already, which is right for it: its report variant is itself",
    "head_epochs": "this model has no pretrained backbone below its head",
    "frozen_layers": "this model starts from nothing, and what is frozen would stay random",
    "frozen_share": "this model starts from nothing, and what is frozen would stay random",
    "frozen_batchnorm": "this model has no batch normalisation",
    "init_images": "this model is shallow enough for its initialisation",
}


@dataclass(frozen=True)
class Scratch:
    """A chain of convolutions with max-pooling under dense layers.

    Attributes
    ----------
    filters : tuple of int
        Of the convolutions, each 3×3 and followed by a max-pooling of 2×2.
    padding : str
        Of the convolutions, in Keras's words.
    own : Choices
        What the model does where the recipe leaves the choice to it.
    """

    name: str
    filters: tuple[int, ...]
    padding: str
    own: Choices

    def __call__(
        self, recipe: Recipe, image_shape: tuple[int, int, int], n_classes: int, weights: Path | None, seed: int
    ) -> keras.Model:
        """Return the model: raw RGB 0-255 in, probabilities out."""
        from keras import Input, Sequential, layers

        chosen = self.own.under(recipe)
        blocks = [
            layer
            for filters in self.filters
            for layer in (
                layers.Conv2D(filters, 3, padding=self.padding, kernel_initializer=chosen.initializer),
                rectified(chosen),
                layers.MaxPooling2D(),
            )
        ]
        return Sequential(
            [
                Input(image_shape),
                *shrunk(recipe, image_shape),
                scaled(recipe),
                *blocks,
                pooled(chosen),
                *dense(chosen, 128, chosen.dropout),
                layers.Dense(n_classes, activation="softmax", dtype="float32"),
            ],
            name=self.name,
        )


# 25 % on the report's hidden test.
V1 = Scratch("scratch-v1", (32, 64, 128), "valid", Choices(initializer="glorot_uniform", pooling="flatten"))

# 86 % on the report's validation set.  The report regularises by L1L2 of 1e-3 without saying where.  On every
# convolution it outweighs the cross-entropy and nothing is learnt, so it stands on the dense layer.
V2 = Scratch("scratch-v2", (32, 64, 128, 128, 256), "same", Choices(dropout=0.3, l1=1e-3, l2=1e-3))
