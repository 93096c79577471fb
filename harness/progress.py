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


def silent(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Pass `items` on and say nothing."""
    yield from items
