"""How a model is trained, frozen: every field changes the run, and is part of its key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from baselines.augment.catalogue import AUGMENTATIONS
from baselines.precision import Asked
from harness.errors import UsageError, did_you_mean
from harness.misread import explain

VALUES = "The fields and their values: baselines/recipe.py"

Positive = Annotated[int, Meta(ge=1)]
Rate = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, lt=1)]
Penalty = Annotated[float, Meta(ge=0)]


class Plateau(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Multiply the learning rate by `factor` after every `patience` epochs without a lower validation loss."""

    factor: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    patience: Positive = 2


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to train one model.  A field that is None leaves the choice to the model.

    Raises
    ------
    ValueError
        A field would have no effect beside another one.
    """

    # How long, and in what steps
    epochs: Positive
    batch_size: Positive = 32
    early_stopping: Positive | None = None  # epochs without a lower validation loss, after which training ends

    # The optimizer, by name, and its learning rate
    optimizer: Literal["adam", "adamw", "nadam", "rmsprop", "sgd", "lion", "ranger"] = "adam"
    learning_rate: Rate = 1e-3
    weight_decay: Penalty = 0.0  # decoupled (Loshchilov & Hutter 2019), per step and unit of learning rate
    cosine: bool = False  # let the learning rate fall to nothing along half a cosine
    warmup: Share = 0.0  # share of the training in which the rate rises from 0, with cosine
    reduce_on_plateau: Plateau | None = None
    ema: Annotated[float, Meta(gt=0, lt=1)] | None = None  # momentum of the averaged weights that are kept
    precision: Asked = "auto"  # auto: 16 bits where this machine is faster in them with this network

    # What the model sees.  `report` puts a division by 255 in front, whatever the weights were made for.
    preprocessing: Literal["right", "report"] = "right"
    standardise: bool = False  # each image is brought to mean 0 and deviation 1 inside the model, not to 0..1
    input_size: Annotated[int, Meta(ge=32)] | None = None  # side in pixels to which the model shrinks an image
    train_limit: Positive | None = None  # images of the training set, the same share of each class
    augment: str = "none"  # a name of `baselines.augment.catalogue`
    duplicates: Literal["removed", "left"] = "removed"  # left: what cleaning took out is dealt back to train and val

    # What it is told of its errors
    class_weights: bool = False  # weigh an image by the inverse of its class's frequency
    label_smoothing: Share = 0.0
    val_share: Annotated[float, Meta(gt=0, le=0.5)] | None = None  # of the public images; None: the contest's split
    val_noise: Penalty = 0.0  # standard deviation of Gaussian noise on the validation images, grey levels

    # The network, where it leaves a choice
    activation: Literal["relu", "leaky_relu"] | None = None
    initializer: Literal["he_uniform", "he_normal", "glorot_uniform"] | None = None
    pooling: Literal["gap", "flatten"] | None = None  # from the last map of features to the dense layers
    dropout: Share | None = None  # behind each dense layer but the last
    l1: Penalty | None = None  # on the kernels of the dense layers but the last
    l2: Penalty | None = None

    # Where it starts, without pretrained weights: layers normalised on so many images of the training set
    init_images: Positive | None = None

    # How much of it learns: first the head alone, then what is not frozen
    head_epochs: Annotated[int, Meta(ge=0)] = 0  # of `epochs`, with the whole backbone frozen
    head_learning_rate: Rate | None = None
    frozen_layers: Annotated[int, Meta(ge=0)] = 0  # convolutions, counted from the image, that stay as loaded
    frozen_share: Annotated[float, Meta(ge=0, le=1)] = 0.0  # the same as a share of all; 1: only the head learns
    frozen_batchnorm: bool = False  # the backbone's statistics stay as loaded, also where its kernels learn
    features_once: bool = False  # run the frozen layers once on each image, not once in each epoch

    # How it predicts
    tta: Literal["none", "flips"] = "none"  # flips: the mean over the eight positions of a square, in model.py

    @property
    def freezes(self) -> bool:
        return bool(self.frozen_layers or self.frozen_share)

    @property
    def views(self) -> int:
        """How many positions of an image `model.py` averages over."""
        return 8 if self.tta == "flips" else 1

    def __post_init__(self) -> None:
        if self.augment not in AUGMENTATIONS:
            raise ValueError(f"augment {self.augment!r}: {did_you_mean(self.augment, AUGMENTATIONS)}")
        if self.cosine and self.reduce_on_plateau:
            raise ValueError("cosine and reduce_on_plateau both set the learning rate: choose one")
        if self.features_once and not self.freezes:
            raise ValueError("features_once has no effect without frozen_layers or frozen_share")
        if self.warmup and not self.cosine:
            raise ValueError("warmup has no effect without cosine")
        if self.frozen_layers and self.frozen_share:
            raise ValueError("frozen_layers and frozen_share both say what is frozen: choose one")
        if self.features_once and self.augment != "none":
            raise ValueError(
                "features_once keeps what the frozen layers saw of each image, so augment would have no effect: set "
                "features_once=false beside it"
            )
        if self.optimizer == "adamw" and not self.weight_decay:
            raise ValueError("adamw without weight_decay is adam: set weight_decay, or choose adam")
        if self.head_epochs >= self.epochs:
            raise ValueError(f"head_epochs: {self.head_epochs} of {self.epochs} epochs leave none for the rest")
        if self.head_epochs and self.frozen_share == 1:
            raise ValueError("head_epochs has no effect where frozen_share is 1: only the head learns anyway")
        if self.head_learning_rate is not None and not self.head_epochs:
            raise ValueError("head_learning_rate has no effect without head_epochs")
        if self.frozen_batchnorm and self.frozen_share == 1:
            raise ValueError("frozen_batchnorm has no effect where frozen_share is 1: all of it is frozen")
        for name, field in (("early_stopping", self.early_stopping), ("reduce_on_plateau", self.reduce_on_plateau)):
            patience = field.patience if isinstance(field, Plateau) else field
            left = self.epochs - self.head_epochs
            if patience is not None and patience >= left - 1:
                raise ValueError(f"{name}: a patience of {patience} has no effect in {left} epochs")


def phases(recipe: Recipe) -> tuple[Recipe, ...]:
    """Return the recipe of each phase: the head alone, where the recipe asks for it, then what is not frozen.

    Examples
    --------
    >>> [phase.epochs for phase in phases(Recipe(epochs=5, head_epochs=2))]
    [2, 3]
    """
    if not recipe.head_epochs:
        return (recipe,)
    plain = msgspec.structs.replace(recipe, head_epochs=0, head_learning_rate=None)
    head = msgspec.structs.replace(
        plain,
        epochs=recipe.head_epochs,
        learning_rate=recipe.head_learning_rate or recipe.learning_rate,
        early_stopping=None,
        reduce_on_plateau=None,
        frozen_layers=0,
        frozen_share=1.0,
        frozen_batchnorm=False,
        features_once=recipe.augment == "none",
    )
    return head, msgspec.structs.replace(plain, epochs=recipe.epochs - recipe.head_epochs)


def changed(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """Return `recipe` with `settings` such as ``optimizer=lion`` or ``reduce_on_plateau.patience=3``.

    A value is read as JSON where it is that, else as text; ``none`` takes a choice back.

    Raises
    ------
    UsageError
        A field does not exist, a value does not fit, has no effect, or is what the recipe has already.

    Examples
    --------
    >>> changed(Recipe(epochs=3), ["optimizer=lion", "cosine=true"]).optimizer
    'lion'
    """
    fields: dict[str, Any] = msgspec.to_builtins(recipe)
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"--set {setting!r}: expected FIELD=VALUE.", "For instance: --set optimizer=lion")
        top, _, inner = name.partition(".")
        if top not in fields:
            raise UsageError(f"A recipe has no field {top!r}.", did_you_mean(top, fields))
        value = _read(text)
        if inner:
            known = Plateau.__struct_fields__ if top == "reduce_on_plateau" else ()
            if inner not in known:
                raise UsageError(f"{top} has no field {inner!r}.", did_you_mean(inner, known))
            value = (fields[top] or {}) | {inner: value}
        elif text.lower() == "none" and isinstance(fields[top], str):
            value = "none"  # augment=none, tta=none are choices of that name
        if fields[top] == value:
            raise UsageError(f"--set {setting} has no effect: the recipe has that already.", "Leave it out.")
        fields[top] = value
    try:
        return msgspec.convert(fields, Recipe)
    except msgspec.ValidationError as error:
        what, hint = explain(str(error), fields, Recipe)
        raise UsageError(f"--set {' --set '.join(settings)}: {what}.", hint or VALUES) from error


def read_recipe(path: Path) -> Recipe:
    """Return the recipe in a TOML file.

    Raises
    ------
    UsageError
        There is no such file, or it is no recipe.
    """
    data = b""
    try:
        data = path.read_bytes()
        return msgspec.toml.decode(data, type=Recipe)
    except OSError as error:
        raise UsageError(
            f"Cannot read the recipe {path}: {error.strerror}.", "Give the path of a TOML file."
        ) from error
    except msgspec.ValidationError as error:
        what, hint = explain(str(error), msgspec.toml.decode(data), Recipe)
        raise UsageError(f"{path} is no recipe: {what}.", hint or VALUES) from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise UsageError(f"{path} is no recipe: {error}.", VALUES) from error


def _read(text: str) -> Any:
    if text.lower() == "none":
        return None
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
