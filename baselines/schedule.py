"""What an epoch owes to those before it: the learning rate, when to stop, which epoch was best.

All of it is computed from the history alone, so a training that is taken up again needs no other memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi

import msgspec

from baselines.recipe import Recipe


class Epoch(msgspec.Struct, frozen=True):
    """One row of ``history.csv``; losses are mean cross-entropies, accuracies shares."""

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    compile_seconds: float = 0.0  # of these, what the first step of a sitting took beyond the median step


def learning_rate(recipe: Recipe, history: Sequence[Epoch], done: float) -> float:
    """Return the learning rate of the next step.

    Parameters
    ----------
    history : sequence of Epoch
        The epochs that are complete.
    done : float, 0 to 1
        Share of the whole training that lies behind.

    Examples
    --------
    >>> learning_rate(Recipe(epochs=4, learning_rate=0.1, cosine=True), [], 0.5)
    0.05
    """
    if recipe.cosine:
        rise = min(1.0, done / recipe.warmup) if recipe.warmup else 1.0
        return recipe.learning_rate * rise * 0.5 * (1 + cos(pi * done))
    if recipe.reduce_on_plateau is None:
        return recipe.learning_rate
    rate, lowest, waited = recipe.learning_rate, float("inf"), 0
    for row in history:
        waited = 0 if row.val_loss < lowest else waited + 1
        lowest = min(lowest, row.val_loss)
        if waited == recipe.reduce_on_plateau.patience:
            rate, waited = rate * recipe.reduce_on_plateau.factor, 0
    return rate


def is_over(recipe: Recipe, history: Sequence[Epoch]) -> bool:
    """Tell whether the last epoch was the last one."""
    if len(history) >= recipe.epochs:
        return True
    if recipe.early_stopping is None or not history:
        return False
    lowest = min(range(len(history)), key=lambda index: history[index].val_loss)
    return len(history) - 1 - lowest >= recipe.early_stopping


def best_epoch(history: Sequence[Epoch]) -> Epoch:
    """Return the epoch with the highest validation accuracy, of equals the one with the lowest loss, then the first."""
    return max(history, key=lambda row: (row.val_accuracy, -row.val_loss, -row.epoch))
