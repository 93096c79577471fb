"""What one row of the baselines is: a model, its presets, what was reported of it and what was measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from baselines.models.pretrained import Backbone
from baselines.recipe import Recipe
from baselines.weights import Pretrained

if TYPE_CHECKING:
    import keras

PresetName = Literal["quick", "full"]
# recipe, image_shape, n_classes, weights, seed -> model: raw RGB 0-255 in, probabilities out
Build: TypeAlias = "Callable[[Recipe, tuple[int, int, int], int, Path | None, int], keras.Model]"
MEASURED = Path(__file__).parent / "expected.json"  # written by `hemobench reproduce --expected`
REPORT = "-report"
AUGMENTED_LIMIT = 2400  # images of a quick preset whose frozen part runs on each image in each epoch


@dataclass(frozen=True)
class Preset:
    """A recipe, what it leaves out (for people), and what to do instead where there are no pretrained weights."""

    recipe: Recipe
    cuts: str = ""
    without_weights: Preset | None = None

    def with_report(self, augment: str | None) -> Preset:
        """Return this preset as the team had it: 255 divided out in front, and `augment` where the report names one.

        Augmented images are new in each epoch, so the frozen part runs on them each time: a preset that cuts the
        images cuts them further then.
        """
        without = self.without_weights and self.without_weights.with_report(augment)
        recipe, cuts = msgspec.structs.replace(self.recipe, preprocessing="report"), self.cuts
        if augment is not None:
            limit = recipe.train_limit and min(recipe.train_limit, AUGMENTED_LIMIT)
            if limit != recipe.train_limit:
                cuts = cuts.replace(f"{recipe.train_limit:,}", f"{limit:,}")
            recipe = msgspec.structs.replace(recipe, augment=augment, features_once=False, train_limit=limit)
        return Preset(recipe, cuts, without)


@dataclass(frozen=True)
class Reported:
    """What the report of November 2024 says of a model, in percent; None where it says nothing."""

    val_accuracy: float | None = None
    val_loss: float | None = None
    hidden_accuracy: float | None = None
    recipe: str = ""  # in its words
    augment: str | None = None  # the augmentation that it names
    note: str = ""


@dataclass(frozen=True)
class Baseline:
    """One model.

    Attributes
    ----------
    build : callable
        Also tells, as `refused`, what it cannot heed.
    parameters : int
        Of the model for 8 classes at 96×96, frozen ones included.
    quick, full : Preset
        `quick` ends within 6 minutes on 2 CPU cores, `full` is a GPU's work.
    reported : Reported
        Empty of a model that the report did not have; such a one has no row as the team had it.
    licence : str
        Of the architecture's code; that of the weights stands with them.
    refused : mapping of str to str
        Fields of a recipe that have no effect on this model, and why; those that `build` tells join them.
    smallest : int
        Side in pixels below which the model cannot be built.
    random_backbone : bool
        Whether a frozen backbone may stay random: features drawn by lot are what such a row then measures.
    depthwise : bool
        Whether its convolutions are depthwise, which are slower in the 16 bits of a processor; else they are dense.
    report_of : str, optional
        The model that this row is as the team had it.
    """

    name: str
    summary: str
    build: Build
    parameters: int
    quick: Preset
    full: Preset
    reported: Reported = field(default_factory=Reported)
    licence: str = "MIT"
    pretrained: Pretrained | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    smallest: int = 32
    random_backbone: bool = False
    depthwise: bool = False
    report_of: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "refused", {**getattr(self.build, "refused", {}), **self.refused})

    def preset(self, name: PresetName, *, has_weights: bool) -> Preset:
        """Return the preset to use, given whether there are pretrained weights to start from."""
        chosen = {"quick": self.quick, "full": self.full}[name]
        return chosen if has_weights or chosen.without_weights is None else chosen.without_weights

    @property
    def expected(self) -> list[dict[str, Any]]:
        """What was measured of this row: contest, preset, weights, and each accuracy with its interval and n."""
        return measured().get(self.name, [])

    def as_reported(self) -> Baseline:
        """Return the row that keeps what the team did."""
        augment = self.reported.augment
        also = f" and {augment} augmentation" if augment else ""
        return replace(
            self,
            name=self.name + REPORT,
            summary=f"{self.name} as the team had it: 255 divided out in front{also}",
            quick=self.quick.with_report(augment),
            full=self.full.with_report(augment),
            report_of=self.name,
            # The layer that makes RGB the colours VGG16 knows is a fixed convolution.
            parameters=self.parameters - 12 * (isinstance(self.build, Backbone) and self.build.prepare == "caffe"),
        )


@cache
def measured() -> dict[str, list[dict[str, Any]]]:
    """Return what was measured, by name of row; nothing where it has not been."""
    return json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.is_file() else {}
