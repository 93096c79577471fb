"""The corruptions of the shifted validation set: other families than the hidden test's, and as hard.

References
----------
Noise and zoom blur have the severities of Tiny ImageNet-C (Hendrycks and Dietterich, arXiv 1903.12261, and its code,
`make_tinyimagenet_c.py`), made for images of 64 × 64: a grain of noise is a pixel, so those of ImageNet-C, for
224 × 224, would hide a cell of half that width.  Gamma is as MedMNIST-C (arXiv 2406.17536) has it for ChestMNIST.  Hue,
rotation and elastic warp are in neither as we need them; their severities are ours.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from harness.freeze.corruptions import colour, quantiles, resample
from harness.freeze.corruptions.corruption import Corruption, Pixels, scaled

Generator = np.random.Generator


def gaussian_noise(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Add a Gaussian to each level, of σ 0.04 to 0.18 of the full scale."""
    sigma = 255 * Decimal(("0.04", "0.08", "0.12", "0.15", "0.18")[severity - 1])
    draws = rng.integers(0, quantiles.NORMAL_DRAWS, image.shape, dtype=np.uint16)
    return (image + quantiles.normal_quantiles(sigma)[draws]).clip(0, 255).astype(np.uint8)


def shot_noise(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Count photons: a Poisson of 250 to 15 for each channel of a white pixel."""
    table = quantiles.poisson_levels((250, 100, 50, 30, 15)[severity - 1])
    draws = rng.integers(0, quantiles.POISSON_DRAWS, image.shape, dtype=np.uint16)
    return table.ravel()[image * np.int32(quantiles.POISSON_DRAWS) + draws]


def impulse_noise(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Set 1 to 14 % of the levels to 0 or to 255, each channel on its own."""
    tenths_percent = (10, 20, 50, 80, 140)[severity - 1]
    draws = rng.integers(0, 2000, image.shape, dtype=np.uint16)
    noisy = np.where(draws < tenths_percent, np.uint8(0), image)
    noisy[draws >= 2000 - tenths_percent] = 255
    return noisy


def hue(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Turn the hue by 4 to 20 degrees, either way: another batch of stain."""
    return colour.turn_hue(image, (4, 8, 12, 16, 20)[severity - 1] * _sign(rng))


def gamma_up(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Darken the middle levels by a gamma above 1."""
    return colour.gamma_table(Decimal(("1.1", "1.2", "1.3", "1.4", "1.6")[severity - 1]))[image]


def gamma_down(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Lighten the middle levels by a gamma below 1."""
    return colour.gamma_table(Decimal(("0.9", "0.8", "0.7", "0.6", "0.4")[severity - 1]))[image]


def rotation(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Turn the image by 6, 11, 19, 28 or 44 degrees, either way; beyond its border it is mirrored."""
    p, q = ((1, 20), (1, 10), (1, 6), (1, 4), (2, 5))[severity - 1]  # tangents of half the angles
    return resample.warp(image, *resample.rotation(*image.shape[:2], p * _sign(rng), q))


def zoom_blur(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Move the lens during exposure, by 5 to 25 %.

    The source takes the mean of 6 to 26 bilinear enlargements; ours is of 21 by nearest neighbours.
    """
    return resample.zoom_blur(image, (5, 10, 15, 20, 25)[severity - 1], steps=21)


def elastic(image: Pixels, severity: int, rng: Generator) -> Pixels:
    """Warp the image by a smooth random field.

    ImageNet-C's first two severities shear the whole image and its last three wrinkle it at a scale of 2 pixels;
    ours bend it at one scale, about a third of a cell, ever farther.
    """
    height, width = image.shape[:2]
    reach = int(scaled((8, 12, 16, 20, 24)[severity - 1], height) * resample.STEP)
    control = rng.integers(-reach, reach + 1, (2, 9, 9))
    y, x = (resample.smooth_surface(field, height, width) for field in control)
    y += np.arange(height)[:, None] * resample.STEP
    x += np.arange(width)[None, :] * resample.STEP
    return resample.warp(image, y.astype(np.int32), x.astype(np.int32))


def _sign(rng: Generator) -> int:
    return 2 * int(rng.integers(0, 2)) - 1


PUBLIC: tuple[Corruption, ...] = (
    Corruption("gaussian_noise", "noise", gaussian_noise),
    Corruption("shot_noise", "noise", shot_noise),
    Corruption("impulse_noise", "noise", impulse_noise),
    Corruption("hue", "hue", hue, of_colour=True),
    Corruption("gamma_up", "tone", gamma_up),
    Corruption("gamma_down", "tone", gamma_down),
    Corruption("rotation", "geometry", rotation),
    Corruption("zoom_blur", "geometry", zoom_blur),
    Corruption("elastic", "geometry", elastic),
)
