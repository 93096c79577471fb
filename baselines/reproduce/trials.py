"""What is run: the rows of the report's table, its claims one by one, and the optimizers it wished for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from baselines.baseline import REPORT
from baselines.entries import BASELINES, ROWS

# Small enough that ten of them end in a quarter of an hour on two cores: a claim compares runs of one size.
SHORT = ("epochs=8", "train_limit=3000")


NUMBERS = ("learning_rate=", "weight_decay=")  # these follow from the optimizer's name


@dataclass(frozen=True)
class Trial:
    """One run: a model, changes to its recipe, and a seed.

    Attributes
    ----------
    planted : bool
        Run on the embedded contest, whose source is planted with copies, instead of the one that is reproduced.
    """

    model: str
    settings: tuple[str, ...] = ()
    seed: int = 0
    planted: bool = False

    @property
    def label(self) -> str:
        """The name on the board, at most 40 characters: what tells a trial from the others, not its whole recipe."""
        short = "short" if set(SHORT) <= set(self.settings) else ""
        told = [setting for setting in self.settings if setting not in SHORT and not setting.startswith(NUMBERS)]
        seed = f"seed={self.seed}" if self.seed else ""
        where = "planted" if self.planted else ""
        return " ".join(filter(None, [self.model, short, where, *told, seed]))


@dataclass(frozen=True)
class Claim:
    """Something the report says of two recipes that differ in one thing: that `one`, `first`, beats `other`."""

    first: str
    second: str
    reported: str
    one: Trial
    other: Trial

    @property
    def text(self) -> str:
        return f"{self.first} against {self.second}"


def short(*settings: str, planted: bool = False) -> Trial:
    return Trial("scratch-v2", (*SHORT, *settings), planted=planted)


TABLE: tuple[Trial, ...] = tuple(
    Trial(name)
    for row in ROWS
    for name in (row.name, row.name + REPORT)
    if any(name == known.name for known in BASELINES)
)

CLAIMS: tuple[Claim, ...] = (
    Claim("AugMix", "RandAugment", "AugMix the best alone", short("augment=augmix"), short("augment=randaugment")),
    Claim("MixUp + AugMix", "AugMix", "worse", short("augment=mixup+augmix"), short("augment=augmix")),
    Claim("class weights", "no class weights", "used", short("class_weights=true"), short()),
    Claim("dropout 0.3", "no dropout", "used", short(), short("dropout=0")),
    Claim("split 0.8/0.2", "split 0.9/0.1", "0.8/0.2 at first, 0.9/0.1 later", short("val_share=0.2"), short()),
    Claim(
        "duplicates removed",
        "duplicates left in",
        "removed",
        short(planted=True),
        short("duplicates=left", planted=True),
    ),
)

SEEDS = (0, 1, 2)
# Learning rates as their papers relate them to Adam's: Lion's 3 to 10 times lower with 3 to 10 times the decay.
OPTIMIZERS: dict[str, tuple[str, ...]] = {
    "adam": (),
    "adamw": ("optimizer=adamw", "weight_decay=0.01"),
    "lion": ("optimizer=lion", "learning_rate=0.0003", "weight_decay=0.05"),
    "ranger": ("optimizer=ranger", "learning_rate=0.004"),
}


def optimizer_trials(name: str) -> tuple[Trial, ...]:
    """Return the trials of one optimizer, one a seed."""
    return tuple(Trial("scratch-v2", (*SHORT, *OPTIMIZERS[name]), seed) for seed in SEEDS)


def all_trials(models: Sequence[str] = ()) -> tuple[Trial, ...]:
    """Return every trial once, the table's first; of `models` alone, where any are named."""
    claims = [trial for claim in CLAIMS for trial in (claim.one, claim.other)]
    optimizers = [trial for name in OPTIMIZERS for trial in optimizer_trials(name)]
    every = tuple(dict.fromkeys([*TABLE, *claims, *optimizers]))
    return tuple(trial for trial in every if not models or trial.model in models)
