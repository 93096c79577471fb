"""What people see: messages and progress on stderr, tables on stdout, never wider than 80 columns by default."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

T = TypeVar("T")


def __getattr__(name: str) -> Any:
    # Made when first asked for: a verb that prints JSON, or help, need not load Rich.
    if name == "console":
        from rich.console import Console

        globals()["console"] = Console(stderr=True, highlight=False)
        return globals()["console"]
    raise AttributeError(name)


def output() -> Console:
    """Return the console for results on stdout; into a pipe it writes 80 columns."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 80)


def table(*columns: str, right: tuple[str, ...] = (), title: str | None = None) -> Table:
    """Return an empty table in the house style; the columns named in `right` hold numbers."""
    from rich import box
    from rich.table import Table

    made = Table(
        box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False, padding=(0, 1)
    )
    for column in columns:
        number = column in right
        made.add_column(column, justify="right" if number else "left", overflow="fold", no_wrap=number)
    return made


def bar(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Draw a progress bar on a terminal; elsewhere say once what is being done."""
    if not sys.stderr.isatty():
        print(f"{what}: {total}", file=sys.stderr)
        yield from items
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console: Console = __getattr__("console") if "console" not in globals() else globals()["console"]
    with Progress(*columns, console=console, transient=True) as progress:
        yield from progress.track(items, total=total, description=what)


def percent(value: float) -> str:
    """Write a share as a percentage with two decimals, so that order on the board can be seen.

    Examples
    --------
    >>> percent(0.98434)
    '98.43'
    """
    return f"{100 * value:.2f}"


def interval(low: float, high: float) -> str:
    """Write a 95 % interval of a share in percent.

    Examples
    --------
    >>> interval(0.93212, 0.9689)
    '93.2–96.9'
    """
    return f"{100 * low:.1f}–{100 * high:.1f}"


def plain(text: str) -> str:
    """Show control characters as escapes: what an entry printed must not steer the terminal.

    Examples
    --------
    >>> plain("red\\x1b[31m")
    'red\\\\x1b[31m'
    """
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
