"""What a search is of, and what came of each of its trials."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import msgspec

from baselines.baseline import Baseline, PresetName
from baselines.job import Job, plan
from baselines.recipe import Recipe
from baselines.run_folder import Run, RunFolder
from baselines.schedule import Epoch
from baselines.tune.space import Space, changes, label
from baselines.weights import Weights
from harness.api import Frozen
from harness.progress import Track

State = Literal["complete", "pruned", "failed"]


class EndedTrial(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a trial.

    Attributes
    ----------
    val_accuracy : float, 0 to 1, or None
        Of the best epoch: on the contest's own validation images where it is complete, where it was pruned as
        measured in training.
    val_interval : tuple of two floats, or None
        95 % Wilson interval; only of a complete trial.
    run : str
        Name of the run folder.
    ours : bool
        Whether the search made that folder, and so may remove it.
    repeats : int or None
        The earlier trial that had the same recipe, and whose outcome this is.
    error : str
        Why it failed.
    """

    number: int  # among those that ended, from 1
    state: State
    recipe: Recipe
    run: str
    ours: bool
    val_accuracy: float | None = None
    val_interval: tuple[float, float] | None = None
    val_n: int | None = None
    val_loss: float | None = None
    best_epoch: int | None = None
    epochs: int = 0
    seconds: float = 0.0
    repeats: int | None = None
    error: str = ""


class Train(Protocol):
    """`baselines.train.train`, handed in so that this module loads no Keras."""

    def __call__(
        self,
        job: Job,
        folder: RunFolder,
        *,
        tell: Callable[[str], None],
        track: Track,
        after_epoch: Callable[[Epoch], None],
    ) -> Run: ...


@dataclass(frozen=True)
class Target:
    """What is searched: everything that all trials have in common.

    Attributes
    ----------
    settings : tuple of str
        What made `space.base` of the preset's recipe, as `changed` takes it.
    """

    baseline: Baseline
    frozen: Frozen
    preset_name: PresetName
    weights: Weights
    seed: int
    space: Space
    settings: tuple[str, ...] = ()

    @property
    def start(self) -> str:
        """What the search begins with, in words."""
        told = " ".join(f"--set {setting}" for setting in self.settings)
        return f"the preset with {told}" if told else "the preset"

    @property
    def key(self) -> str:
        """Ten hex digits that differ when the trials of two searches cannot stand in one table."""
        rows = [[row.field, row.between or [label(value) for value in row.values]] for row in self.space.rows]
        start = [self.preset_name, self.weights.label, self.weights.sha256, self.seed, self.space.base]
        content = [self.frozen.lock_hash, self.baseline.name, start, rows, sorted(self.space.fixed)]
        return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:10]

    def job(self, recipe: Recipe) -> Job:
        """Return the job that ``hemobench train`` makes of the same choices.

        Raises
        ------
        UsageError
            The recipe asks for what this model, or this contest, cannot heed.
        """
        base = plan(self.baseline, self.frozen, self.preset_name, self.weights, self.seed, self.settings)
        if recipe == base.recipe:
            return base
        job = plan(self.baseline, self.frozen, self.preset_name, self.weights, self.seed, recipe=recipe)
        return replace(job, cuts="; ".join([*filter(None, [base.cuts]), *changes(recipe, base.recipe)]))


def rank(trials: list[EndedTrial]) -> list[EndedTrial]:
    """Return the complete trials, the best first: highest accuracy, then lowest loss, then first; each recipe once."""
    complete = [trial for trial in trials if trial.state == "complete" and trial.repeats is None]
    return sorted(complete, key=lambda trial: (-(trial.val_accuracy or 0.0), trial.val_loss, trial.number))
