"""From a recipe to an optimizer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras

from baselines.optimizers.ranger import Ranger
from baselines.recipe import Recipe

OPTIMIZERS: dict[str, Callable[..., keras.optimizers.Optimizer]] = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "nadam": keras.optimizers.Nadam,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
    "lion": keras.optimizers.Lion,
    "ranger": Ranger,
}


def make_optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    """Return the recipe's optimizer, with its weight decay and its averaged weights; SGD with Nesterov's momentum."""
    more: dict[str, Any] = {"momentum": 0.9, "nesterov": True} if recipe.optimizer == "sgd" else {}
    if recipe.ema is not None:
        more |= {"use_ema": True, "ema_momentum": recipe.ema}
    return OPTIMIZERS[recipe.optimizer](
        learning_rate=recipe.learning_rate, weight_decay=recipe.weight_decay or None, **more
    )


@contextlib.contextmanager
def averaged(optimizer: keras.optimizers.Optimizer, variables: Sequence[keras.Variable]) -> Iterator[None]:
    """Put the averaged weights in place for the block, where the optimizer keeps any, and the learnt ones after it."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # mixed_float16 wraps it, to scale the loss
    if not optimizer.use_ema:
        yield
        return
    kept = [keras.ops.convert_to_numpy(variable) for variable in variables]
    optimizer.finalize_variable_values(variables)
    try:
        yield
    finally:
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)
