"""How an array holds images: which axis is what, and how its values become 0 to 255."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHANNELS = {1: "grey", 3: "RGB", 4: "RGBA"}
FULL = 65536  # levels of 16 bits
DARKEST = 32  # no images of 0 to 255 are all darker than this: they have fewer levels


@dataclass(frozen=True)
class Axes:
    """The axes of an array of images.

    Attributes
    ----------
    channels : int
        1, 3 or 4.
    height, width : int
    first : bool
        The channels stand before the rows.
    flat : bool
        Each image is one row of its pixels.
    """

    channels: int
    height: int
    width: int
    first: bool = False
    flat: bool = False

    @property
    def words(self) -> str:
        """Say it, for people.

        Examples
        --------
        >>> Axes(1, 28, 28).words, Axes(3, 32, 32, first=True).words
        ('grey', 'RGB, channels first')
        """
        return CHANNELS[self.channels] + (", channels first" if self.first else ", flat rows" if self.flat else "")

    def channels_last(self, piece: NDArray) -> NDArray:
        """Return images as (n, height, width, channels)."""
        if self.first:
            return np.moveaxis(piece, 1, -1)
        return piece.reshape(len(piece), self.height, self.width, self.channels)


def axes_of(shape: tuple[int, ...], image_shape: tuple[int, int, int] | None = None) -> Axes | None:
    """Return how an array of this shape holds images; None where it does not.

    Parameters
    ----------
    shape : tuple of int
        Of all images, n first.
    image_shape : tuple of int, optional
        The contest's: flat rows are of its height and width, or are not known.

    Examples
    --------
    >>> axes_of((9, 28, 28)), axes_of((9, 3, 32, 32))
    (Axes(channels=1, height=28, width=28, first=False, flat=False), Axes(channels=3, height=32, width=32, \
first=True, flat=False))
    >>> axes_of((32, 32, 3, 9)), axes_of((9, 784)), axes_of((9, 784), (28, 28, 3)).words
    (None, None, 'grey, flat rows')
    """
    match shape:
        case (_, height, width):
            return Axes(1, height, width)
        case (_, height, width, 1 | 3 | 4 as channels):
            return Axes(channels, height, width)
        case (_, 1 | 3 | 4 as channels, height, width):
            return Axes(channels, height, width, first=True)
        case (_, pixels) if image_shape and pixels == image_shape[0] * image_shape[1]:
            return Axes(1, *image_shape[:2], flat=True)
    return None


def levels_of(highest: float, dtype: np.dtype) -> int | None:
    """Return how many levels images have whose highest value is `highest`; None where it cannot be told.

    2 where no value exceeds 1: fractions, and black and white; 256 where none exceeds 255; 65536 of 16 bits where one
    is in the upper half of them, as of images in folders.

    Examples
    --------
    >>> [levels_of(highest, np.dtype("u2")) for highest in (1, 16, 250, 4000, 40000)]
    [2, None, 256, None, 65536]
    >>> levels_of(256.5, np.dtype("f4"))
    """
    if highest <= 1:
        return 2
    if DARKEST <= highest <= 255:
        return 256
    return FULL if dtype == np.uint16 and highest >= FULL // 2 else None


def likely_levels(highest: float, dtype: np.dtype) -> int:
    """Return how many levels images are likely to have that `levels_of` cannot tell; 0 where nothing is likely.

    Examples
    --------
    >>> likely_levels(16, np.dtype("f8")), likely_levels(4000, np.dtype("u2")), likely_levels(300, np.dtype("f8"))
    (17, 4096, 0)
    """
    if 1 < highest < DARKEST:
        return int(highest) + 1
    return 2 ** int(highest).bit_length() if dtype == np.uint16 and 255 < highest < FULL // 2 else 0


def eight_bits(values: NDArray, levels: int) -> NDArray[np.uint8]:
    """Return values as 0 to 255.

    Of 2 levels, 255 · value, and of 256 the value, both rounded, since they may be fractions; of other numbers of
    levels floor(256 · value / levels), as of images in folders.
    """
    if levels == 256 and values.dtype == np.uint8:
        return values
    exact = values.astype(np.float64)
    if levels in (2, 256):
        return np.rint(exact * (255 if levels == 2 else 1)).astype(np.uint8)
    return np.floor(exact * 256 / levels).astype(np.uint8)
