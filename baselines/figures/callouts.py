"""Names beside the points of a chart, so placed that none hides another."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, hypot, inf, pi, sin
from typing import TYPE_CHECKING

import numpy as np

from baselines.figures.style import QUIET, SMALL, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Dot = tuple[float, float]
Box = tuple[float, float, float, float]  # left, bottom, right, top
NAME = 1.7  # inches, at most, before a name goes on in the next line
DISTANCES = (6, 14, 24, 36, 50, 66, 84, 104, 126, 150)  # points, from a dot to its name
REACH = 4.0  # points, half of a dot
SWEEPS = 4  # rounds in which each name may move, now that it knows of the others
LEADER = 9.0  # points; a name farther from its dot has a line to it


def name_points(figure: Figure, axes: Axes, points: Sequence[tuple[str, float, float]]) -> None:
    """Write the name of each point, (name, x, y), beside it; the diagonal of the axes is kept free if that is easy."""
    figure.draw_without_rendering()  # settles where the axes lie, and with them the points
    figure.set_layout_engine("none")
    unit = figure.dpi / 72
    left, bottom, right, top = (float(edge) / unit for edge in axes.get_window_extent().extents)
    dots = [(float(x) / unit, float(y) / unit) for x, y in axes.transData.transform([point[1:] for point in points])]
    texts = [
        axes.text(0, 0, "\n".join(wrapped(name, NAME, SMALL)), size=SMALL, transform=None, ha="left", va="bottom")
        for name, *_ in points
    ]
    sizes = [(float(box.width) / unit, float(box.height) / unit) for box in (t.get_window_extent() for t in texts)]
    boxes = place_names(dots, sizes, (left, bottom, right, top), ((left, bottom), (right, top)))
    for text, dot, box in zip(texts, dots, boxes, strict=True):
        text.set_position((box[0] * unit, box[1] * unit))
        if leader(dot, box):
            x, y = _nearest(dot, box)
            ends = [dot[0] * unit, x * unit], [dot[1] * unit, y * unit]
            axes.plot(*ends, color=QUIET, lw=0.8, transform=None, zorder=1.5)


def place_names(dots: Sequence[Dot], sizes: Sequence[Dot], frame: Box, line: tuple[Dot, Dot]) -> list[Box]:
    """Return a box for each name, the nearest to its dot that covers least.

    Parameters
    ----------
    dots : sequence of (x, y), points
    sizes : sequence of (width, height), points
        Of the names.
    frame : (left, bottom, right, top), points
        Names stay within it.
    line : two (x, y), points
        Ends of a line that a name had better not lie on.
    """
    points = [_around(dot, REACH) for dot in dots]
    faint, inside = np.array(_along(*line)), np.array([frame])
    placed: dict[int, Box] = {}
    for _ in range(SWEEPS):
        before = dict(placed)
        for place, (dot, size) in enumerate(zip(dots, sizes, strict=True)):
            others = [(dots[other], box) for other, box in placed.items() if other != place]
            taken = np.array(
                points + [box for _, box in others] + [piece for pair in others for piece in leader(*pair)]
            )
            placed[place] = _best(dot, size, taken, faint, inside)
        if placed == before:
            break
    return [placed[place] for place in range(len(dots))]


def _best(dot: Dot, size: Dot, taken: np.ndarray, faint: np.ndarray, inside: np.ndarray) -> Box:
    """Return the place of least cost; of equals the nearest to `dot`."""
    best, least = (0.0, 0.0, 0.0, 0.0), inf
    for box in _places(dot, *size):
        outside = size[0] * size[1] - _overlap(box, inside)
        # A name on another cannot be read; a line across one can, and off the dashes it is only nicer.
        cost = 1000 * (_overlap(box, taken) + outside) + _overlap(box, faint)
        if cost < least:
            # The pieces of the leader in the dot itself cross nothing but what the dot covers already.
            cost += 5 * sum(_overlap(piece, taken) for piece in leader(dot, box)[int(REACH) + 1 :])
        if cost < least:
            best, least = box, cost
        if least < 0.01:
            break
    return best


def leader(dot: Dot, box: Box) -> list[Box]:
    """Return the line from `dot` to its name in small boxes; none where they are near enough to do without."""
    end = _nearest(dot, box)
    return _along(dot, end) if hypot(end[0] - dot[0], end[1] - dot[1]) > LEADER else []


def _places(dot: Dot, width: float, height: float) -> list[Box]:
    """Return where a box of that size may stand around `dot`, the nearest first, and of those on its right."""
    places = []
    for distance in DISTANCES:
        for sixteenth in (0, 8, 2, 14, 6, 10, 4, 12, 1, 15, 7, 9, 3, 5, 11, 13):
            dx, dy = cos(sixteenth * pi / 8), sin(sixteenth * pi / 8)
            left = dot[0] + dx * distance - width * (1 - round(dx)) / 2
            bottom = dot[1] + dy * distance - height * (1 - round(dy)) / 2
            places.append((left, bottom, left + width, bottom + height))
    return places


def _nearest(dot: Dot, box: Box) -> Dot:
    return min(max(dot[0], box[0]), box[2]), min(max(dot[1], box[1]), box[3])


def _along(start: Dot, end: Dot) -> list[Box]:
    """Return boxes, two points wide and next to each other, on the line from `start` to `end`."""
    pieces = max(2, round(hypot(end[0] - start[0], end[1] - start[1]) / 2))
    return [_around((float(x), float(y)), 1.0) for x, y in np.linspace(start, end, pieces)]


def _around(dot: Dot, reach: float) -> Box:
    return dot[0] - reach, dot[1] - reach, dot[0] + reach, dot[1] + reach


def _overlap(box: Box, others: np.ndarray) -> float:
    """Return the area that `box` shares with `others`, shape (n, 4)."""
    wide = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    high = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    return float((wide.clip(0) * high.clip(0)).sum())
