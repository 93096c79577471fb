"""Sentences, lines with bars and matrices, for whatever stdout can carry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from harness.analysis.compare import Difference
from harness.cli._view import screen
from harness.cli._view.bars import bar, carried
from harness.format import PLACES, interval, percent, points, points_interval
from harness.score.estimate import Estimate

SHARE_BAR = 34  # letters
DIFFERENCE_BAR = 24  # without the line at 0
LEAST_BAR = 8  # where there is room for less, there is none


@dataclass(frozen=True)
class Share:
    """One line of a chart: a name, and what was measured of it."""

    name: str
    estimate: Estimate


@dataclass(frozen=True)
class Gain:
    """One line of a chart: a name, and by how much the first of two entries is ahead on `n` images."""

    name: str
    n: int
    difference: Difference
    n_groups: int = 0


def say(text: str, indent: str = "", *, style: str = "") -> None:
    """Print a sentence, broken where a line ends; nothing in it steers the terminal or is taken for markup."""
    from rich.text import Text

    screen.output().print(Text(screen.wrapped(carried(text), indent), style=style))


def title(text: str) -> None:
    """Print what stands over a chart, after an empty line."""
    say("")
    say(text, style="bold")


def shares(lines: Sequence[Share]) -> None:
    """Draw shares from 0 to 1 as bars; in percent, with their 95 % intervals and the number of images."""
    _chart(
        [
            (
                line.name,
                _sized(line.estimate.n, line.estimate.n_groups),
                percent(line.estimate.value),
                interval(line.estimate.low, line.estimate.high),
                partial(bar, line.estimate.value, line.estimate.low, line.estimate.high),
            )
            for line in lines
        ],
        SHARE_BAR,
    )


def gains(lines: Sequence[Gain]) -> None:
    """Draw differences as bars to either side of 0, on an axis that holds the largest of them; in points."""
    ends = max((abs(line.difference.value) for line in lines), default=0.0) * 1.25 or 1.0
    _chart(
        [
            (
                line.name,
                _sized(line.n, line.n_groups),
                points(line.difference.value),
                points_interval(line.difference.low, line.difference.high),
                partial(bar, line.difference.value, line.difference.low, line.difference.high, ends=(-ends, ends)),
            )
            for line in lines
        ],
        DIFFERENCE_BAR,
    )


def _sized(n: int, n_groups: int) -> str:
    return f"{n} of {n_groups}" if n_groups else str(n)


def images(by: str) -> str:
    """Say which images classes and corruptions are counted on, where the split `by` decides."""
    return "the whole hidden test" if by == "private" else PLACES[by]


def _chart(rows: Sequence[tuple[str, str, str, str, Callable[..., str]]], longest: int) -> None:
    """Print a line for each row, with a bar of at most `longest` letters where there is room for one."""
    texts: list[tuple[str, ...]] = [row[:-1] for row in rows]
    columns = [screen.Column("", number=at > 0, key=at == 0) for at in range(4)]
    # Of an even number of letters, so that the line at 0 stands in the middle; it is one letter more itself.
    if (size := min(longest, (screen.room_beside(columns, texts) - 1) // 2 * 2)) >= LEAST_BAR:
        columns.append(screen.Column("", style="cyan"))
        texts = [(*text, row[-1](width=size)) for text, row in zip(texts, rows, strict=True)]
    screen.table(columns, texts)


def matrix(heading: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose first column holds names and whose others hold numbers."""
    names = screen.Column("", key=True)
    screen.table([names, *(screen.Column(column, number=True) for column in columns)], rows, heading)
