"""Lesson 1: a division that keeps copies together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harness.lessons.checking import must

Split = Callable[[NDArray[np.int64], float, np.random.Generator], NDArray[np.bool_]]
DRAWS = 60


def check(split: Split) -> None:
    """Pass where `split` keeps groups whole, keeps to the share, and lets any group come into validation."""
    groups = np.random.default_rng(1).permutation(np.repeat(np.arange(100, 190), np.tile([1, 1, 2, 3], 23)[:90]))
    seen = first = np.zeros(len(groups), bool)
    for seed in range(DRAWS):
        share = (0.2, 0.3)[seed % 2]
        chosen = split(groups.copy(), share, np.random.default_rng(seed))
        must(
            isinstance(chosen, np.ndarray) and chosen.dtype == bool and chosen.shape == groups.shape,
            f"Expected an array of {len(groups)} truth values, got {_said(chosen)}.",
        )
        for group in np.unique(groups):
            rows = np.flatnonzero(groups == group)
            if chosen[rows].any() and not chosen[rows].all():
                here, there = rows[chosen[rows]][0], rows[~chosen[rows]][0]
                must(
                    False,
                    f"Image {here} is in validation, and image {there}, a copy of it (group {group}), in training: "
                    "the model has seen the answer.",
                    "Draw groups, not images: every image of a group goes where its group goes.",
                )
        must(
            abs(chosen.mean() - share) <= 0.1,
            f"{100 * share:.0f} % of the images were asked for, and {100 * chosen.mean():.0f} % are in validation.",
            "Take groups in a random order until the share is reached.",
        )
        seen = seen | chosen
        first = chosen if seed == 0 else first
    must(
        seen[np.isin(groups, np.unique(groups)[np.bincount(groups)[100:] > 1])].any(),
        f"In {DRAWS} draws no image that has a copy came into validation: it holds other images than training does, "
        "and its accuracy is of those alone.",
        "Let each group come into validation with the same chance.",
    )
    must(seen.all(), f"In {DRAWS} draws image {np.flatnonzero(~seen)[:1]} never came into validation.", "Use the rng.")
    again = split(groups.copy(), 0.2, np.random.default_rng(0))
    must(
        np.array_equal(again, first),
        "The same seed gave another division: nobody can repeat your experiment.",
        "Draw from the generator that is handed in, and from nothing else.",
    )


def _said(answer: object) -> str:
    return f"{answer.dtype} of shape {answer.shape}" if isinstance(answer, np.ndarray) else type(answer).__name__
