"""What other packages add: verbs of the command line, and models that can be trained by name.

A package offers a verb by the entry point group ``hemobench.commands`` (name and a click command), and models by
``hemobench.models`` (a function that returns their names; its package must also offer the verb ``train``).  The
baselines of this project come in through these two doors, and through no other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def commands() -> dict[str, Callable[[], Any]]:
    """Return the loaders of added verbs by name; nothing is imported until a loader is called."""
    from importlib.metadata import entry_points  # late: it takes as long to import as all of Click

    return {point.name: point.load for point in entry_points(group="hemobench.commands")}


def model_names() -> tuple[str, ...]:
    """Return the names of all models that ``train`` knows, in the order their packages give."""
    from importlib.metadata import entry_points

    return tuple(name for point in entry_points(group="hemobench.models") for name in point.load()())
