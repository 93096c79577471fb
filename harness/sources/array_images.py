"""The images of an array, checked: their axes, and how many levels their values have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.errors import SourceError
from harness.sources.axes import DARKEST, FULL, Axes, axes_of, levels_of, likely_levels
from harness.sources.npz import Npz


def shared_axes(npz: Npz, keys: Sequence[str], image_shape: tuple[int, int, int]) -> Axes:
    """Return the axes of arrays of images, which must be the same.

    Raises
    ------
    SourceError
        They are not, or one holds no images.
    """
    found = [_axes_of(npz, key, image_shape) for key in keys]
    for key, axes in zip(keys, found, strict=True):
        if axes != found[0]:
            raise SourceError(
                f"{key} in {npz.path.name} has shape {npz.header(key).shape}, {keys[0]} {npz.header(keys[0]).shape}, "
                "expected the same but for n.",
                "Save them alike.",
            )
    return found[0]


def _axes_of(npz: Npz, key: str, image_shape: tuple[int, int, int]) -> Axes:
    header = npz.header(key)
    name, (height, width, _) = npz.path.name, image_shape
    if header.dtype.kind not in "buif":
        raise SourceError(
            f"{key} in {name} has dtype {header.dtype}, expected numbers such as uint8.",
            "Name the array of the images under [source] of the contest file: images = ...",
        )
    axes = axes_of(header.shape, image_shape)
    if axes and axes.height and axes.width:
        return axes
    shape = header.shape
    way = f"Save images of that form, or set image_shape; expected {height} × {width}."
    if len(shape) == 2 and shape[1] == 3 * height * width:
        way = (
            f"Save {key}.reshape(-1, {height}, {width}, 3) instead; where all red values stand before all green ones, "
            f"as in CIFAR, {key}.reshape(-1, 3, {height}, {width})."
        )
    elif len(shape) == 4 and shape[2] in (1, 3, 4):
        way = f"Save np.moveaxis({key}, -1, 0) instead: the images are counted by its last axis."
    elif len(shape) == 5:
        way = f"Save slices instead, for instance the middle ones: {key}[:, {key}.shape[1] // 2]."
    raise SourceError(
        f"{key} in {name} has shape {shape}, expected RGB (n, h, w, 3), grey (n, h, w) or RGBA (n, h, w, 4), "
        "channels last or first.",
        way,
    )


def value_range(npz: Npz, keys: Sequence[str], *, exact: bool = False) -> tuple[float, float, np.dtype]:
    """Return the lowest and the highest value of arrays of images, and their type.

    Unless it is to be `exact`, of bytes the highest is one that is high enough to know that there are 256 levels.

    Raises
    ------
    SourceError
        A value is no finite number.
    """
    lowest, highest = 0.0, 0.0
    dtypes = [npz.header(key).dtype for key in keys]
    for key, dtype in zip(keys, dtypes, strict=True):
        first = 0
        for piece in npz.pieces(key):
            if (wrong := ~np.isfinite(piece)).any():
                raise _bad_pixel(npz, key, piece, wrong, first, "a number")
            lowest, highest = min(lowest, float(piece.min())), max(highest, float(piece.max()))
            first += len(piece)
            if dtype == np.uint8 and highest >= DARKEST and not exact:
                break
    return lowest, highest, np.result_type(*dtypes)


def check_levels(npz: Npz, keys: Sequence[str], stated: int | None) -> int:
    """Return how many levels images have, after a look at all their values.

    Raises
    ------
    SourceError
        A value is beyond them, or their number cannot be told.
    """
    lowest, highest, dtype = value_range(npz, keys, exact=stated is not None)
    levels = levels_of(highest, dtype) if stated is None else stated
    if lowest >= 0 and levels is not None and highest <= levels - 1:
        return levels
    what = f"The values of {keys[0]} in {npz.path.name} lie between {lowest:g} and {highest:g}"
    if -1 <= lowest < 0 and highest <= 1:
        raise SourceError(
            f"{what}, expected 0 to 1, 0 to 255, or 16 bits.",
            f"Save np.rint(({keys[0]} + 1) * 127.5).astype(np.uint8) instead.",
        )
    likely = likely_levels(highest, dtype)
    if lowest >= 0 and stated is None and likely:
        raise SourceError(
            f"{what}, so that they would be all but black.",
            f"Put levels = {likely} under [source] of the contest file, so that 0 to {likely - 1} become 0 to 255"
            + (f"; or levels = {FULL} to take them as they are." if highest > 255 else "."),
        )
    most = 255 if levels is None else levels - 1
    for key in keys:
        first = 0
        for piece in npz.pieces(key):
            if (wrong := (piece < 0) | (piece > most)).any():
                raise _bad_pixel(npz, key, piece, wrong, first, f"0 to {most}")
            first += len(piece)
    raise AssertionError("a value was out of range")


def _bad_pixel(npz: Npz, key: str, piece: NDArray, wrong: NDArray, first: int, expected: str) -> SourceError:
    at = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return SourceError(
        f"Image {first + int(at[0])} of {key} in {npz.path.name} has a pixel of value {piece[at].item()}, "
        f"expected {expected}.",
        "Save the raw images as uint8, before any scaling or normalisation; of more than 255 levels put their number "
        "under [source] of the contest file: levels = ...",
    )
