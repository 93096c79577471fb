"""How a model is trained, frozen: every field changes the run, and is part of its key."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Positive = Annotated[int, Meta(ge=1)]
Rate = Annotated[float, Meta(gt=0)]


class Plateau(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Multiply the learning rate by `factor` after every `patience` epochs without a lower validation loss."""

    factor: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    patience: Positive = 2


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to train one model.

    Raises
    ------
    ValueError
        A field would have no effect beside another one.
    """

    # How long, and in what steps
    epochs: Positive
    batch_size: Positive = 32
    early_stopping: Positive | None = None  # epochs without a lower validation loss, after which training ends

    # The optimizer, by Keras's name, and its learning rate
    optimizer: Literal["adam", "adamw", "nadam", "rmsprop", "sgd", "lion"] = "adam"
    learning_rate: Rate = 1e-3
    cosine: bool = False  # let the learning rate fall to nothing along half a cosine
    warmup: Annotated[float, Meta(ge=0, lt=1)] = (
        0.0  # share of the training in which the rate rises from 0, with cosine
    )
    reduce_on_plateau: Plateau | None = None

    # What the model sees
    input_size: Annotated[int, Meta(ge=32)] | None = None  # side in pixels to which the model shrinks a picture
    train_limit: Positive | None = None  # pictures of the training set, the same share of each class
    augment: Literal["none", "flips"] = "none"  # flips: left-right, up-down and diagonal, each by a coin
    class_weights: bool = False  # weigh a picture by the inverse of its class's frequency

    # Where it starts, without pretrained weights: convolutions normalised on so many pictures of the training set
    init_pictures: Positive | None = None

    # How much of it learns
    frozen_layers: Annotated[int, Meta(ge=0)] = 0  # convolutions, counted from the picture, that stay as loaded
    features_once: bool = False  # run the frozen layers once on each picture, not once in each epoch

    def __post_init__(self) -> None:
        if self.cosine and self.reduce_on_plateau:
            raise ValueError("cosine and reduce_on_plateau both set the learning rate: choose one")
        if self.features_once and not self.frozen_layers:
            raise ValueError("features_once has no effect without frozen_layers")
        if self.warmup and not self.cosine:
            raise ValueError("warmup has no effect without cosine")
        if self.init_pictures and self.frozen_layers:
            raise ValueError("init_pictures is for a start from nothing, where frozen_layers would stay random")
        if self.features_once and self.augment != "none":
            raise ValueError("features_once keeps what the frozen layers saw, so augment has no effect")
        for name, field in (("early_stopping", self.early_stopping), ("reduce_on_plateau", self.reduce_on_plateau)):
            patience = field.patience if isinstance(field, Plateau) else field
            if patience is not None and patience >= self.epochs:
                raise ValueError(f"{name}: a patience of {patience} has no effect in {self.epochs} epochs")
