"""The corruptions of the hidden test: those of MedMNIST-C for BloodMNIST.

References
----------
Di Salvo, Doerrich, Ledig: MedMNIST-C, arXiv 2406.17536, and its code, `medmnistc/corruptions/registry.py`, whose
severities these are.  Where a family deviates from that code, its function says so.
"""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.freeze.corruptions import colour, resample
from harness.freeze.corruptions.corruption import Corruption, Pixels, scaled
from harness.freeze.corruptions.kernels import blur, disk, disk_cover, streak

Generator = np.random.Generator
Shares: TypeAlias = NDArray[np.integer]  # (height, width), 0 to 255: how much of each pixel something covers


def pixelate(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Average over coarser pixels."""
    percent = (60, 50, 40, 30, 25)[severity - 1]
    height, width = (max(1, size * percent // 100) for size in image.shape[:2])
    return resample.pixelate(image, height, width)


def jpeg(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Compress hard, with the colour at half the resolution, and decode again."""
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=(50, 30, 15, 10, 7)[severity - 1], subsampling="4:2:0")
    return np.array(Image.open(file))


def defocus(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Put the lens out of focus.

    Our disk covers pixels at its edge in part, where the source's is cut at whole pixels and smoothed: radii under
    two pixels, as they are at a height of 96, would else be squares.
    """
    return blur(image, disk(scaled((2, 3, 4, 5, 6)[severity - 1], image.shape[0])))


def motion_blur(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Move the slide during exposure, at an angle within ±45°.

    The source draws any angle; ours is one of 25, at most 4° apart, so that kernels can be kept.
    """
    radius, sigma = ((3, 3), (5, 5), (10, 5), (10, 7), (10, 9))[severity - 1]
    slope = Fraction(int(rng.integers(-12, 13)), 29)  # 2 atan(12 / 29) = 45°
    return blur(image, streak(radius, sigma, slope, image.shape[0]))


def brightness_up(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Multiply all levels; the brightest are clipped."""
    return colour.scale_about(image, 0, (110, 120, 130, 135, 140)[severity - 1])


def brightness_down(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Multiply all levels."""
    return colour.scale_about(image, 0, (90, 80, 70, 60, 50)[severity - 1])


def contrast_up(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Spread the levels about the image's mean luminance."""
    return colour.scale_about(image, colour.mean_luminance(image), (110, 115, 120, 125, 130)[severity - 1])


def contrast_down(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Draw the levels towards the image's mean luminance."""
    return colour.scale_about(image, colour.mean_luminance(image), (90, 80, 70, 60, 50)[severity - 1])


def saturation(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Deepen the colours.  The source turns a grey pixel reddish, by its hue of 0; ours leaves it grey."""
    return colour.saturate(image, (5, 10, 15, 17, 20)[severity - 1])


def bubbles(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Put translucent white disks with a brighter rim over the image.

    Where two overlap the whiter one shows, where the source lets the later one replace the earlier.
    """
    height, width = image.shape[:2]
    largest, most = ((5, 10), (7, 10), (10, 10), (12, 12), (15, 12))[severity - 1]
    white = np.zeros((height, width), dtype=np.int32)  # share of white, of 255
    for _ in range(rng.integers(7, most + 1)):
        radius = int(rng.integers(3, largest + 1))
        rim, inner = disk_cover(scaled(radius + 2, height)), disk_cover(scaled(radius, height))
        share = 130 * rim
        edge = (len(rim) - len(inner)) // 2
        share[edge : len(rim) - edge, edge : len(rim) - edge] -= 30 * inner
        _cover(white, (share + 128) // 256, rng)
    return _blend(image, 255, white)


def stain_deposits(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Let drops of stain dry on the slide: dark, irregular blots.

    The source multiplies by stored masks of ink blots, larger at the last severity; ours are drawn: a round hill, made
    rugged by a random smooth surface and cut at the height of its foot.
    """
    height, width = image.shape[:2]
    most, largest = ((1, 10), (2, 11), (3, 12), (3, 14), (3, 17))[severity - 1]
    dark = np.zeros((height, width), dtype=np.int32)  # share of black, of 255
    for _ in range(rng.integers(1, most + 1)):
        radius = scaled(int(rng.integers(6, largest + 1)), height)
        half = int(2 * radius) + 1  # so far out the hill lies deeper than the surface is likely to lift it
        place = np.arange(-half, half + 1)
        distance = place[:, None] ** 2 + place[None, :] ** 2
        hill = 1024 - 1024 * distance * radius.denominator**2 // radius.numerator**2  # 1024 on top, 0 at `radius`
        rugged = resample.smooth_surface(rng.integers(-2400, 2401, (9, 9)), len(place), len(place))
        opacity = int(rng.integers(160, 241))
        # The foot of the hill slopes by 2 / radius a pixel: this makes the edge of a blot one to two pixels wide.
        depth = (hill + rugged) * radius.numerator // (4 * radius.denominator)
        _cover(dark, opacity * (depth + 512).clip(0, 1024) // 1024, rng)
    return _blend(image, 0, dark)


def _cover(share: Shares, stamp: Shares, rng: Generator) -> None:
    """Lay `stamp` over `share` at a random place, whole where it fits; the greater share stays."""
    (height, width), (tall, wide) = share.shape, stamp.shape
    top, left = rng.integers(0, max(1, height - tall + 1)), rng.integers(0, max(1, width - wide + 1))
    part = share[top : top + tall, left : left + wide]
    np.maximum(part, stamp[: part.shape[0], : part.shape[1]], out=part)


def _blend(image: Pixels, level: int, share: Shares) -> Pixels:
    """Mix `level` into `image`, by shares of 255."""
    mixed = image.astype(np.int32)
    mixed += ((level - mixed) * share[..., None] + 127) // 255
    return mixed.astype(np.uint8)


HIDDEN: tuple[Corruption, ...] = (
    Corruption("pixelate", "sharpness", pixelate),
    Corruption("jpeg", "sharpness", jpeg),
    Corruption("defocus", "sharpness", defocus),
    Corruption("motion_blur", "sharpness", motion_blur),
    Corruption("brightness_up", "light", brightness_up),
    Corruption("brightness_down", "light", brightness_down),
    Corruption("contrast_up", "colour", contrast_up),
    Corruption("contrast_down", "colour", contrast_down),
    Corruption("saturation", "colour", saturation, of_colour=True),
    Corruption("bubbles", "objects", bubbles),
    Corruption("stain_deposits", "objects", stain_deposits),
)
