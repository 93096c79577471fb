"""Lesson 5: an attack on a public board."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harness.lessons.checking import must

CLASSES, IMAGES, QUERIES = 8, 500, 200
AIM = 0.19
BOARDS = 5
Attack = Callable[[Callable[[NDArray], float], int, np.random.Generator], NDArray]


def check(attack: Attack) -> None:
    """Pass where `attack` scores `AIM` on average over boards, with the scores it may ask for."""
    best = [_attacked(attack, seed) for seed in range(BOARDS)]
    reached = float(np.mean(best))
    ends = f"It scores {100 * reached:.1f} % on average over {BOARDS} boards, and {100 * AIM:.0f} % is the aim"
    must(
        reached >= 0.14,
        f"{ends}: that is chance.",
        "What do those above 12.5 % have in common? Their labels are right a little more often, on each image.",
    )
    must(
        reached >= AIM,
        f"{ends}: the best of many draws is a single one still, and grows with the root of a logarithm.",
        "Use them all: let every submission that scored above chance vote on each image.",
    )


def _attacked(attack: Attack, seed: int) -> float:
    rng = np.random.default_rng(seed)
    truth, asked = rng.integers(CLASSES, size=IMAGES), 0

    def score(labels: NDArray) -> float:
        nonlocal asked
        asked += 1
        must(
            asked <= QUERIES,
            f"It has asked for more than {QUERIES} scores: the quota is used up.",
            "A quota is the oldest defence; make each score count.",
        )
        return float((_labels(labels) == truth).mean())

    return float((_labels(attack(score, IMAGES, rng)) == truth).mean())


def _labels(labels: NDArray) -> NDArray:
    labels = np.asarray(labels)
    must(
        labels.shape == (IMAGES,) and labels.dtype.kind in "iu" and labels.min() >= 0 and labels.max() < CLASSES,
        f"Expected {IMAGES} whole numbers from 0 to {CLASSES - 1}, got {labels.dtype} of shape {labels.shape}.",
    )
    return labels
