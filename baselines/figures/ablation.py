"""Comparisons: accuracies with their intervals in a column, and reported against measured ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from baselines.figures.callouts import name_points
from baselines.figures.style import (
    BLUE,
    MARGIN,
    NBSP,
    QUIET,
    SHADE,
    TEXT,
    VERMILION,
    line_height,
    page,
    text_width,
    wrapped,
)
from baselines.figures.table import Column, draw_table, table_width

WIDTH, NAME = 9.2, 2.6  # inches: of the figure, and at most of a row's name


def intervals(
    path: Path,
    rows: Sequence[tuple[str, float, float, float]],
    title: str,
    xlabel: str,
    reported: Mapping[str, float] = MappingProxyType({}),
    *,
    differences: bool = False,
) -> None:
    """Draw a dot with its interval for each row, from the top, and beside it the value that was reported.

    Parameters
    ----------
    rows : sequence of (label, value, low, high), at least one; percent
    xlabel : str
    reported : mapping from label to float, percent
        Labels that are no row are left out, so that one table of reported values serves many figures.
    differences : bool
        The values are differences, in points: they carry a sign, and a line marks 0.
    """

    def number(value: float) -> str:
        return f"{value:{'+' if differences else ''}.1f}".replace("-", "−")

    names = [wrapped(label, NAME, TEXT) for label, *_ in rows]
    known = {place: reported[label] for place, (label, *_) in enumerate(rows) if label in reported}
    columns = [
        Column("measured", [number(value) + ("" if differences else f"{NBSP}%") for _, value, *_ in rows], bold=True),
        Column("95 % interval", [f"{number(low)} to {number(high)}" for *_, low, high in rows], QUIET),
    ]
    if known:
        cells = [f"{known[place]:.1f}{NBSP}%" if place in known else "" for place in range(len(rows))]
        columns.append(Column("reported", cells, VERMILION))
    beside = table_width(columns)
    longest = max(text_width(line, TEXT) for lines in names for line in lines)
    step = max(0.34, 0.14 + line_height(TEXT) * max(len(lines) for lines in names))
    with page(path, WIDTH, 1.1 + step * len(rows) + (0.3 if known else 0), title) as figure:
        axes, table = figure.subplots(
            1, 2, sharey=True, width_ratios=(max(2.5, WIDTH - longest - beside - 5 * MARGIN), beside)
        )
        for place, (_, value, low, high) in enumerate(rows):
            if place % 2 == 0:
                for panel in (axes, table):
                    panel.axhspan(place - 0.5, place + 0.5, color=SHADE, alpha=0.6, lw=0, zorder=0)
            axes.plot([low, high], [place, place], color=BLUE, lw=1.8, marker="|", ms=8, mew=1.8)
            axes.plot(value, place, color=BLUE, marker="o", ms=6.5, ls="none", label="measured, with its 95 % interval")
        # Below the interval, not on it: one of the two would hide the other.
        below = [place + 0.115 / step for place in known]
        if known:
            axes.plot(
                list(known.values()), below, marker="D", ms=5, mfc="none", mec=VERMILION, mew=1.5, ls="none",
                label="reported",
            )  # fmt: skip
        axes.set_yticks(range(len(rows)), ["\n".join(lines) for lines in names])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(xlabel)
        axes.grid(axis="x")
        if differences:
            axes.axvline(0, color=QUIET, lw=1.0, zorder=1)
        draw_table(table, columns)
        # The band goes on under the numbers.
        table.set_axis_on()
        table.set_frame_on(False)
        table.tick_params(left=False, labelleft=False, bottom=False, labelbottom=False)
        if known:
            entries = {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
            figure.legend(list(entries.values()), list(entries), loc="outside lower left", ncols=2)


def scatter(path: Path, points: Sequence[tuple[str, float, float]], title: str, xlabel: str, ylabel: str) -> None:
    """Draw what was measured against what was reported, each point with its name.

    Parameters
    ----------
    points : sequence of (label, reported, measured), at least one
    xlabel, ylabel : str

    Notes
    -----
    Both axes have one scale: on the dashed diagonal a point was measured as it was reported.
    """
    values = np.array([point[1:] for point in points], float)
    low, high = float(values.min()), float(values.max())
    pad = max(0.08 * (high - low), 0.5)
    ends = low - pad, high + pad
    with page(path, 7.4, 7.3, title) as figure:
        axes = figure.subplots()
        axes.set_aspect("equal")
        axes.set_xlim(ends)
        axes.set_ylim(ends)
        axes.grid()
        (diagonal,) = axes.plot(ends, ends, color=QUIET, lw=1.2, ls="--")
        axes.plot(values[:, 0], values[:, 1], color=BLUE, marker="o", ms=6.5, mec="w", mew=0.8, ls="none")
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        figure.legend([diagonal], ["measured as reported"], loc="outside lower left")
        name_points(figure, axes, points)
