"""The part of an image that one shape touches, and the few strokes everything is drawn with.

Every image must have the same bytes on every processor.  So there are only single exactly rounded IEEE
operations here: + - * / sqrt, comparisons and floor, each its own elementwise step.  No sin or exp (their last bit
differs between libraries), no floating-point sum or dot (their order differs between vector units), and no
`Generator.uniform` or `normal` (a compiler may fuse their multiply and add).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SIDE = 96

Plane = NDArray[np.float64]
Colour = tuple[float, float, float]
Turn = tuple[float, float]  # cosine and sine
Waves = Sequence[tuple[float, float]]


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number between `low` and `high`, each equally likely."""
    return low + (high - low) * rng.random()


def bell(rng: np.random.Generator, spread: float) -> float:
    """Draw a number from -`spread` to `spread`, the middle likelier: a sum of three uniform draws."""
    return ((rng.random() + rng.random() + rng.random()) / 1.5 - 1.0) * spread


def chance(rng: np.random.Generator, share: float) -> bool:
    return rng.random() < share


def turn_by(half_tangent: float) -> Turn:
    """Return cosine and sine of an angle given as the tangent of its half, which needs no trigonometry.

    Examples
    --------
    >>> turn_by(1.0)  # a quarter turn
    (0.0, 1.0)
    """
    square = half_tangent * half_tangent
    return (1.0 - square) / (1.0 + square), 2.0 * half_tangent / (1.0 + square)


def any_turn(rng: np.random.Generator) -> Turn:
    """Draw a direction: up to a quarter turn, then whole quarters."""
    cosine, sine = turn_by(rng.random())
    for _ in range(rng.integers(4)):
        cosine, sine = -sine, cosine
    return cosine, sine


def add_turns(one: Turn, other: Turn) -> Turn:
    return one[0] * other[0] - one[1] * other[1], one[0] * other[1] + one[1] * other[0]


def any_waves(rng: np.random.Generator, *heights: float) -> Waves:
    """Draw an outline's unevenness: `heights` bound its waves of 2, 3, 4 … to the round, in shares of the radius."""
    return [(bell(rng, height), bell(rng, height)) for height in heights]


def tinted(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    """Vary a colour, all channels together and each for itself."""
    red, green, blue = colour
    shade = 1.0 + bell(rng, spread)
    return (
        red * shade * (1.0 + bell(rng, spread / 2)),
        green * shade * (1.0 + bell(rng, spread / 2)),
        blue * shade * (1.0 + bell(rng, spread / 2)),
    )


def smooth(ramp: Plane) -> Plane:
    """Ease a ramp between 0 and 1."""
    ramp = np.minimum(np.maximum(ramp, 0.0), 1.0)
    return ramp * ramp * (3.0 - 2.0 * ramp)


def inside(depth: Plane, soft: float = 1.4) -> Plane:
    """Return how far each pixel is covered, 0-1, by a shape whose edge is `soft` pixels wide."""
    return smooth(depth / soft + 0.5)


def merged(one: Plane, other: Plane, neck: float) -> Plane:
    """Return the depth in the union of two shapes, their meeting rounded over `neck` pixels.

    References
    ----------
    I. Quilez, "Smooth minimum" (2013), the quadratic polynomial form.
    """
    overlap = np.maximum(neck - np.abs(one - other), 0.0)
    return np.maximum(one, other) + overlap * overlap / (4.0 * neck)


class Patch:
    """A square window of an image, with coordinates around a centre.

    Parameters
    ----------
    image : ndarray of shape (3, height, width), float64
        Transmitted light, 1 where nothing stains; drawn on in place.
    rng : numpy.random.Generator
    x, y : float, pixels
        The centre; it may lie outside the image.
    reach : float, pixels
        Half the side of the window, which is cut at the image's border.
    """

    def __init__(self, image: Plane, rng: np.random.Generator, x: float, y: float, reach: float) -> None:
        _, height, width = image.shape
        left, right = max(math.floor(x - reach), 0), min(math.ceil(x + reach) + 1, width)
        top, bottom = max(math.floor(y - reach), 0), min(math.ceil(y + reach) + 1, height)
        self.light = image[:, top : max(bottom, top), left : max(right, left)]
        self.rng = rng
        self.dx = np.arange(left, max(right, left))[None, :] - x
        self.dy = np.arange(top, max(bottom, top))[:, None] - y

    @property
    def shape(self) -> tuple[int, int]:
        return self.light.shape[1], self.light.shape[2]

    def blob(self, x: float, y: float, radii: tuple[float, float], turn: Turn, waves: Waves = ()) -> Plane:
        """Return the depth in pixels below the outline of an uneven ellipse, negative outside."""
        dx, dy = self.dx - x, self.dy - y
        u = (turn[0] * dx + turn[1] * dy) / radii[0]
        v = (turn[0] * dy - turn[1] * dx) / radii[1]
        distance = np.sqrt(u * u + v * v)
        edge: Plane | float = 1.0
        if waves:
            away = np.maximum(distance, 1e-6)
            u, v = u / away, v / away
            cosine, sine = u, v
            for along, across in waves:  # cosine and sine of 2, 3, 4 … times the angle
                cosine, sine = cosine * u - sine * v, cosine * v + sine * u
                edge = edge + (along * cosine + across * sine)
        return (edge - distance) * math.sqrt(radii[0] * radii[1])

    def bridge(self, start: tuple[float, float], end: tuple[float, float], radius: float) -> Plane:
        """Return the depth in a bar with round ends."""
        dx, dy = self.dx - start[0], self.dy - start[1]
        ex, ey = end[0] - start[0], end[1] - start[1]
        along = np.minimum(np.maximum((dx * ex + dy * ey) / (ex * ex + ey * ey + 1e-6), 0.0), 1.0)
        rx, ry = dx - along * ex, dy - along * ey
        return radius - np.sqrt(rx * rx + ry * ry)

    def noise(self, grain: float) -> Plane:
        """Return smooth random values, 0-1, that vary over `grain` pixels: an eased lattice."""
        rows, columns = (np.arange(length) / grain for length in self.shape)
        i, j = np.floor(rows).astype(np.intp), np.floor(columns).astype(np.intp)
        down, across = smooth(rows - i)[:, None], smooth(columns - j)[None, :]
        knots = self.rng.random((int(self.shape[0] / grain) + 2, int(self.shape[1] / grain) + 2))
        lines = knots[i] * (1.0 - down) + knots[i + 1] * down
        return lines[:, j] * (1.0 - across) + lines[:, j + 1] * across

    def dots(self, count: int, sizes: tuple[float, float], spread: float) -> Plane:
        """Return the cover, 0-1, of `count` round grains of radius `sizes`, within `spread` of the centre."""
        height, width = self.shape
        draws = self.rng.random((4, count, 1, 1))
        x = (2.0 * draws[0] - 1.0) * spread
        y = (2.0 * draws[1] - 1.0) * spread
        radius = sizes[0] + (sizes[1] - sizes[0]) * draws[2]
        half = math.ceil(sizes[1]) + 1
        step = np.arange(-half, half + 1)
        column = np.floor(x - self.dx[0, 0]) + step[None, None, :]
        row = np.floor(y - self.dy[0, 0]) + step[None, :, None]
        ex, ey = column + self.dx[0, 0] - x, row + self.dy[0, 0] - y
        cover = inside(radius - np.sqrt(ex * ex + ey * ey)) * (0.55 + 0.45 * draws[3])
        cover = np.where((column >= 0) & (column < width) & (row >= 0) & (row < height), cover, 0.0)
        place = (np.clip(row, 0, height - 1) * width + np.clip(column, 0, width - 1)).astype(np.intp)
        plane = np.zeros(height * width)
        np.maximum.at(plane, place.ravel(), cover.ravel())
        return plane.reshape(height, width)

    def paint(self, colour: Colour, cover: Plane, shade: Plane | float = 1.0) -> None:
        """Lay a colour over what is there; `shade` multiplies it pixel by pixel."""
        for channel, value in enumerate(colour):
            light = self.light[channel]
            light += (value * shade - light) * cover

    def absorb(self, colour: Colour, cover: Plane) -> None:
        """Let what is there shine through a stained layer: where two overlap, both absorb."""
        for channel, value in enumerate(colour):
            self.light[channel] *= 1.0 - (1.0 - value) * cover
