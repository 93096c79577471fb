"""A recipe as a TOML file, which `baselines.recipe.read_recipe` reads back."""

from __future__ import annotations

from typing import Any

import msgspec

from baselines.recipe import Recipe
from harness.words import as_toml


def recipe_toml(recipe: Recipe, comment: str) -> str:
    """Return `recipe` as TOML under one line of comment; a field that is None is left out, for TOML has no word for it.

    Notes
    -----
    By hand, because what writes TOML is one more package, and a recipe is a table of words and numbers.

    Examples
    --------
    >>> print(recipe_toml(Recipe(epochs=3, optimizer="lion"), "Mine.")[:34])
    # Mine.
    epochs = 3
    batch_size = 32
    """
    fields: dict[str, Any] = msgspec.to_builtins(recipe)
    told = {name: value for name, value in fields.items() if value is not None}
    tables = {name: value for name, value in told.items() if isinstance(value, dict)}
    lines = [f"# {comment}", *(f"{name} = {as_toml(value)}" for name, value in told.items() if name not in tables)]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{inner} = {as_toml(value)}" for inner, value in table.items())]
    return "\n".join(lines) + "\n"
