"""The eight cells, each as a haematologist tells it: size, outline, cytoplasm, granules, nucleus, chromatin.

Colours are transmitted light relative to the empty background, so a bluish slide turns everything bluish.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.sources.smear.patch import (
    Colour,
    Patch,
    Plane,
    Waves,
    add_turns,
    any_turn,
    any_waves,
    bell,
    between,
    chance,
    inside,
    merged,
    smooth,
    tinted,
    turn_by,
)


@dataclass(frozen=True)
class CellKind:
    """How large a cell of a class is, and how it is painted into a patch centred on it.

    Attributes
    ----------
    radius : tuple of float, pixels
        Smallest and largest.
    paint : callable
        Takes the patch and the radius.
    """

    radius: tuple[float, float]
    paint: Callable[[Patch, float], None]


def _body(patch: Patch, radius: float, *unevenness: float, stretch: float = 0.08) -> Plane:
    """Return the depth in a cell's outline."""
    longer = 1.0 + abs(bell(patch.rng, 2 * stretch))
    radii = (radius * longer, radius / longer)
    return patch.blob(0.0, 0.0, radii, any_turn(patch.rng), any_waves(patch.rng, *unevenness))


def _cytoplasm(patch: Patch, body: Plane, colour: Colour, mottle: float, grain: float = 5.0) -> None:
    """Paint the body, a little denser at its membrane."""
    shade = 1.0 + mottle * (patch.noise(grain) + patch.noise(grain / 2) - 1.0)
    shade = shade - 0.06 * smooth(1.0 - body / 2.0)
    patch.paint(colour, inside(body), shade)


def _nucleus(patch: Patch, depth: Plane, colour: Colour, clumps: float, grain: float, soft: float = 1.4) -> None:
    """Paint a nucleus: chromatin in clumps, darker below its membrane."""
    texture = 0.65 * patch.noise(grain) + 0.35 * patch.noise(grain / 2)
    shade = 1.0 + clumps * (2.0 * smooth(1.6 * texture - 0.3) - 0.85)
    shade = shade * (1.0 - 0.22 * smooth(1.0 - (depth - 0.6) / 1.6))
    patch.paint(colour, inside(depth, soft), shade)


def _lobes(patch: Patch, count: int, ring: float, size: float, step: float, neck: float) -> Plane:
    """Return the depth in `count` lobes strung along an arc, joined by threads `neck` pixels thick."""
    rng = patch.rng
    heading, stride = any_turn(rng), turn_by(step)
    if chance(rng, 0.5):
        stride = (stride[0], -stride[1])
    places = []
    for _ in range(count):
        away = ring * (1.0 + bell(rng, 0.3))
        places.append((heading[0] * away, heading[1] * away))
        heading = add_turns(heading, stride)
    shapes = []
    for place in places:
        longer = between(rng, 1.0, 1.25)
        own = size * (1.0 + bell(rng, 0.22))
        shapes.append(patch.blob(*place, (own * longer, own / longer), any_turn(rng), any_waves(rng, 0.10, 0.08)))
    shapes += [patch.bridge(start, end, neck) for start, end in itertools.pairwise(places)]
    return functools.reduce(lambda one, other: merged(one, other, 2.0), shapes)


def _notched(patch: Patch, depth: Plane, x: float, y: float, size: float, bite: float) -> Plane:
    """Return a nucleus at (x, y) of radius `size` with a hollow `bite` of its radius deep, as in a kidney."""
    heading = any_turn(patch.rng)
    away = size * (1.5 - bite)
    hollow = patch.blob(
        x + heading[0] * away, y + heading[1] * away, (size * 0.55, size * 0.4), heading, any_waves(patch.rng, 0.1)
    )
    return -merged(-depth, hollow, 0.35 * size)


def _within(body: Plane, depth: Plane) -> Plane:
    """Keep a nucleus a pixel below the outline of its cell."""
    return np.minimum(depth, body - 1.0)


def _beside(patch: Patch, room: float) -> tuple[float, float]:
    """Return an offset of at most `room` pixels for a nucleus that does not sit in the middle."""
    heading, away = any_turn(patch.rng), patch.rng.random() * max(room, 0.0)
    return heading[0] * away, heading[1] * away


def _round(patch: Patch, x: float, y: float, size: float, *unevenness: float, longest: float = 1.15) -> Plane:
    longer = math.sqrt(between(patch.rng, 1.0, longest))
    waves: Waves = any_waves(patch.rng, *unevenness)
    return patch.blob(x, y, (size * longer, size / longer), any_turn(patch.rng), waves)


def basophil(patch: Patch, radius: float) -> None:
    """Coarse, almost black granules over everything, a nucleus hardly seen through them."""
    rng = patch.rng
    body = _body(patch, radius, 0.04, 0.05, 0.03)
    _cytoplasm(patch, body, tinted(rng, (0.66, 0.50, 0.76), 0.12), 0.12)
    depth = _lobes(patch, int(rng.integers(2, 5)), radius * 0.38, radius * 0.46, between(rng, 0.5, 1.0), 3.0)
    _nucleus(patch, depth, tinted(rng, (0.36, 0.22, 0.57), 0.12), 0.25, 4.0, soft=4.0)
    granules = patch.dots(int(rng.integers(150, 340)), (0.8, 2.1), radius * 1.05)
    patch.paint(tinted(rng, (0.20, 0.10, 0.43), 0.12), granules * inside(body + 0.8))


def eosinophil(patch: Patch, radius: float) -> None:
    """Two lobes in a cytoplasm packed with orange granules."""
    rng = patch.rng
    body = _body(patch, radius, 0.04, 0.04, 0.02)
    _cytoplasm(patch, body, tinted(rng, (0.86, 0.72, 0.79), 0.10), 0.08)
    granules = patch.dots(int(rng.integers(160, 420)), (0.9, 1.9), radius * 1.05)
    patch.paint(tinted(rng, (0.75, 0.49, 0.53), 0.16), granules * inside(body - 0.5))
    lobes = 3 if chance(rng, 0.25) else 2
    depth = _lobes(patch, lobes, radius * 0.43, radius * (0.46 - 0.05 * (lobes - 2)), between(rng, 0.75, 1.3), 2.2)
    _nucleus(patch, depth, tinted(rng, (0.36, 0.23, 0.57), 0.12), 0.36, 4.0)


def erythroblast(patch: Patch, radius: float) -> None:
    """A round, very dark nucleus with clods of chromatin, in even cytoplasm from blue to greyish pink."""
    rng = patch.rng
    ripe = rng.random()  # from basophilic to orthochromatic: smaller nucleus, denser chromatin, less blue
    body = _body(patch, radius, 0.06, 0.06, 0.03)
    _cytoplasm(patch, body, tinted(rng, (0.42 + 0.32 * ripe, 0.45 + 0.23 * ripe, 0.80 - 0.02 * ripe), 0.08), 0.05)
    size = radius * (0.80 - 0.22 * ripe + bell(rng, 0.05))
    depth = _round(patch, *_beside(patch, radius - size - 1.0), size, 0.03, 0.02, longest=1.12)
    dark = 1.0 - 0.35 * ripe
    _nucleus(patch, depth, tinted(rng, (0.24 * dark, 0.13 * dark, 0.44 * dark), 0.08), 0.55 - 0.35 * ripe, 5.0)


def immature_granulocyte(patch: Patch, radius: float) -> None:
    """A large cell with a large plain or dented nucleus and purple granules, fine to coarse."""
    rng = patch.rng
    body = _body(patch, radius, 0.06, 0.05, 0.02, stretch=0.12)
    _cytoplasm(patch, body, tinted(rng, (0.78, 0.67, 0.83), 0.10), 0.14)
    size = radius * between(rng, 0.68, 0.86)
    x, y = _beside(patch, (radius - size) * 0.9)
    depth = _round(patch, x, y, size, 0.06, 0.05, longest=1.35)
    if chance(rng, 0.5):
        depth = _notched(patch, depth, x, y, size, between(rng, 0.2, 0.7))
    _nucleus(patch, _within(body, depth), tinted(rng, (0.36, 0.20, 0.58), 0.12), 0.36, 4.0, soft=2.0)
    granules = patch.dots(int(rng.integers(150, 420)), (0.4, 1.2), radius * 1.05)
    patch.paint(tinted(rng, (0.40, 0.18, 0.55), 0.12), granules * inside(body - 1.0) * between(rng, 0.6, 0.95))


def lymphocyte(patch: Patch, radius: float) -> None:
    """A round smooth nucleus that leaves a narrow rim of clear light blue cytoplasm."""
    rng = patch.rng
    body = _body(patch, radius, 0.06, 0.06, 0.05, 0.03, 0.03, 0.03)
    _cytoplasm(patch, body, tinted(rng, (0.62, 0.68, 0.93), 0.09), 0.08)
    size = radius * between(rng, 0.76, 0.93)
    x, y = _beside(patch, (radius - size) * 0.9)
    depth = _round(patch, x, y, size, 0.05, 0.03, longest=1.2)
    if chance(rng, 0.25):
        depth = _notched(patch, depth, x, y, size, between(rng, 0.15, 0.3))
    _nucleus(patch, _within(body, depth), tinted(rng, (0.33, 0.20, 0.57), 0.12), 0.22, 6.0)


def monocyte(patch: Patch, radius: float) -> None:
    """A large uneven cell, grey-blue with bubbles, its nucleus folded and of loose chromatin."""
    rng = patch.rng
    body = _body(patch, radius, 0.09, 0.08, 0.05, 0.04, stretch=0.14)
    _cytoplasm(patch, body, tinted(rng, (0.64, 0.62, 0.82), 0.12), 0.14, 4.0)
    bubbles = patch.dots(int(rng.integers(0, 9)), (0.8, 2.2), radius * 0.9)
    if chance(rng, 0.4):  # a horseshoe, else a folded kidney
        depth = _lobes(patch, 4, radius * 0.40, radius * 0.36, between(rng, 0.32, 0.52), radius * 0.32)
    else:
        size = radius * between(rng, 0.66, 0.82)
        x, y = _beside(patch, (radius - size) * 0.7)
        depth = _round(patch, x, y, size, 0.09, 0.07, 0.04, longest=1.5)
        for _ in range(int(rng.integers(1, 3))):
            depth = _notched(patch, depth, x, y, size, between(rng, 0.3, 0.8))
    _nucleus(patch, _within(body, depth), tinted(rng, (0.40, 0.23, 0.58), 0.12), 0.30, 3.0)
    patch.paint((0.92, 0.90, 0.98), bubbles * inside(body - 3.0) * 0.8)


def neutrophil(patch: Patch, radius: float) -> None:
    """Three to five lobes on threads, or a band, in pale pink cytoplasm with the finest granules."""
    rng = patch.rng
    body = _body(patch, radius, 0.05, 0.04, 0.02)
    _cytoplasm(patch, body, tinted(rng, (0.86, 0.74, 0.84), 0.12), 0.08)
    granules = patch.dots(int(rng.integers(60, 200)), (0.4, 0.9), radius * 1.05)
    patch.paint((0.66, 0.46, 0.70), granules * inside(body - 1.0) * 0.7)
    if chance(rng, 0.3):
        depth = _lobes(patch, 5, radius * 0.46, radius * 0.22, between(rng, 0.30, 0.42), radius * 0.19)
    else:
        lobes = int(rng.integers(3, 6))
        size = radius * (0.44 - 0.035 * lobes)
        depth = _lobes(patch, lobes, radius * 0.46, size, between(rng, 0.48, 0.75), between(rng, 1.2, 2.4))
    _nucleus(patch, depth, tinted(rng, (0.30, 0.18, 0.53), 0.12), 0.36, 3.5)


def platelet(patch: Patch, radius: float) -> None:
    """No nucleus: a scrap of pale lilac with purple grains, often with small feet."""
    rng = patch.rng
    body = _body(patch, radius, 0.10, 0.10, 0.08, 0.08, 0.06, 0.06)
    patch.paint(tinted(rng, (0.72, 0.64, 0.88), 0.10), inside(body, 2.4), 1.0 + 0.2 * (patch.noise(3.0) - 0.5))
    grains = patch.dots(int(rng.integers(25, 60)), (0.7, 1.6), radius * 0.9)
    patch.paint(tinted(rng, (0.46, 0.26, 0.62), 0.12), grains * inside(body - 1.5, 3.0))


CELL_KINDS = {
    "basophil": CellKind((24.0, 33.0), basophil),
    "eosinophil": CellKind((28.0, 37.0), eosinophil),
    "erythroblast": CellKind((16.0, 28.0), erythroblast),
    "immature_granulocyte": CellKind((27.0, 40.0), immature_granulocyte),
    "lymphocyte": CellKind((20.0, 30.0), lymphocyte),
    "monocyte": CellKind((28.0, 40.0), monocyte),
    "neutrophil": CellKind((27.0, 36.0), neutrophil),
    "platelet": CellKind((7.0, 15.0), platelet),
}
