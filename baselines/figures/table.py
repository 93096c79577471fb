"""Columns of numbers beside the bars or dots they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from baselines.figures.style import INK, QUIET, SMALL, TEXT, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GAP, PAD = 0.2, 0.08  # inches, between columns and at both sides


@dataclass(frozen=True)
class Column:
    """One column: its heading, and a cell for each row from the top."""

    heading: str
    cells: Sequence[str]
    colour: str = INK
    bold: bool = False

    @property
    def width(self) -> float:
        """What the widest of its texts needs, in inches."""
        cells = (text_width(cell, TEXT, bold=self.bold) for cell in self.cells)
        return max(text_width(self.heading, SMALL), *cells, 0.0)


def table_width(columns: Sequence[Column]) -> float:
    """Return the width of the columns with all gaps, in inches."""
    return sum(column.width for column in columns) + GAP * (len(columns) - 1) + 2 * PAD


def draw_table(axes: Axes, columns: Sequence[Column]) -> None:
    """Write the columns into `axes`, `table_width` wide, whose y axis counts the rows; all are set flush right."""
    axes.set_axis_off()
    axes.set_xlim(0, table_width(columns))
    x = PAD - GAP
    for column in columns:
        x += GAP + column.width
        above = axes.get_xaxis_transform()
        axes.annotate(
            column.heading, (x, 1), (0, 3), xycoords=above, textcoords="offset points", ha="right", size=SMALL,
            color=QUIET,
        )  # fmt: skip
        for row, cell in enumerate(column.cells):
            weight = "bold" if column.bold else "normal"
            axes.text(x, row, cell, ha="right", va="center", size=TEXT, color=column.colour, weight=weight)
