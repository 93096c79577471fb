"""Grey levels and hues changed pixel by pixel, in integers."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from harness.freeze.corruptions.corruption import Pixels

LEVELS = np.arange(256, dtype=np.int32)


def scale_about(image: Pixels, middle: int, percent: int) -> Pixels:
    """Multiply the distance of each level from `middle` by `percent` / 100, clipped to 0-255."""
    table = middle + (2 * percent * (LEVELS - middle) + 100) // 200
    return table.clip(0, 255).astype(np.uint8)[image]


def mean_luminance(image: Pixels) -> int:
    """Return the mean grey level, by the weights of ITU-R 601-2, rounded."""
    red, green, blue = (int(total) for total in image.reshape(-1, 3).sum(axis=0, dtype=np.int64))
    return (2 * (299 * red + 587 * green + 114 * blue) + 1000 * image[..., 0].size) // (2000 * image[..., 0].size)


@lru_cache(maxsize=32)
def gamma_table(gamma: Decimal) -> Pixels:
    """Return 255 (level / 255) ** `gamma` for each level, rounded, of shape (256,), uint8."""
    with localcontext(Context(prec=40)):
        powers = [0] + [round(255 * ((Decimal(level) / 255).ln() * gamma).exp()) for level in range(1, 256)]
    return np.array(powers, dtype=np.uint8)


def saturate(image: Pixels, percent: int) -> Pixels:
    """Add `percent` / 100 to the saturation of HSV, at most to 1; a grey pixel has no hue and stays."""
    planes = _planes(image)
    value = planes.max(axis=0)
    chroma = value - planes.min(axis=0)
    wanted = np.minimum(100 * chroma + percent * value, 100 * value)
    unit = 100 * np.maximum(chroma, 1)
    return _image(value - ((value - planes) * wanted + unit // 2) // unit, image)


def turn_hue(image: Pixels, degrees: int) -> Pixels:
    """Add `degrees` to the hue of HSV; saturation and value stay."""
    red, green, blue = planes = _planes(image)
    value, low = planes.max(axis=0), planes.min(axis=0)
    chroma = value - low
    # The hue in units of a degree / chroma: no division until the end.
    hue = 60 * np.where(
        value == red, green - blue, np.where(value == green, 2 * chroma + blue - red, 4 * chroma + red - green)
    )
    hue += degrees * chroma
    circle, third, ramp = 360 * chroma, 120 * chroma, 60 * chroma
    centres = np.stack([0 * third, third, 2 * third])  # red, green, blue: each full within 60° of its own hue
    away = abs(hue - centres)
    away = np.minimum(away, abs(circle - away))
    return _image(low + ((third - away).clip(0, ramp) + 30) // 60, image)


def _planes(image: Pixels) -> NDArray[np.int32]:
    return image.transpose(2, 0, 1).reshape(3, -1).astype(np.int32)


def _image(planes: NDArray[np.int32], like: Pixels) -> Pixels:
    height, width, channels = like.shape
    return planes.astype(np.uint8).reshape(channels, height, width).transpose(1, 2, 0).copy()
