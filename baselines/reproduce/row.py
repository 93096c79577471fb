"""One row of the measured table: a model, beside what the report says of it."""

from __future__ import annotations

import msgspec

from baselines.baseline import Reported
from baselines.recipe import Recipe
from baselines.run_folder import Accuracy, Adapted
from harness.analysis.corruptions import Tally


class Gap(msgspec.Struct, frozen=True):
    """A difference of two shares on the same images, with its 95 % interval; -1 to 1."""

    value: float
    low: float
    high: float

    def turned(self) -> Gap:
        """Return the same difference seen from the other side."""
        return Gap(-self.value, -self.high, -self.low)

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One model of the report's table, as it should be or as the team had it."""

    name: str
    model: str
    as_team: bool
    recipe_said: str
    reported: Reported
    weights: str
    cuts: str
    parameters: int
    seconds: float
    val: Accuracy
    val_loss: float
    train: Accuracy
    val_shifted: Accuracy
    hidden: Accuracy
    adapted: Adapted | None
    recipe: Recipe
    families: dict[str, Tally]
    chains: dict[int, Tally]
    against_right: dict[str, Gap] = {}  # of a team's row: the right one's accuracy less this one's, by split
    augmented: tuple[float, float] | None = None  # accuracy while training, under augmentation: first and last epoch
    causes: tuple[str, ...] = ()

    @property
    def gap(self) -> float:
        return self.val.value - self.hidden.value
