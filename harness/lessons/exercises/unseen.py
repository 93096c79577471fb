"""Lesson 7: an augmentation against a shift of light and colour that it was not made for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from harness.freeze.corruptions import HIDDEN
from harness.lessons.cells import features
from harness.lessons.checking import must

Augment = Callable[[NDArray[np.uint8], np.random.Generator], NDArray[np.uint8]]
TRAIN, TEST, COPIES, SEVERITY, SIDE = 120, 120, 6, 4, 32
SHIFTS = ("brightness_down", "brightness_up", "contrast_down", "contrast_up", "saturation")
GAIN, COST = 0.08, 0.10


@cache
def _spots() -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint8]]:
    """Return images of a dark spot in one of four corners, which corner, and the last of them under each shift."""
    rng, rows = np.random.default_rng(7), np.arange(SIDE)
    labels = rng.integers(4, size=TRAIN + TEST)
    images = []
    for label in labels:
        centre = np.array(divmod(int(label), 2)) * 14 + 9 + rng.normal(0, 2, 2)
        spot = ((rows[:, None] - centre[0]) ** 2 + (rows - centre[1]) ** 2 < rng.uniform(4, 6) ** 2)[..., None]
        ground = np.array([190, 150, 165]) + rng.normal(0, 10)
        images.append(ground - spot * np.array([60, 70, 20]) + rng.normal(0, 6, (SIDE, SIDE, 3)))
    drawn = np.clip(images, 0, 255).astype(np.uint8)
    shifts = [one for one in HIDDEN if one.name in SHIFTS]
    return drawn, labels, np.array([one.apply(image, SEVERITY, rng) for one in shifts for image in drawn[TRAIN:]])


def check(augment: Augment) -> None:
    """Pass where a model trained with `augment` gains under the shifts, and loses little on images as they are."""
    images, labels, shifted = _spots()
    rng, original = np.random.default_rng(0), images[:TRAIN].copy()
    made = [augment(image, rng) for _ in range(COPIES) for image in images[:TRAIN]]
    must(np.array_equal(images[:TRAIN], original), "The image that was handed in has changed.", "Work on a copy.")
    for one in made:
        must(
            isinstance(one, np.ndarray) and one.dtype == np.uint8 and one.shape == images.shape[1:],
            f"Expected uint8 of shape {images.shape[1:]}, got {getattr(one, 'dtype', type(one).__name__)} of shape "
            f"{np.shape(one)}.",
            "Clip to 0 to 255 and convert at the end.",
        )
    must(
        _torn(augment) < 0.2,
        "A smooth image comes back torn: a byte wraps around at 256, so that what is bright turns black.",
        "Compute in float, then np.clip(..., 0, 255), then astype(np.uint8).",
    )
    copies = np.array(made)
    plain, trained = _scores(images, labels, shifted, copies[:0]), _scores(images, labels, shifted, copies)
    clean, gain = trained[0] - plain[0], trained[1] - plain[1]
    told = (
        f"Trained with it, the model has {100 * trained[1]:.1f} % under the shifts, and {100 * plain[1]:.1f} % without"
    )
    must(
        clean >= -COST,
        f"{told}; on images as they are it loses {-100 * clean:.1f} points: what it shows is no longer of the class "
        "that its label says.",
        "The class is the corner in which the spot lies: leave it there, and leave the spot to be seen.",
    )
    must(
        gain >= GAIN,
        f"{told}; {100 * GAIN:.0f} points more are the aim. The shifts change light and colour, and it shows the model "
        "images of nearly the same light.",
        "Draw brightness, contrast and colour anew for each image, over a wide range.",
    )


def _torn(augment: Augment) -> float:
    """Return how often a smooth ramp comes back with an edge from bright to dark through most of its rows."""
    ramp = np.broadcast_to(np.linspace(0, 255, SIDE)[:, None], (SIDE, SIDE, 3)).astype(np.uint8)
    rng = np.random.default_rng(1)
    steps = [np.abs(np.diff(augment(ramp.copy(), rng).astype(float), axis=1)).max(axis=(1, 2)) for _ in range(40)]
    return float(np.mean([np.mean(step > 150) > 0.8 for step in steps]))


def _scores(
    images: NDArray[np.uint8], labels: NDArray[np.int64], shifted: NDArray[np.uint8], copies: NDArray[np.uint8]
) -> tuple[float, float]:
    """Return accuracy on images as they are and under the shifts, of a model trained on `TRAIN` and copies."""
    shown, truth = features(np.concatenate([images[:TRAIN], copies])), labels[TRAIN:]

    def nearest(X: NDArray[np.float32]) -> NDArray[np.int64]:
        distances = (shown**2).sum(axis=1) - 2 * X @ shown.T  # but for a constant of each image
        return labels[distances.argmin(axis=1) % TRAIN]

    return (
        float((nearest(features(images[TRAIN:])) == truth).mean()),
        float((nearest(features(shifted)) == np.tile(truth, len(SHIFTS))).mean()),
    )
