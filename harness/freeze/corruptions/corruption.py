"""What a corruption is, and how lengths scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]  # (height, width, 3), RGB
REFERENCE_HEIGHT = 224  # of the images for which MedMNIST-C and ImageNet-C state their lengths


@dataclass(frozen=True)
class Corruption:
    """A family of corruptions, of severities 1 to 5.

    Attributes
    ----------
    name : str
    group : str
        What it spoils; a chain takes at most one corruption of each group.
    apply : callable (image, severity, rng) -> image
        Takes an image of shape (h, w, 3), uint8, and returns a new one; all chance comes from `rng`.
    of_colour : bool
        It leaves a grey image as it is.
    """

    name: str
    group: str
    apply: Callable[[Pixels, int, np.random.Generator], Pixels]
    of_colour: bool = False


def scaled(length: int, height: int) -> Fraction:
    """Return `length`, stated for images 224 high, for an image `height` high, in pixels and exactly.

    Examples
    --------
    >>> scaled(7, 96)
    Fraction(3, 1)
    """
    return Fraction(length * height, REFERENCE_HEIGHT)
