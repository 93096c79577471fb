"""What a search may choose: one row for each field of the recipe, and which of its values have an effect where."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any, Protocol

import msgspec

from baselines.augment.catalogue import AUGMENTATIONS
from baselines.baseline import Baseline
from baselines.models.layers import Choices
from baselines.recipe import Plateau, Recipe, changed
from harness.api import Frozen
from harness.errors import UsageError, did_you_mean

DECAY = 0.01  # what adamw gets until a weight_decay is drawn


@dataclass(frozen=True)
class Row:
    """One field of the recipe that may be drawn.

    Attributes
    ----------
    values : tuple
        To choose from; the value of the recipe that the search begins with joins them.
    between : tuple of two floats, optional
        Instead of `values`: the least and the greatest, in between uniform on a logarithmic scale.
    after : tuple of str
        Fields drawn before this one that decide which of its values have an effect.
    needs_weights : bool
        Whether it says how much of pretrained weights is kept.
    """

    field: str
    values: tuple[Any, ...] = ()
    between: tuple[float, float] | None = None
    after: tuple[str, ...] = ()
    needs_weights: bool = False


# In the order in which they are drawn.
SPACE = (
    Row("optimizer", ("adam", "adamw", "nadam", "rmsprop", "sgd", "lion", "ranger")),
    # Keras's AdamW is its Adam with decay: here adam goes without one and adamw never, lest a recipe have two names.
    Row("weight_decay", (0.0, 1e-4, 1e-3, DECAY, 1e-1), after=("optimizer",)),
    # From what Lion likes to what SGD with momentum does.
    Row("learning_rate", between=(3e-5, 3e-2)),
    Row("batch_size", (16, 32, 64, 128)),
    Row("ema", (None, 0.9, 0.99, 0.999)),
    Row("frozen_share", (0.0, 0.25, 0.5, 0.75, 1.0), needs_weights=True),
    Row("frozen_layers", (0, 3, 7, 10), needs_weights=True),
    Row("head_epochs", (0, 1, 2, 5), after=("frozen_share",), needs_weights=True),
    Row("frozen_batchnorm", (False, True), after=("frozen_share",), needs_weights=True),
    Row("cosine", (False, True)),
    Row("warmup", (0.0, 0.05, 0.1, 0.2), after=("cosine",)),
    Row(
        "reduce_on_plateau",
        (None, Plateau(patience=1), Plateau(patience=2), Plateau(patience=4)),
        after=("head_epochs", "cosine"),
    ),
    Row("augment", tuple(AUGMENTATIONS)),
    Row("standardise", (False, True)),
    Row("class_weights", (False, True)),
    Row("label_smoothing", (0.0, 0.05, 0.1, 0.2)),
    Row("activation", (None, "relu", "leaky_relu")),
    Row("initializer", (None, "he_uniform", "he_normal", "glorot_uniform")),
    Row("dropout", (None, 0.0, 0.15, 0.3, 0.45, 0.6)),
    Row("l1", (None, 0.0, 1e-5, 1e-4, 1e-3)),
    Row("l2", (None, 0.0, 1e-5, 1e-4, 1e-3, 1e-2)),
)

COST = "it says what a training costs, and more is nearly always better"
# Fields that no search draws, and why.
LEFT_OUT = {
    "epochs": COST,
    "early_stopping": COST,
    "input_size": COST,
    "train_limit": COST,
    "precision": "it says how fast a machine computes",
    "preprocessing": "one of the two is the report's mistake",
    "duplicates": "left ones would be a mistake",
    "val_share": "trials on unlike validation sets cannot be compared",
    "val_noise": "trials on unlike validation sets cannot be compared",
    "pooling": "on small images both are one, on large ones flatten makes another model",
    "init_images": "the preset measures its initialisation where that is needed",
    "head_learning_rate": "learning_rate is drawn, and the head follows it unless the preset says otherwise",
    "features_once": "it saves time alone",
    "tta": "it changes how a trained model predicts, at eight times the work",
}


class Suggest(Protocol):
    """What draws: a trial of Optuna, or anything with these two functions of it."""

    def suggest_categorical(self, name: str, choices: Sequence[str]) -> Any: ...

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float: ...


def label(value: Any) -> str:
    """Return a value of the recipe in the words of ``--set``.

    Examples
    --------
    >>> [label(value) for value in (None, True, 0.5, "lion", Plateau(patience=2))]
    ['none', 'true', '0.5', 'lion', '{"factor":0.5,"patience":2}']
    """
    if value is None:
        return "none"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


@dataclass(frozen=True)
class Space:
    """The rows that are drawn around one recipe.

    Attributes
    ----------
    base : Recipe
        What the search begins with; a field that is not drawn stays as it is there, unless what is drawn leaves it
        without effect.
    rows : tuple of Row
        Of `SPACE`, each with the values that are told apart here.
    fixed : frozenset of str
        Fields that stay as they are in any case.
    """

    base: Recipe
    rows: tuple[Row, ...]
    fixed: frozenset[str] = frozenset()

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(row.field for row in self.rows)

    def sample(self, suggest: Suggest) -> Recipe:
        """Draw a recipe, field after field, each among the values that have an effect beside those drawn before.

        Notes
        -----
        A choice among fewer values than the row's is a parameter of its own: Optuna knows no parameter whose choices
        change.
        """
        fields, decided = self._start, set(self.fixed)
        for row in self.rows:
            if row.between:
                number = suggest.suggest_float(row.field, *row.between, log=True)
                # Three digits can be read and typed; the recipe that the search begins with is kept to the last one.
                fields[row.field] = number if number == fields[row.field] else float(f"{number:.3g}")
            else:
                options = self.options(row, fields, decided)
                chosen = next(iter(options))
                if len(options) > 1:
                    name = row.field if len(options) == len(row.values) else f"{row.field}: {' '.join(options)}"
                    chosen = suggest.suggest_categorical(name, list(options))
                fields = options[chosen]
            decided.add(row.field)
        return Recipe(**fields)

    def start(self) -> dict[str, Any]:
        """Return the parameters with which `sample` gives `base`."""
        follow = _Follow(self.base)
        self.sample(follow)
        return follow.params

    def options(self, row: Row, fields: Mapping[str, Any], decided: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return the values of `row` that go with what is decided, by label, each with the fields that it makes."""
        made = {label(value): self._with(row.field, value, fields, decided) for value in row.values}
        return {name: fields for name, fields in made.items() if fields is not None}

    def offers(self, row: Row) -> bool:
        """Tell whether there is ever something to choose in a row."""
        if row.between:
            return True
        before = [other for other in self.rows if other.field in row.after]
        for values in product(*(other.values for other in before)):
            fields: dict[str, Any] | None = self._start
            decided = set(self.fixed)
            for other, value in zip(before, values, strict=True):
                fields = fields and self._with(other.field, value, fields, decided)
                decided.add(other.field)
            if fields is not None and len(self.options(row, fields, decided)) > 1:
                return True
        return False

    @property
    def _start(self) -> dict[str, Any]:
        return msgspec.structs.asdict(self.base)

    @cached_property
    def _adam_decays(self) -> bool:
        return self.base.optimizer == "adam" and self.base.weight_decay > 0

    def _with(
        self, name: str, value: Any, fields: Mapping[str, Any], decided: Collection[str]
    ) -> dict[str, Any] | None:
        """Return `fields` with one changed, and those repaired that lose their effect by it, or None."""
        made = self._repaired({**fields, name: value})
        if made[name] != value or any(made[other] != fields[other] for other in decided):
            return None
        if made["optimizer"] == "adamw" and self._adam_decays:
            return None
        try:
            Recipe(**made)
        except ValueError:
            return None
        return made

    def _repaired(self, made: dict[str, Any]) -> dict[str, Any]:
        if made["optimizer"] == "adamw" and not made["weight_decay"]:
            made["weight_decay"] = DECAY
        if made["optimizer"] == "adam" and not self._adam_decays:
            made["weight_decay"] = 0.0
        if made["frozen_share"] == 1 and self.base.frozen_share < 1:
            made["head_epochs"], made["frozen_batchnorm"] = 0, False
        if not made["head_epochs"]:
            made["head_learning_rate"] = None
        if made["augment"] != "none" or not (made["frozen_layers"] or made["frozen_share"]):
            made["features_once"] = False
        if made["cosine"]:
            made["reduce_on_plateau"] = None
        else:
            made["warmup"] = 0.0
        return made


@dataclass
class _Follow:
    """Suggests what a recipe says, and notes it."""

    recipe: Recipe

    def __post_init__(self) -> None:
        self.params: dict[str, Any] = {}

    def suggest_categorical(self, name: str, choices: Sequence[str]) -> str:
        self.params[name] = label(getattr(self.recipe, name.partition(":")[0]))
        return self.params[name]

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
        self.params[name] = getattr(self.recipe, name)
        return self.params[name]


def search_space(
    baseline: Baseline,
    frozen: Frozen,
    base: Recipe,
    *,
    has_weights: bool,
    fixed: Collection[str] = (),
    only: Collection[str] = (),
) -> Space:
    """Return what can be drawn around `base` for this model and contest: fields with an effect, values told apart.

    Parameters
    ----------
    has_weights : bool
        Whether the model starts from pretrained weights.
    fixed : collection of str
        Fields that stay as they are in `base`.
    only : collection of str
        The fields to draw; by default all that can be.

    Raises
    ------
    UsageError
        One of `only` cannot be drawn, or nothing is left to draw.
    """
    reasons: dict[str, str] = {}
    rows = []
    for row in SPACE:
        fixes = "--set fixes it" if row.field in fixed else ""
        reason = fixes or _without_effect(row, baseline, frozen, base, has_weights)
        if reason:
            reasons[row.field] = reason
        elif not only or row.field in only:
            rows.append(_told_apart(row, baseline, frozen, base))
    wide = Space(base, tuple(rows), frozenset(fixed))
    space = replace(wide, rows=tuple(row for row in rows if wide.offers(row)))
    for name in only:
        if name in space.fields:
            continue
        if name not in Recipe.__struct_fields__:
            raise UsageError(f"A recipe has no field {name!r}.", did_you_mean(name, [row.field for row in SPACE]))
        before = [other for row in SPACE if row.field == name for other in row.after if other not in reasons]
        beside = " or ".join(f"--field {other}" for other in before)
        why = LEFT_OUT.get(name) or reasons.get(name, "")
        raise UsageError(
            f"{name} is not searched for {baseline.name}: "
            f"{why or 'beside the other fields of this recipe no other value has an effect'}.",
            "Leave it out." if why or not beside else f"Add {beside}, or leave it out.",
        )
    if not space.rows:
        raise UsageError("Nothing is left to search: --set fixes all of it.", "Leave out a --set.")
    return space


def set_fields(recipe: Recipe, settings: Sequence[str]) -> tuple[Recipe, tuple[str, ...], frozenset[str]]:
    """Return `recipe` with `settings`, those of them that change it, and all fields they name.

    Unlike for `changed` a setting may say what the recipe has already: it then keeps the search from changing that.

    Examples
    --------
    >>> made, told, fixed = set_fields(Recipe(epochs=3), ["epochs=3", "cosine=true"])
    >>> made.cosine, told, sorted(fixed)
    (True, ('cosine=true',), ['cosine', 'epochs'])
    """
    told = list(settings)
    while True:
        try:
            made = changed(recipe, told)
        except UsageError as error:
            idle = [setting for setting in told if error.message.startswith(f"--set {setting} has no effect")]
            if not idle:
                raise
            told.remove(idle[0])
        else:
            return made, tuple(told), frozenset(setting.partition("=")[0].partition(".")[0] for setting in settings)


def changes(recipe: Recipe, base: Recipe) -> list[str]:
    """Return what ``--set`` takes to make `recipe` of `base`.

    Examples
    --------
    >>> changes(Recipe(epochs=3, cosine=True, learning_rate=3e-5), Recipe(epochs=3))
    ['learning_rate=0.00003', 'cosine=true']
    """
    words = []
    for name in Recipe.__struct_fields__:
        value, before = getattr(recipe, name), getattr(base, name)
        if value == before:
            continue
        if isinstance(value, Plateau) and value.factor == (before or Plateau()).factor:
            words.append(f"{name}.patience={value.patience}")
        else:
            words.append(f"{name}={label(value)}")
    return words


def _without_effect(row: Row, baseline: Baseline, frozen: Frozen, base: Recipe, has_weights: bool) -> str:
    """Return why no other value of a field would have an effect, or be of use; empty where one would."""
    if row.field in baseline.refused:
        return baseline.refused[row.field]
    if row.needs_weights and not has_weights:
        return "it starts without pretrained weights"
    if row.needs_weights and base.frozen_share == 1:
        return "only its head learns, and that is what it is for"
    if row.field == "frozen_share" and base.frozen_layers:
        return "its recipe counts what is frozen: frozen_layers"
    if row.field == "frozen_layers" and not base.frozen_layers:
        return "its recipe says what is frozen as a share: frozen_share"
    if row.field == "class_weights" and len(set(frozen.lock.counts["train"].values())) == 1:
        return "all classes of the contest have the same number of images"
    return ""


def _told_apart(row: Row, baseline: Baseline, frozen: Frozen, base: Recipe) -> Row:
    """Return `row` with the value of `base` among its own, and without those that say the same in other words."""
    own = getattr(base, row.field)
    if row.between:
        low, high = row.between
        return replace(row, between=(min(low, own), max(high, own)))
    meaning = {None: _model_own(baseline).get(row.field)}
    n_train = _train_images(frozen, base)
    kept: dict[Any, Any] = {}
    for value in (own, *row.values):
        means = min(value, n_train) if row.field == "batch_size" else meaning.get(value, value)
        kept.setdefault(means, value)
    values = tuple(kept.values())
    order = {value: place for place, value in enumerate(row.values)}
    return replace(row, values=tuple(sorted(values, key=lambda value: order.get(value, len(order)))))


def _model_own(baseline: Baseline) -> dict[str, Any]:
    """Return what a model does where the recipe leaves the choice to it."""
    own = getattr(baseline.build, "own", None)
    if own is not None:
        return asdict(own)
    # The backbones' head takes these as they are, but for its two dropouts, which are no one value.
    return {name: value for name, value in asdict(Choices()).items() if name != "dropout"}


def _train_images(frozen: Frozen, recipe: Recipe) -> int:
    n_train, n_val = (sum(frozen.lock.counts[split].values()) for split in ("train", "val"))
    if recipe.val_share is not None:
        n_train = round((n_train + n_val) * (1 - recipe.val_share))
    return min(n_train, recipe.train_limit or n_train)
