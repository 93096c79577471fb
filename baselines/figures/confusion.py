"""Figure 3: which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, radians, sin
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.figures.style import (
    INK,
    NBSP,
    PAPER,
    QUIET,
    SHADE,
    SMALL,
    TEXT,
    line_height,
    page,
    percent,
    spoken,
    text_width,
    wrapped,
)
from harness.score.stats import wilson_interval

RAMP = (PAPER, "#7fb8d8", "#0072b2", "#00263d")  # each darker than the one before: its order survives a grey print
TILT = 50  # degrees
LINES = "#c4c4c4"


def confusion(path: Path, matrix: NDArray[np.int64], class_names: Sequence[str], title: str) -> None:
    """Draw a confusion matrix, with the recall of each class and the accuracy of all.

    Parameters
    ----------
    matrix : ndarray of shape (classes, classes), int64
        Images; rows are true classes, columns predicted ones.

    Notes
    -----
    The shade of a cell is the square root of its share of the row: on a linear one the mistakes of a good model
    would all be white.
    """
    from matplotlib.colors import LinearSegmentedColormap, to_rgb
    from matplotlib.patches import Rectangle

    k, n, hits = len(class_names), int(matrix.sum()), int(np.trace(matrix))
    note = "No images."
    if n:
        low, high = wilson_interval(hits, n)
        note = (
            f"n = {n:,} images, accuracy {percent(hits / n)} (95{NBSP}% interval {percent(low)} to {percent(high)}). "
            "Cells: images and share of the row (shade: its square root)."
        )
    names = [wrapped(spoken(name), 1.9, TEXT) for name in class_names]
    longest = max(text_width(line, TEXT) for lines in names for line in lines)
    thickest = line_height(TEXT) * max(len(lines) for lines in names)
    cell = max(0.68, min(1.3, 6.2 / k), thickest + 0.1, (thickest + 0.1) / sin(radians(TILT)))
    tilted = longest * sin(radians(TILT)) + thickest * cos(radians(TILT))
    totals = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, totals, out=np.full(matrix.shape, np.nan), where=totals > 0)
    ramp = LinearSegmentedColormap.from_list("ramp", RAMP)
    width = max(6.4, longest + k * cell + 1.9)
    with page(path, width, k * cell + tilted + 0.85, title, note) as figure:
        axes = figure.subplots()
        axes.set_xlim(-0.5, k - 0.5)
        axes.set_ylim(k - 0.5, -0.5)
        for (row, column), count in np.ndenumerate(matrix):
            fraction, right = share[row, column], row == column
            colour = to_rgb(ramp(np.sqrt(fraction)) if totals[row, 0] else SHADE)
            edge, order = (INK, 2) if right else (LINES, 1)
            axes.add_patch(
                Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, edgecolor=edge, lw=1.2, zorder=order)
            )
            text = f"{count:,}\n{percent(fraction)}" if count else "0"
            ink = readable_ink(colour) if count else QUIET
            weight = "bold" if right else "normal"
            axes.text(column, row, text, ha="center", va="center", color=ink, size=SMALL, weight=weight)
        labels = ["\n".join(lines) for lines in names]
        axes.set_xticks(range(k), labels, rotation=TILT, ha="right", va="center", rotation_mode="anchor")
        axes.set_yticks(range(k), labels)
        axes.tick_params(length=0)
        # Far enough down that the upper corner of a tilted name stays below the cells.
        axes.tick_params(axis="x", pad=4 + 36 * thickest * cos(radians(TILT)))
        axes.set_frame_on(False)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        beside: dict[str, Any] = {"textcoords": "offset points", "annotation_clip": False, "size": SMALL + 0.5}
        axes.annotate("recall", (k - 0.5, -0.5), (8, 5), color=QUIET, **beside)
        for row in range(k):
            of = int(totals[row, 0])
            text = f"{percent(share[row, row])}\nof {of:,}" if of else "no\nimages"
            axes.annotate(text, (k - 0.5, row), (8, 0), va="center", **beside)


def readable_ink(colour: Sequence[float]) -> str:
    """Return black or white, whichever stands out more on `colour`, three shares from 0 to 1.

    References
    ----------
    W3C, "Web Content Accessibility Guidelines 2.2", contrast ratio; the better of the two is never below 4.5.

    Examples
    --------
    >>> readable_ink((1.0, 1.0, 0.8)), readable_ink((0.0, 0.1, 0.3))
    ('black', 'white')
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    luminance = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
    return "black" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "white"
