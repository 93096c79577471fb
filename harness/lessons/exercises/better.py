"""Lesson 4: which of two recipes is better, from several seeds of each on the same images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harness.lessons.checking import must

Verdict = Callable[[NDArray[np.bool_], NDArray[np.bool_]], str]
SEEDS, IMAGES, PAIRS = 5, 300, 200
FALSE_ALARMS, FOUND = 0.12, 0.6


def draw_pair(rng: np.random.Generator, gain: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what the runs of two recipes have right; `gain` is by how much the first is better, in logits.

    Images differ in difficulty, for all and for each recipe: the seeds of a recipe mostly miss the same ones.
    """
    difficulty = rng.normal(1, 1.2, IMAGES)
    recipes = []
    for more in (gain, 0.0):
        logits = difficulty + more + rng.normal(0, 1, IMAGES) + rng.normal(0, 0.12, (SEEDS, 1))
        recipes.append(rng.random((SEEDS, IMAGES)) < 1 / (1 + np.exp(-logits)))
    return recipes[0], recipes[1]


def check(verdict: Verdict) -> None:
    """Pass where `verdict` seldom calls equal recipes different, and mostly finds a clear difference."""
    rng = np.random.default_rng(4)
    said = {
        gain: [_asked(verdict, *draw_pair(rng, gain)) for _ in range(PAIRS)] for gain in (0.0, 1.0, -1.0)
    }  # by the true gain of a
    alarms = np.mean([answer != "unclear" for answer in said[0.0]])
    must(
        alarms < 0.9,
        f"Of {PAIRS} pairs of equally good recipes it calls {100 * alarms:.0f} % different: the larger mean is always "
        "somebody's.",
        "Say unclear unless the difference is larger than chance makes it.",
    )
    must(
        alarms <= FALSE_ALARMS,
        f"Of {PAIRS} pairs of equally good recipes it calls {100 * alarms:.0f} % different, and 5 % is the aim: "
        f"{SEEDS} runs on {IMAGES} images are not {SEEDS * IMAGES} independent answers: seeds miss the same images.",
        "Take the mean over seeds of each image first, then ask how that varies from image to image and seed to seed.",
    )
    for gain, better, worse in ((1.0, "a", "b"), (-1.0, "b", "a")):
        must(
            np.mean([answer == worse for answer in said[gain]]) < 0.05,
            f'It says "{worse}" where {better} is clearly better.',
            "Which argument is which?",
        )
        found = np.mean([answer == better for answer in said[gain]])
        must(
            found >= FOUND,
            f"Where {better} is clearly better, by some 10 points, it finds that in {100 * found:.0f} % of the pairs.",
            "Compare on the same images: what both have right or wrong cancels out, and the interval gets narrow.",
        )


def _asked(verdict: Verdict, a: NDArray[np.bool_], b: NDArray[np.bool_]) -> str:
    answer = verdict(a, b)
    must(answer in ("a", "b", "unclear"), f'Expected "a", "b" or "unclear", got {answer!r}.')
    return answer
