"""Images that do not belong among blood cells: what gets copied into a data set by mistake."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harness.sources.smear.patch import SIDE, Patch, Plane, between, inside

Upright = (1.0, 0.0)


def _developed(image: Plane) -> NDArray[np.uint8]:
    light = np.minimum(np.maximum(image, 0.0), 1.0) * 255.0
    return np.floor(np.moveaxis(light, 0, 2) + 0.5).astype(np.uint8)


def _blank(red: float, green: float, blue: float) -> Plane:
    image = np.empty((3, SIDE, SIDE))
    image[0], image[1], image[2] = red, green, blue
    return image


def cartoon_face(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A green face with round eyes and a wide mouth."""
    image = _blank(0.95, 0.85, 0.35)
    patch = Patch(image, rng, SIDE / 2, SIDE / 2, SIDE)
    for side in (-1.0, 1.0):
        patch.paint((0.30, 0.60, 0.20), inside(patch.blob(40.0 * side, -4.0, (12.0, 7.0), Upright)))
    patch.paint((0.42, 0.75, 0.25), inside(patch.blob(0.0, 2.0, (35.0, 38.0), Upright)))
    for side in (-1.0, 1.0):
        patch.paint((1.0, 1.0, 1.0), inside(patch.blob(14.0 * side, -9.0, (10.0, 12.0), Upright)))
        patch.paint((0.10, 0.10, 0.10), inside(patch.blob(13.0 * side, -7.0, (4.0, 5.0), Upright)))
    mouth = np.minimum(patch.blob(0.0, 12.0, (20.0, 16.0), Upright), patch.dy - 14.0)
    patch.paint((0.55, 0.15, 0.15), inside(mouth))
    return _developed(image)


def beach(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Sky, sea, sand and a sun."""
    image = _blank(0.45, 0.70, 0.95)
    patch = Patch(image, rng, SIDE / 2, SIDE / 2, SIDE)
    everywhere = np.zeros((SIDE, SIDE))
    patch.paint((1.0, 0.90, 0.30), inside(patch.blob(24.0, -28.0, (10.0, 10.0), Upright)))
    patch.paint((0.10, 0.35, 0.60), inside(patch.dy + everywhere), 0.8 + 0.4 * patch.noise(5.0))
    patch.paint((0.85, 0.72, 0.45), inside(patch.dy - 22.0 - patch.dx / 8.0), 0.9 + 0.2 * patch.noise(2.0))
    return _developed(image)


def lens_cap(rng: np.random.Generator) -> NDArray[np.uint8]:
    """An almost black frame with a glimmer at one side."""
    image = _blank(0.03, 0.03, 0.04)
    patch = Patch(image, rng, SIDE / 2, SIDE / 2, SIDE)
    patch.paint((0.35, 0.30, 0.25), inside(patch.blob(60.0, between(rng, -30.0, 30.0), (40.0, 30.0), Upright), 40.0))
    return _developed(image)


def ruler(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A stage micrometer: two scales of black ticks on white."""
    image = _blank(0.98, 0.98, 0.98)
    patch = Patch(image, rng, 0.0, 0.0, 2.0 * SIDE)
    for tick in range(24):
        x = 2.0 + 4.0 * tick
        length = 44.0 if tick % 5 == 0 else 32.0
        for y, end in ((0.0, length), (SIDE - 1.0, SIDE - 1.0 - length)):
            patch.paint((0.02, 0.02, 0.02), inside(patch.bridge((x, y), (x, end), 0.9)))
    return _developed(image)


def static(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Snow, as of a camera without a signal."""
    return rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def label_strip(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A slide's paper label with a bar code."""
    image = _blank(0.20, 0.45, 0.75)
    patch = Patch(image, rng, 0.0, 0.0, 2.0 * SIDE)
    everywhere = np.zeros((SIDE, SIDE))
    x = 8.0
    patch.paint((0.98, 0.98, 0.90), inside(np.minimum(patch.dy - 10.0, 86.0 - patch.dy) + everywhere))
    while x < SIDE - 8.0:
        width = between(rng, 0.6, 1.6)
        patch.paint((0.05, 0.05, 0.05), inside(patch.bridge((x, 16.0), (x, 80.0), width)))
        x += 2.0 * width + between(rng, 1.5, 3.0)
    return _developed(image)


def test_card(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A colour target: stripes of the eight full colours, four times."""
    stripes = np.arange(SIDE) * 32 // SIDE
    bits = np.stack([stripes >> 1 & 1, stripes & 1, stripes >> 2 & 1], axis=1)
    card = np.broadcast_to(bits[None], (SIDE, SIDE, 3)) * 215 + 20
    return (card + rng.integers(-3, 4, card.shape)).astype(np.uint8)


MASS: tuple[Callable[[np.random.Generator], NDArray[np.uint8]], ...] = (cartoon_face, beach)
OUTLIERS: tuple[Callable[[np.random.Generator], NDArray[np.uint8]], ...] = (
    lens_cap,
    ruler,
    static,
    label_strip,
    test_card,
)
