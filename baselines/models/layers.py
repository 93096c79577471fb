"""What the models share: the choices that a recipe may make for them, and the layers that follow from these."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from baselines.recipe import Recipe

if TYPE_CHECKING:
    import keras

# Of the moving averages: with Keras's 0.99 they need hundreds of steps before they can serve a validation.
MOMENTUM = 0.9


@dataclass(frozen=True)
class Choices:
    """The parts of a network that a recipe may choose, named as in `Recipe`; the values are a model's own."""

    activation: str = "relu"
    initializer: str = "he_uniform"
    pooling: str = "gap"
    dropout: float = 0.0
    l1: float = 0.0
    l2: float = 0.0

    def under(self, recipe: Recipe) -> Choices:
        """Return these choices, each overruled by the recipe's where that is not None.

        Examples
        --------
        >>> Choices(dropout=0.3).under(Recipe(epochs=1, pooling="flatten"))
        Choices(activation='relu', initializer='he_uniform', pooling='flatten', dropout=0.3, l1=0.0, l2=0.0)
        """
        asked = {field.name: getattr(recipe, field.name) for field in fields(self)}
        return replace(self, **{name: value for name, value in asked.items() if value is not None})


def shrunk(recipe: Recipe, image_shape: tuple[int, int, int]) -> list[keras.Layer]:
    """Return the layer that brings an image to the recipe's size, or none where it has that size."""
    from keras import layers

    size = recipe.input_size
    return [] if size is None or image_shape[:2] == (size, size) else [layers.Resizing(size, size)]


def scaled(recipe: Recipe) -> keras.Layer:
    """Return the layer that brings levels of 0-255 to a network's range: to 0..1, or each image to mean 0, deviation 1.

    The second takes away what brightness and contrast did to an image, and leaves its colours their proportions.
    """
    from keras import layers

    if recipe.standardise:
        # In float32 whatever the precision of the rest: the squares of 27,648 levels are summed.
        return layers.LayerNormalization(axis=[1, 2, 3], center=False, scale=False, dtype="float32")
    return layers.Rescaling(1 / 255)


def rectified(chosen: Choices, name: str | None = None) -> keras.Layer:
    from keras import layers

    return {"relu": layers.ReLU, "leaky_relu": layers.LeakyReLU}[chosen.activation](name=name)


def pooled(chosen: Choices, name: str | None = None) -> keras.Layer:
    """Return the layer from the last map of features to a vector: its mean over all places, or all of it."""
    from keras import layers

    return {"gap": layers.GlobalAveragePooling2D, "flatten": layers.Flatten}[chosen.pooling](name=name)


def dense(chosen: Choices, width: int, dropout: float, name: str | None = None) -> list[keras.Layer]:
    """Return a dense layer with what stands behind it; its layers are called `name`, `name`_relu, `name`_dropout."""
    from keras import layers, regularizers

    penalty = regularizers.L1L2(l1=chosen.l1, l2=chosen.l2) if chosen.l1 or chosen.l2 else None
    stack = [
        layers.Dense(width, kernel_initializer=chosen.initializer, kernel_regularizer=penalty, name=name),
        rectified(chosen, name and f"{name}_relu"),
    ]
    if dropout:
        # Without a seed, Keras's dropout on PyTorch draws from a global state that no run can take up again; with one,
        # from a state of its own, which each epoch sets anew.
        stack.append(layers.Dropout(dropout, seed=0, name=name and f"{name}_dropout"))
    return stack
