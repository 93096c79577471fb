"""One training, decided on before Keras is loaded: model, recipe, seed and weights, and what they are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from baselines.baseline import Baseline, PresetName
from baselines.precision import Asked, Precision, fastest
from baselines.recipe import Recipe, changed
from baselines.run_folder import in_precision, run_key
from baselines.weights import NONE, Weights
from harness.api import Frozen
from harness.errors import UsageError

OWN_RECIPE = "recipe"  # stands for the preset's name where a whole recipe was given


@dataclass(frozen=True)
class Job:
    """Everything that shapes a model; equal jobs have equal keys, and train equal models."""

    baseline: Baseline
    frozen: Frozen
    preset_name: str
    weights: Weights
    seed: int
    recipe: Recipe
    cuts: str

    @property
    def key(self) -> str:
        used = in_precision(self.recipe, self.precision.policy)
        return run_key(
            self.frozen.lock_hash, self.baseline.name, used, self.seed, self.weights.label, self.weights.sha256
        )

    @cached_property
    def precision(self) -> Precision:
        """What it trains in; where the recipe leaves that to the machine, this loads Keras."""
        return precision_for(self.recipe.precision, depthwise=self.baseline.depthwise)


def plan(
    baseline: Baseline,
    frozen: Frozen,
    preset_name: PresetName,
    weights: Weights,
    seed: int,
    settings: Sequence[str] = (),
    recipe: Recipe | None = None,
) -> Job:
    """Return the job that these choices make.

    Parameters
    ----------
    settings : sequence of str
        Changes to the preset's recipe, as `changed` takes them.
    recipe : Recipe, optional
        Instead of the preset's.

    Raises
    ------
    UsageError
        The recipe asks for what this model, or this contest, cannot heed.
    """
    preset = baseline.preset(preset_name, has_weights=weights.label != NONE)
    chosen = changed(recipe or preset.recipe, settings)
    plain = Recipe(epochs=chosen.epochs)
    _refuse_without_effect(baseline, frozen, chosen, settings)
    for field, reason in baseline.refused.items():
        if getattr(chosen, field) != getattr(plain, field):
            raise UsageError(f"{field} has no effect on {baseline.name}: {reason}.", "Leave it out.")
    if weights.label == NONE:
        if (chosen.freezes and not baseline.random_backbone) or chosen.head_epochs:
            raise UsageError(
                f"{baseline.name} starts without pretrained weights, so what is frozen would stay random.",
                "Give --weights, or leave out frozen_layers, frozen_share and head_epochs.",
            )
    elif chosen.init_images:
        raise UsageError("init_images is for a start from nothing, and weights are given.", "Leave one out.")
    if chosen.val_share is not None:
        own = val_share(frozen)
        if chosen.val_share < own + 0.005:
            raise UsageError(
                f"val_share={chosen.val_share} has no effect: the contest keeps {own:.2f} of the public images for "
                "validation already, and its validation images are never trained on.",
                f"Choose a share above {own:.2f}, or leave it out.",
            )
    if chosen.duplicates == "left" and not frozen.lock.arrays["public/removed.npz"]["labels"].shape[0]:
        raise UsageError("duplicates=left has no effect: cleaning removed nothing.", "Leave it out.")
    cuts = [preset.cuts] if recipe is None and preset.cuts else []
    name = preset_name if recipe is None else OWN_RECIPE
    return Job(baseline, frozen, name, weights, seed, chosen, "; ".join([*cuts, *settings]))


def _refuse_without_effect(baseline: Baseline, frozen: Frozen, chosen: Recipe, settings: Sequence[str]) -> None:
    """Refuse what a person set and what this model or contest makes of no effect; a preset may hold such a value."""
    contest = frozen.contest
    height, width = contest.image_shape[:2]
    smallest = chosen.input_size or min(height, width)
    if smallest < baseline.smallest:
        raise UsageError(
            f"{baseline.name} takes images of at least {baseline.smallest} pixels, got {smallest}.",
            f"Type: --set input_size={baseline.smallest}",
        )
    if chosen.tta == "flips" and height != width:
        raise UsageError(
            f"tta=flips turns images, which must be square for that; got {height}×{width}.", "Leave it out."
        )
    own = getattr(baseline.build, "own", None)
    for name in (setting.partition("=")[0] for setting in settings):
        value = getattr(chosen, name.partition(".")[0])
        if own is not None and hasattr(own, name) and value == getattr(own, name):
            raise UsageError(f"{name}={value} has no effect: {baseline.name} has that already.", "Leave it out.")
        if name == "input_size" and (height, width) == (value, value):
            raise UsageError(f"input_size={value} has no effect: the images have that size.", "Leave it out.")
        if name == "train_limit" and value is not None:
            n_train = sum(frozen.lock.counts["train"].values())
            if value >= n_train:
                raise UsageError(
                    f"train_limit={value} has no effect: the contest has {n_train:,} images to train on.",
                    "Choose fewer, or all of them: --set train_limit=none",
                )


def val_share(frozen: Frozen) -> float:
    """Return the share of the public images that the contest itself keeps for validation."""
    n_train, n_val = (sum(frozen.lock.counts[split].values()) for split in ("train", "val"))
    return n_val / (n_train + n_val)


def default_preset() -> PresetName:
    """Return ``full`` where Keras sees a GPU, else ``quick``."""
    from baselines.device import count_gpus

    return "full" if count_gpus() else "quick"


def precision_for(asked: Asked, *, depthwise: bool) -> Precision:
    """Return the precision that a recipe asks for; ``auto`` is the fastest one on this machine."""
    if asked != "auto":
        return Precision(asked, "the recipe asks for it")
    from baselines.device import machine

    return fastest(machine(), depthwise=depthwise)
