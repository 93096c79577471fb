"""Lesson 3: an interval for a hidden score."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harness.lessons.checking import must

Predict = Callable[[float, float, NDArray[np.float64]], tuple[float, float]]
BOARDS, ENTRIES = 400, 12
HELD, WIDEST = 0.88, 0.35


def draw_board(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return accuracies on val, val_shifted and hidden images, shape (ENTRIES + 1, 3).

    Entries differ in skill and in robustness, which do not go together; the hidden shift is harder or easier than the
    public one by the same amount for all, and by a little for each.
    """
    skill, robust = rng.normal(1.8, 0.5, ENTRIES + 1), rng.normal(0, 0.6, ENTRIES + 1)
    shifted = rng.normal(0.2, 0.3) + robust
    hidden = shifted + rng.normal(0, 0.35) + rng.normal(0, 0.15, ENTRIES + 1)
    return rng.binomial(400, 1 / (1 + np.exp(-np.stack([skill, shifted, hidden], axis=1)))) / 400


def check(predict: Predict) -> None:
    """Pass where the interval of `predict` holds the truth nearly as often as it says, and says something."""
    rng, held, widths, sides = np.random.default_rng(3), [], [], []
    for _ in range(BOARDS):
        *earlier, (val, shifted, truth) = draw_board(rng)
        low, high = map(float, predict(float(val), float(shifted), np.array(earlier)))
        must(low <= high, f"The lower end, {low:.3f}, is above the upper one, {high:.3f}.", "Return (low, high).")
        held.append(low <= truth <= high)
        widths.append(min(1.0, high) - max(0.0, low))
        sides.append(truth < low)
    share, width = float(np.mean(held)), float(np.mean(widths))
    must(
        width <= WIDEST,
        f"It holds the truth on {100 * share:.0f} % of the boards, since it is {100 * width:.0f} points wide: "
        "that says nothing.",
        f"It can be done with less than {100 * WIDEST:.0f} points: how much have earlier entries missed?",
    )
    must(
        share >= HELD or np.mean(sides) <= 0.6,
        f"It holds the truth on {100 * share:.0f} % of {BOARDS} boards, and the truth is below it on "
        f"{100 * np.mean(sides):.0f} %: validation has not seen the shift.",
        "Begin at the score on shifted images.",
    )
    must(
        share >= HELD,
        f"It holds the truth on {100 * share:.0f} % of {BOARDS} boards, and it should on 95 %: it knows of chance in "
        "the images alone, and not that the hidden shift is another one.",
        "Look at the column of hidden scores: by how much, and how differently, did they miss their shifted ones?",
    )
