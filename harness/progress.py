"""How long work tells where it is, without knowing who listens.

Functions that take long accept a `Track` and wrap their loop in it; the command line hands in one that draws a
bar on a terminal, everyone else gets `silent`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Track(Protocol):
    """Pass `items` on one by one and report how many of `total` are done; `what` names the work and its unit."""

    def __call__(self, items: Iterable[T], what: str, total: int) -> Iterator[T]: ...


def pace(n_done: int, n_left: int, seconds: float) -> str:
    """Write how long each took, and how long the rest will at that rate.

    Examples
    --------
    >>> pace(0, 5, 1.0), pace(4, 56, 10.0), pace(4, 0, 10.0)
    ('', '2.5 s each, 2 min left', '2.5 s each')
    """
    if not n_done:
        return ""
    each = seconds / n_done
    left = each * n_left
    return f"{each:.1f} s each" + (f", {in_short(left)} left" if n_left else "")


def in_short(seconds: float) -> str:
    """Write how long something takes.

    Examples
    --------
    >>> in_short(99), in_short(100), in_short(7200)
    ('99 s', '2 min', '2.0 h')
    """
    return (
        f"{seconds:.0f} s"
        if seconds < 100
        else f"{seconds / 60:.0f} min"
        if seconds < 6000
        else f"{seconds / 3600:.1f} h"
    )


def silent(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Pass `items` on and say nothing."""
    yield from items
