"""What other packages add: verbs, models that can be trained by name, and what is done once an entry is on record.

A package offers a verb by the entry point group ``hemobench.commands`` (name and a click command), and models by
``hemobench.models`` (a function that returns their names; its package must also offer the verb ``train``).  The
baselines of this project come in through these two, and in no other way.  ``hemobench.recorded`` names a function that
is called with a `Recorded` after each submission: to send a message, or to publish the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Recorded:
    """An entry that is on record, as everybody may see it.

    Attributes
    ----------
    scores : mapping of str to mapping of str to float
        By split and metric, 0 to 1; without what is hidden while the contest is open, and empty of what was not scored.
    """

    workspace: Path
    contest: str
    lock: str
    entry: int
    name: str
    outcome: str
    scores: Mapping[str, Mapping[str, float]]


def commands() -> dict[str, Callable[[], Any]]:
    """Return the loaders of added verbs by name; nothing is imported until a loader is called."""
    from importlib.metadata import entry_points  # late: it takes as long to import as all of Click

    return {point.name: point.load for point in entry_points(group="hemobench.commands")}


def model_names() -> tuple[str, ...]:
    """Return the names of all models that ``train`` knows, in the order their packages give."""
    from importlib.metadata import entry_points

    return tuple(name for point in entry_points(group="hemobench.models") for name in point.load()())


def after_recording(event: Recorded) -> tuple[str, ...]:
    """Call what other packages do after a submission; return a note for each that failed.

    The entry is on record by then: no failure of theirs takes it away, or ends the command.
    """
    from importlib.metadata import entry_points

    notes = []
    for point in entry_points(group="hemobench.recorded"):
        try:
            point.load()(event)
        except Exception as error:  # whatever it is, it is not the entry's fault
            notes.append(
                f"{point.value} failed after entry {event.entry} was recorded: {error or type(error).__name__}"
            )
    return tuple(notes)
