"""Figure 1: how many images each class has, before and after cleaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from baselines.figures.style import (
    BLUE,
    MARGIN,
    PAPER,
    QUIET,
    TEXT,
    line_height,
    page,
    percent,
    spoken,
    text_width,
    wrapped,
)
from baselines.figures.table import Column, draw_table, table_width

WIDTH, NAME = 8.6, 2.0  # inches: of the figure, and at most of a class's name


def label_distribution(
    path: Path, class_names: Sequence[str], before: Mapping[str, int], after: Mapping[str, int], title: str
) -> None:
    """Draw one bar per class: what cleaning kept of it and what it removed, with the counts beside.

    Parameters
    ----------
    class_names : sequence of str
        In the order of the bars, from the top.
    before, after : mapping from class name to int
        Images of the class; one that is not named has none.

    Notes
    -----
    A class may also grow, where cleaning corrects labels: such a row says how many were added.
    """
    names = [wrapped(spoken(name), NAME, TEXT) for name in class_names]
    old, new = ([counts.get(name, 0) for name in class_names] for counts in (before, after))
    total = sum(new)
    changes = [f"{was - now:,}" if was >= now else f"added {now - was:,}" for was, now in zip(old, new, strict=True)]
    columns = (
        Column("before", [f"{count:,}" for count in old], QUIET),
        Column("removed", changes),
        Column("after", [f"{count:,}" for count in new], bold=True),
        Column("share", [percent(count / total) if total else "–" for count in new], QUIET),
    )
    beside = table_width(columns)
    longest = max((text_width(line, TEXT) for lines in names for line in lines), default=0)
    row = max(0.34, 0.12 + line_height(TEXT) * max((len(lines) for lines in names), default=1))
    note = f"{sum(old):,} images before cleaning, {total:,} after."
    with page(path, WIDTH, 1.3 + row * len(names), title, note) as figure:
        bars, table = figure.subplots(
            1, 2, sharey=True, width_ratios=(max(2.0, WIDTH - longest - beside - 5 * MARGIN), beside)
        )
        rows = range(len(names))
        # Hatched behind plain: what sticks out was removed, in print without colours too.
        bars.barh(rows, old, 0.7, color=PAPER, edgecolor=QUIET, hatch="/////", label="removed by cleaning")
        bars.barh(rows, new, 0.7, color=BLUE, edgecolor=BLUE, label="left after cleaning")
        bars.set_yticks(rows, ["\n".join(lines) for lines in names])
        bars.set_ylim(len(names) - 0.5, -0.5)
        bars.set_xlim(0, max(1, *old, *new) * 1.03)
        bars.tick_params(axis="y", length=0)
        bars.locator_params(axis="x", integer=True, nbins=5)
        bars.xaxis.set_major_formatter("{x:,.0f}")
        bars.set_xlabel("images")
        bars.grid(axis="x")
        draw_table(table, columns)
        figure.legend(*(part[::-1] for part in bars.get_legend_handles_labels()), loc="outside lower left", ncols=2)
