"""An image of one cell on its slide: red cells around it, the stain, the lamp and the camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.sources.smear.cells import CELL_KINDS
from harness.sources.smear.patch import (
    SIDE,
    Colour,
    Patch,
    Plane,
    any_turn,
    any_waves,
    bell,
    between,
    chance,
    inside,
    smooth,
    tinted,
)

ZOOM = (0.66, 1.12)  # so that size alone names no class
STRAY = 18.0  # pixels between the cell and the middle of the image, at most
NEIGHBOUR = 0.35  # share of images into which another white cell or platelet reaches
MARGIN = 12.0  # red cells whose centre lies so far outside still show

# What the empty slide looks like in four laboratories, 0-255, and how many of 10 images each has made.
SLIDES = (
    ((255.0, 229.0, 202.0), 5),
    ((250.0, 222.0, 210.0), 2),
    ((222.0, 224.0, 241.0), 2),
    ((238.0, 234.0, 222.0), 1),
)


def draw_smear(
    class_name: str, rng: np.random.Generator, slide: np.random.Generator | None = None
) -> NDArray[np.uint8]:
    """Draw one image of a cell of `class_name`.

    Parameters
    ----------
    class_name : str
    rng : numpy.random.Generator
    slide : numpy.random.Generator, optional
        Draws stain, lamp and focus: begun anew for each image, it gives them all those of one slide.  By default they
        are the image's own.

    Returns
    -------
    ndarray of shape (96, 96, 3), uint8
    """
    look = slide or rng
    return _photograph(transmitted_light(class_name, rng, look), rng, look)


def transmitted_light(class_name: str, rng: np.random.Generator, look: np.random.Generator | None = None) -> Plane:
    """Draw a cell of `class_name` among red cells; `look`, by default `rng`, draws the focus.

    Returns
    -------
    ndarray of shape (3, 96, 96), float64
        The share of light that passes in red, green and blue; 1 where nothing stains.
    """
    kind = CELL_KINDS[class_name]
    zoom = between(rng, *ZOOM)
    radius = zoom * between(rng, *kind.radius)
    x, y = SIDE / 2 + bell(rng, STRAY), SIDE / 2 + bell(rng, STRAY)
    image = np.ones((3, SIDE, SIDE))
    image *= 1.0 - 0.05 * Patch(image, rng, SIDE / 2, SIDE / 2, SIDE).noise(18.0)  # dried plasma is not even
    _red_cells(image, rng, x, y, radius, zoom)
    if chance(rng, NEIGHBOUR):
        _neighbour(image, rng, x, y, radius, zoom)
    kind.paint(Patch(image, rng, x, y, 1.45 * radius + 2.0), radius)
    _focus(image, look or rng)
    return image


def _neighbour(image: Plane, rng: np.random.Generator, x: float, y: float, clear: float, zoom: float) -> None:
    """Let another cell of any class reach in from the border, or a platelet lie about, off the one in the middle."""
    kinds = tuple(CELL_KINDS.values())
    kind = kinds[rng.integers(len(kinds))] if chance(rng, 0.6) else CELL_KINDS["platelet"]
    radius = zoom * between(rng, *kind.radius)
    heading = any_turn(rng)
    away = max(clear + 1.1 * radius, SIDE / 2 - 2.0 + 0.3 * radius)
    cx, cy = x + heading[0] * away, y + heading[1] * away
    patch = Patch(image, rng, cx, cy, 1.45 * radius + 2.0)
    if 0 not in patch.shape:
        kind.paint(patch, radius)


def _red_cells(image: Plane, rng: np.random.Generator, x: float, y: float, clear: float, zoom: float) -> None:
    """Scatter red cells around a place kept `clear`; they may touch and overlap one another."""
    usual = zoom * between(rng, 16.0, 20.0)
    colour = tinted(rng, (0.83, 0.79, 0.84), 0.05)
    pallor = between(rng, 0.5, 1.0)
    taken: list[tuple[float, float, float]] = []
    for _ in range(rng.integers(8, 40)):
        size = usual * (1.0 + bell(rng, 0.18))
        cx, cy = between(rng, -MARGIN, SIDE + MARGIN), between(rng, -MARGIN, SIDE + MARGIN)
        if (cx - x) * (cx - x) + (cy - y) * (cy - y) < (clear + 0.9 * size) * (clear + 0.9 * size):
            continue
        near = 0.86 if chance(rng, 0.85) else 0.5
        if any(
            (cx - a) * (cx - a) + (cy - b) * (cy - b) < (near * (size + c)) * (near * (size + c)) for a, b, c in taken
        ):
            continue
        taken.append((cx, cy, size))
        patch = Patch(image, rng, cx, cy, 1.25 * size + 2.0)
        if 0 not in patch.shape:
            _red_cell(patch, size, colour, pallor)


def _red_cell(patch: Patch, size: float, colour: Colour, pallor: float) -> None:
    """Let a red cell absorb: a disk, thinner in its middle, a fine line at its edge."""
    rng = patch.rng
    longer = 1.0 + abs(bell(rng, 0.2))
    depth = patch.blob(0.0, 0.0, (size * longer, size / longer), any_turn(rng), any_waves(rng, 0.06, 0.05))
    if chance(rng, 0.25):  # too thick, or seen from aside: no pale middle
        pallor = 0.1
    hollow = smooth((depth / size - between(rng, 0.15, 0.4)) / between(rng, 0.25, 0.5))
    thickness = between(rng, 0.8, 1.2) * (1.0 - pallor * hollow)
    patch.absorb(colour, inside(depth) * (thickness + 0.25 * smooth(1.0 - depth / 1.8)))


def _focus(image: Plane, rng: np.random.Generator) -> None:
    """Blur by a share of the binomial kernel 1-2-1, in place, down and across."""
    share = between(rng, 0.0, 0.7) / 4.0
    for light in image:  # one channel at a time stays in the processor's cache
        light[1:-1] += share * (light[:-2] + light[2:] - 2.0 * light[1:-1])
        light[:, 1:-1] += share * (light[:, :-2] + light[:, 2:] - 2.0 * light[:, 1:-1])


def _photograph(image: Plane, rng: np.random.Generator, look: np.random.Generator) -> NDArray[np.uint8]:
    """Turn transmitted light into pixels under a slide's stain, a lamp's colour and slope, a sensor's noise."""
    lamps = [lamp for lamp, weight in SLIDES for _ in range(weight)]
    lamp = lamps[look.integers(len(lamps))]
    stain = between(look, 0.54, 1.14)
    gain = between(look, 0.68, 1.06)
    across, down = bell(rng, 0.07) / SIDE, bell(rng, 0.07) / SIDE
    place = np.arange(SIDE) - SIDE / 2
    slope = gain * (1.0 + across * place[None, :] + down * place[:, None])
    grains = (rng.random((SIDE, SIDE)) + rng.random((SIDE, SIDE)) - 1.0) * between(rng, 1.0, 5.0)
    pixels = np.empty((SIDE, SIDE, 3), np.uint8)
    for channel in range(3):
        strength = stain * (1.0 + bell(look, 0.23))
        tone = lamp[channel] * (1.0 + bell(look, 0.06))
        light = (1.0 - strength * (1.0 - image[channel])) * slope * tone + grains
        pixels[..., channel] = np.floor(np.minimum(np.maximum(light, 0.0), 255.0) + 0.5)
    return pixels
