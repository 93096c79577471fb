"""The worst mistakes: images of which a model was wrong and most sure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from baselines.figures.style import (
    DPI,
    MARGIN,
    QUIET,
    SMALL,
    TEXT,
    line_height,
    page,
    percent,
    place,
    spoken,
    tile,
    wrapped,
    write,
)
from harness.words import counted

COLUMNS = 3
COLUMN, SIDE = 3.35, 96  # inches; pixels
CAPTION = COLUMN - SIDE / DPI - 0.25


def mistakes(
    path: Path,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    y_prob: NDArray[np.float32],
    class_names: Sequence[str],
    title: str,
    most: int = 24,
) -> None:
    """Draw the images whose class was missed, the surest mistake first, at most `most` of them.

    Parameters
    ----------
    images : ndarray of shape (n, h, w, 3), uint8
    labels : ndarray of shape (n,), int64
    y_prob : ndarray of shape (n, classes), float32, rows sum to 1
    most : int
    """
    predicted = y_prob.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    sureness = y_prob[wrong, predicted[wrong]]
    worst = wrong[np.argsort(-sureness, kind="stable")][:most]  # stable: of equals the first image
    captions = []
    for index in worst:
        true, guess = int(labels[index]), int(predicted[index])
        name = wrapped(spoken(class_names[true]), CAPTION, TEXT, bold=True)
        taken = wrapped(f"→ {spoken(class_names[guess])}, {percent(y_prob[index, guess])}", CAPTION, TEXT)
        captions.append((name, taken, f"true class: {percent(y_prob[index, true])}"))
    if not len(wrong):
        note = f"No mistakes in {counted(len(labels), 'image')}." if len(labels) else "No images."
    else:
        shown = f"the {len(worst)} surest of them" if len(worst) < len(wrong) else "the surest first"
        note = (
            f"{len(wrong):,} of {len(labels):,} images are wrong; {shown}. Bold: the true class; arrow: the "
            "predicted one, with its probability; last: the probability of the true class."
        )
    heights = []
    for start in range(0, len(captions), COLUMNS):
        lines = max(len(name) + len(taken) for name, taken, _ in captions[start : start + COLUMNS])
        heights.append(max(SIDE / DPI, lines * line_height(TEXT) + line_height(SMALL)) + 0.12)
    width = 2 * MARGIN + COLUMNS * COLUMN - 0.15
    height = sum(heights) + MARGIN
    with page(path, width, height, title, note) as figure:
        for position, (index, (name, taken, rest)) in enumerate(zip(worst, captions, strict=True)):
            row, column = divmod(position, COLUMNS)
            x, y = MARGIN + column * COLUMN, height - sum(heights[:row])
            place(figure, tile(images[index], SIDE), x, y)
            x += SIDE / DPI + 0.1
            write(figure, x, y, "\n".join(name), weight="bold")
            write(figure, x, y - len(name) * line_height(TEXT), "\n".join(taken))
            write(figure, x, y - len(name + taken) * line_height(TEXT), rest, size=SMALL, color=QUIET)
