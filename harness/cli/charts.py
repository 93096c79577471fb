"""Sentences, lines with bars and matrices within 80 columns, for whatever stdout can carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.cli import screen
from harness.cli.bars import bar, carried
from harness.score.card import Estimate
from harness.score.compare import Difference

SHARE_BAR = 34  # letters
DIFFERENCE_BAR = 24  # without the line at 0
NAME = 20  # letters of a name; longer ones fold
# How a sentence calls a split that decides.
HALVES = {"public": "the public half", "private": "the private half", "val_shifted": "shifted validation"}


@dataclass(frozen=True)
class Share:
    """One line of a chart: a name, and what was measured of it."""

    name: str
    estimate: Estimate


@dataclass(frozen=True)
class Gain:
    """One line of a chart: a name, and by how much the first of two entries is ahead on `n` pictures."""

    name: str
    n: int
    difference: Difference


def say(text: str, indent: str = "", *, style: str = "") -> None:
    """Print a sentence, broken at 80 columns; nothing in it steers the terminal, and nothing is taken for markup."""
    from rich.text import Text

    from harness.cli.audit import wrapped

    screen.output().print(Text(wrapped(carried(text), indent), style=style))


def title(text: str) -> None:
    """Print what stands over a chart, after an empty line."""
    say("")
    say(text, style="bold")


def shares(lines: Sequence[Share]) -> None:
    """Draw shares from 0 to 1 as bars; in percent, with their 95 % intervals and the number of pictures."""
    _chart(
        [
            (
                line.name,
                str(line.estimate.n),
                screen.percent(line.estimate.value),
                screen.interval(line.estimate.low, line.estimate.high),
                bar(line.estimate.value, line.estimate.low, line.estimate.high, width=SHARE_BAR),
            )
            for line in lines
        ]
    )


def gains(lines: Sequence[Gain]) -> None:
    """Draw differences as bars to either side of 0, on an axis that holds the largest of them; in points."""
    ends = max((abs(line.difference.value) for line in lines), default=0.0) * 1.25 or 1.0
    _chart(
        [
            (
                line.name,
                str(line.n),
                points(line.difference.value),
                spread(line.difference),
                bar(
                    line.difference.value,
                    line.difference.low,
                    line.difference.high,
                    width=DIFFERENCE_BAR,
                    ends=(-ends, ends),
                ),
            )
            for line in lines
        ]
    )


def points(difference: float) -> str:
    """Write a difference of shares in points, with its sign.

    Examples
    --------
    >>> points(0.0234), points(-0.2)
    ('+2.3', '−20.0')
    """
    return f"{100 * difference:+.1f}".replace("-", "−")


def spread(difference: Difference) -> str:
    """Write the 95 % interval of a difference in points.

    Examples
    --------
    >>> spread(Difference(0.02, -0.005, 0.045))
    '−0.5 to 4.5'
    """
    low, high = (f"{100 * end:.1f}".replace("-", "−") for end in (difference.low, difference.high))
    return f"{low} to {high}"


def pictures(by: str) -> str:
    """Say which pictures classes and corruptions are counted on, where the split `by` decides."""
    return "the whole hidden test" if by == "private" else HALVES[by]


def _chart(rows: Sequence[tuple[str, ...]]) -> None:
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    drawn.add_column(max_width=NAME, overflow="fold")
    for _ in rows[0][1:-1] if rows else ():
        drawn.add_column(justify="right", no_wrap=True)
    drawn.add_column(no_wrap=True, style="cyan")
    for row in rows:
        drawn.add_row(*(Text(carried(screen.plain(cell))) for cell in row))
    screen.output().print(drawn)


def matrix(heading: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose first column holds names and whose others hold numbers."""
    from rich.text import Text

    title(heading)
    drawn = screen.table("", *columns, right=tuple(columns))
    drawn.padding = (0, 1, 0, 0)  # many columns
    for row in rows:
        drawn.add_row(*(Text(carried(screen.plain(cell))) for cell in row))
    screen.output().print(drawn)
