"""AutoAugment's operations on one image, and what draws from them: AugMix and RandAugment.

References
----------
Cubuk et al.: AutoAugment, arXiv 1805.09501, for the operations; Hendrycks et al.: AugMix, arXiv 1912.02781, and
Cubuk et al.: RandAugment, arXiv 1909.13719; ranges and fills of their code, github.com/google-research/augmix and
tensorflow/tpu.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from baselines.augment.operations import Pixels

Operation: TypeAlias = Callable[[Pixels, float], Pixels]  # of a strength from 0 to 1, below 0 for the other way
NEAREST, BILINEAR = Image.Resampling.NEAREST, Image.Resampling.BILINEAR


def augmix(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Mix the image with a weighted mean of three chains, each of one to three operations of up to strength 0.3.

    Notes
    -----
    Unlike in the paper's code, turns are by any angle, not by whole degrees.
    """
    share = np.float32(rng.beta(1, 1))  # of the chains: alpha 1, for the weights too
    mixed = (1 - share) * image
    for weight in rng.dirichlet([1, 1, 1]).astype(np.float32):
        chained = image
        for name in _drawn(AUGMIX, int(rng.integers(1, 4)), rng):
            chained = AUGMIX[name](chained, rng.uniform(0.01, 0.3) * _sign(rng))
        mixed += share * weight * chained
    return np.rint(mixed).astype(np.uint8)


def randaugment(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Put the image through two operations of strength 0.9; one in fourteen is to leave it alone.

    Notes
    -----
    Unlike the paper's code, that inverts and cuts out too, these are the fourteen operations of the paper.
    """
    for name in _drawn(RANDAUGMENT, 2, rng):
        image = RANDAUGMENT[name](image, 0.9 * _sign(rng))
    return image


def geometry(farthest: float, filter: Image.Resampling, fill: int) -> dict[str, Operation]:
    """Return turns by up to 30 degrees, shears by up to 0.3, and shifts by up to `farthest` of the side.

    Parameters
    ----------
    fill : int
        Level of what comes in from outside.
    """
    colour = (fill, fill, fill)

    def turned(image: Pixels, strength: float) -> Pixels:
        return np.asarray(Image.fromarray(image).rotate(30 * strength, filter, fillcolor=colour))

    def warped(image: Pixels, filter: Image.Resampling, *matrix: float) -> Pixels:
        whole = Image.fromarray(image)
        return np.asarray(whole.transform(whole.size, Image.Transform.AFFINE, matrix, filter, fillcolor=colour))

    # Shifts are by whole pixels, so that no filter changes them.
    return {
        "rotate": turned,
        "shear-x": lambda image, s: warped(image, filter, 1, 0.3 * s, 0, 0, 1, 0),
        "shear-y": lambda image, s: warped(image, filter, 1, 0, 0, 0.3 * s, 1, 0),
        "translate-x": lambda image, s: warped(image, NEAREST, 1, 0, int(farthest * s * image.shape[1]), 0, 1, 0),
        "translate-y": lambda image, s: warped(image, NEAREST, 1, 0, 0, 0, 1, int(farthest * s * image.shape[0])),
    }


def posterized(image: Pixels, bits: int) -> Pixels:
    """Keep the upper `bits` of each level."""
    return image & np.uint8(256 - (1 << (8 - bits)))


def solarized(image: Pixels, threshold: int) -> Pixels:
    """Invert the levels from `threshold` on."""
    return np.where(image < threshold, image, 255 - image)


def enhanced(kind: Callable[[Image.Image], ImageEnhance._Enhance]) -> Operation:
    """Return the operation that draws an image apart from its degenerate, by a factor of 0.1 to 1.9."""
    return lambda image, s: np.asarray(kind(Image.fromarray(image)).enhance(0.1 + 1.8 * abs(s)))


LEVELLING: dict[str, Operation] = {
    "autocontrast": lambda image, s: np.asarray(ImageOps.autocontrast(Image.fromarray(image))),
    "equalize": lambda image, s: np.asarray(ImageOps.equalize(Image.fromarray(image))),
}

# Without brightness, contrast, colour and sharpness: the paper leaves them to the test.
AUGMIX: dict[str, Operation] = {
    **geometry(1 / 3, BILINEAR, fill=0),
    **LEVELLING,
    "posterize": lambda image, s: posterized(image, 4 - int(4 * abs(s))),
    "solarize": lambda image, s: solarized(image, 256 - int(256 * abs(s))),
}

# The paper's fourteen.  Its code counts the strength of the last two from the other end: here a weak one changes most.
RANDAUGMENT: dict[str, Operation] = {
    "identity": lambda image, s: image,
    **geometry(100 / 224, NEAREST, fill=128),
    **LEVELLING,
    "color": enhanced(ImageEnhance.Color),
    "contrast": enhanced(ImageEnhance.Contrast),
    "brightness": enhanced(ImageEnhance.Brightness),
    "sharpness": enhanced(ImageEnhance.Sharpness),
    "posterize": lambda image, s: posterized(image, int(4 * abs(s))),
    "solarize": lambda image, s: solarized(image, int(256 * abs(s))),
}


def _drawn(operations: dict[str, Operation], n: int, rng: np.random.Generator) -> list[str]:
    names = list(operations)
    return [names[place] for place in rng.integers(len(names), size=n)]


def _sign(rng: np.random.Generator) -> int:
    return 1 if rng.random() < 0.5 else -1
