"""What people see: messages and progress on stderr, tables on stdout, as wide as the reader has room for.

``COLUMNS`` says how wide that is, else the terminal does.  A pipe has room for any table, one line a row.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO, TypeVar

from harness.words import plain

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")

LINE = 80  # columns of a sentence, however wide the screen
JOINED = "\x1f"  # stands for a blank at which no line is broken: of "p = 0.02" and "95 %"
LEAST = 12  # columns down to which a text folds
WORD = 20  # a word as long as that breaks only where nothing else does


class Column(NamedTuple):
    """A column of a table.

    Attributes
    ----------
    number : bool
        Set to the right and never folded; else text, which folds where there is no room.
    key : bool
        Tells the rows apart, so that it stands in each part of a table that was too wide for one.
    style : str
        As Rich has it.
    """

    name: str
    number: bool = False
    key: bool = False
    style: str = ""


def __getattr__(name: str) -> Any:
    # Made when first asked for: a verb that prints JSON, or help, need not load Rich.
    if name == "console":
        from rich.console import Console

        globals()["console"] = Console(stderr=True, highlight=False)
        return globals()["console"]
    raise AttributeError(name)


def width(stream: TextIO | None = None) -> int | None:
    """Return how many columns a line on stdout, or `stream`, may have; None in a pipe, where nothing is broken."""
    stream = stream or sys.stdout
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    return (os.get_terminal_size(stream.fileno()).columns or LINE) if stream.isatty() else None


def line_width(stream: TextIO | None = None) -> int:
    """Return how many columns a sentence on stdout, or `stream`, may have."""
    return min(LINE, width(stream) or LINE)


def output(columns: int | None = None) -> Console:
    """Return the console for results on stdout, by default as wide as a sentence may be."""
    from rich.console import Console

    # No markup and no emoji: titles, names and messages are shown as they were written.
    return Console(highlight=False, markup=False, emoji=False, width=columns or line_width())


def table(columns: Sequence[Column], rows: Iterable[Sequence[str | tuple[str, ...]] | None], title: str = "") -> None:
    """Print a table in which nothing is cut.

    Where it is too wide, texts fold; where that does not do, its columns are dealt to several tables, each with the
    key columns.  A number stands in one piece even where the screen has no room for it.

    Parameters
    ----------
    columns : sequence of Column
    rows : iterable
        A cell is a text, or several lines, which a pipe gets as one; None is a rule between rows.
    title : str
    """
    lines = [None if row is None else [_lines(cell) for cell in row] for row in rows]
    room = width() or 10**6
    keys = [at for at, column in enumerate(columns) if column.key]
    others = [at for at, column in enumerate(columns) if not column.key]
    for word, n_parts in itertools.product((WORD, LEAST), range(1, len(others) + 1)):
        sizes = _sizes(columns, lines, word)
        size = -(-len(others) // n_parts)
        parts = [sorted([*keys, *others[start : start + size]]) for start in range(0, len(others), size)]
        if all(_needs([sizes[at][0] for at in part], 1) <= room for part in parts):
            break
    for part in parts:
        _draw(
            [columns[at] for at in part],
            [None if row is None else [row[at] for at in part] for row in lines],
            [sizes[at] for at in part],
            room,
            title,
        )
        title = ""


def _lines(cell: str | tuple[str, ...]) -> tuple[str, ...]:
    from harness.cli._view.bars import carried

    lines = tuple(carried(plain(line)) for line in ((cell,) if isinstance(cell, str) else cell))
    return lines if width() else (", ".join(lines),)


def room_beside(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> int:
    """Return how many columns a table leaves for another one, where its texts are given as much as a long word."""
    sizes = _sizes(columns, [[_lines(cell) for cell in row] for row in rows], WORD)
    return (width() or 10**6) - sum(min(most, max(least, WORD)) for least, most in sizes) - 2 * len(sizes)


def _sizes(
    columns: Sequence[Column], rows: Iterable[Sequence[tuple[str, ...]] | None], word: int
) -> list[tuple[int, int]]:
    """Return of each column how narrow it may become, words of `word` letters whole, and how wide it wants to be."""
    from rich.cells import cell_len

    def longest(texts: Iterable[str]) -> int:
        return max(map(cell_len, texts), default=0)

    found = []
    full = [row for row in rows if row is not None]
    for at, column in enumerate(columns):
        lines = [line for row in full for line in row[at]]
        head, most = longest(column.name.split()), longest([column.name, *lines])
        words = min(word, longest(word for line in lines for word in line.split()))
        found.append((max(head, longest(lines)) if column.number else min(most, max(head, LEAST, words)), most))
    return found


def _needs(sizes: Sequence[int], gap: int) -> int:
    return sum(sizes) + gap * (len(sizes) - 1)


def _draw(
    columns: Sequence[Column],
    rows: Iterable[Sequence[tuple[str, ...]] | None],
    sizes: Sequence[tuple[int, int]],
    room: int,
    title: str,
) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    gap = 2 if _needs([least for least, _ in sizes], 2) <= room else 1
    widths = [most for _, most in sizes]
    while _needs(widths, gap) > room:
        slack = [at for at, (least, _) in enumerate(sizes) if widths[at] > least]
        if not slack:
            break
        widths[max(slack, key=lambda at: widths[at])] -= 1
    drawn = Table(
        box=box.SIMPLE_HEAD,
        show_header=any(column.name for column in columns),
        show_edge=False,
        pad_edge=False,
        padding=(0, gap - 1, 0, 0),
    )
    for column, size in zip(columns, widths, strict=True):
        side = "right" if column.number else "left"
        drawn.add_column(Text(column.name), width=size, justify=side, overflow="fold", style=column.style)  # type: ignore[arg-type]
    for row in rows:
        if row is None:
            drawn.add_section()
        else:
            drawn.add_row(*(Text("\n".join(lines)) for lines in row))
    console = output(max(room, _needs(widths, gap)))
    with console.capture() as made:
        if drawn.show_header:
            console.print()
        if title:
            console.print(Text(title, style="bold"))
        console.print(drawn)
    for line in made.get().splitlines():
        print(line.rstrip())


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


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """Show on a terminal that something is going on, and for how long; elsewhere say nothing.

    For one step of which nobody knows how far it is; what it prints on the way stands above.
    """
    if not sys.stderr.isatty():
        yield
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console: Console = __getattr__("console") if "console" not in globals() else globals()["console"]
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
        progress.add_task(what, total=None)
        yield


def quoted(lines: Iterable[str], indent: str = "  ") -> Iterator[str]:
    """Yield what an entry printed, each line cut to the width of the terminal and behind a bar."""
    from rich.text import Text

    width = __getattr__("console").width
    for line in lines:
        shown = Text(f"{indent}| {plain(line[: 4 * width])}")  # letters without a width of their own have an end, too
        shown.truncate(width, overflow="ellipsis")
        yield shown.plain


def wrapped(text: str, indent: str = "", *, start: str = "") -> str:
    """Break a text into lines, `start` before the first and the others indented; nothing in it steers the terminal."""
    import textwrap

    joined = re.sub(r" ([=<]) (?=[\d.])| (?=%)", lambda found: found[0].replace(" ", JOINED), plain(text))
    lines = textwrap.fill(joined, line_width(), initial_indent=start, subsequent_indent=indent, break_on_hyphens=False)
    return lines.replace(JOINED, " ")


def message(text: str, *, style: str = "") -> None:
    """Write a sentence to stderr; on a terminal it breaks between words, elsewhere nowhere.

    Parameters
    ----------
    style : str
        Of the first word: a colour as click has it.
    """
    import textwrap

    import click

    text = plain(text)
    if sys.stderr.isatty():
        # Only between words: what is longer than a line is a path or a hash, to be copied.
        text = textwrap.fill(text, line_width(sys.stderr), break_long_words=False, break_on_hyphens=False)
    first, blank, rest = text.partition(" ")
    click.echo(f"{click.style(first, fg=style, bold=True) if style else first}{blank}{rest}", err=True)
