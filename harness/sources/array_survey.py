"""What an ``.npz`` holds, before there is a contest: for `hemobench contest new`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import SourceError
from harness.sources.array_images import shared_axes, value_range
from harness.sources.array_labels import names_key, text_of
from harness.sources.arrays import SPLITS, find_parts
from harness.sources.axes import Axes, axes_of, levels_of, likely_levels
from harness.sources.npz import Npz, digest, open_npz
from harness.sources.shared import ARRAYS, reader_of

# What people call the arrays, the likeliest first; case does not matter.
IMAGES = ("images", "x", "data", "image", "imgs", "pixels", "features", "arr_0")
LABELS = ("labels", "y", "label", "targets", "target", "classes", "class", "arr_1")
MOST_CLASSES = 1000
GROUPS = ("patient", "patients", "patient_id", "group", "groups", "subject", "donor", "slide")


@dataclass(frozen=True)
class ArraySurvey:
    """What an ``.npz`` holds, in its own words; nothing is decided yet.

    Attributes
    ----------
    images, labels, group : str
        The names of its arrays, less the split; `group` is empty where none is called like one.
    classes : dict of str to int
        Images by class, in the order of their labels.
    aliases : dict of str to str
        What labels are called that are no positions in `classes`, and the class each stands for.
    positions : bool
        Whether labels are positions in `classes`, not words.
    splits : dict of str to int
        Images by split; empty where the file has none.
    height, width : int
    grey : bool
    levels : int
        What ``[source] levels`` should be; 0: nothing needs to be stated.
    not_read : list of str
        Other arrays.
    md5 : str
    """

    images: str
    labels: str
    group: str
    classes: dict[str, int]
    aliases: dict[str, str]
    positions: bool
    splits: dict[str, int]
    height: int
    width: int
    grey: bool
    levels: int
    not_read: list[str]
    md5: str


def survey_arrays(path: Path) -> ArraySurvey:
    """Look at the arrays of an ``.npz``, in another process.

    Raises
    ------
    SourceError
        It is no ``.npz``, is damaged, or holds no images with labels.
    """
    with reader_of(ARRAYS) as (reader, _):
        return reader.call(path.name, look_over, path)


def look_over(path: Path) -> ArraySurvey:
    """Look at the arrays; to be called in another process."""
    with open_npz(path) as npz:
        images, labels, parts = _arrays(npz)
        keys = [one[0] for one in parts.values()]
        axes = shared_axes(npz, keys, _square(npz, keys[0]))
        used = {key for one in parts.values() for key in one}
        names = names_key(npz, used, sum(npz.header(key).n for key in keys))
        values = [npz.whole(one[1]) for one in parts.values()]
        classes, aliases = _classes(values, [] if names is None else [text_of(name) for name in npz.whole(names)])
        if len(classes) > MOST_CLASSES or not all(text.lstrip("-").isdigit() for text in _numbers(values)):
            raise SourceError(
                f"{labels} in {path.name} holds {len(classes):,} different values, expected whole numbers or words for "
                "classes.",
                "Save one label an image, and no measured values or names of images, as labels.",
            )
        group, groups = _groups(npz, images, labels)
        lowest, highest, dtype = value_range(npz, keys)
        known = levels_of(highest, dtype) is not None or lowest < 0
        return ArraySurvey(
            images=images,
            labels=labels,
            group=group,
            classes=classes,
            aliases=aliases,
            positions=not aliases and npz.header(next(iter(parts.values()))[1]).dtype.kind not in "US",
            splits={split: npz.header(one[0]).n for split, one in parts.items() if split},
            height=axes.height,
            width=axes.width,
            grey=_grey(npz, keys, axes),
            levels=0 if known else likely_levels(highest, dtype),
            not_read=[key for key in npz.keys if key not in used | groups and key != names],
            md5=digest(path, "md5"),
        )


def _arrays(npz: Npz) -> tuple[str, str, dict[str, tuple[str, ...]]]:
    """Return what images and labels are called, and their arrays by split.

    Raises
    ------
    SourceError
        There is no array of images with one of as many labels.
    """
    bases = _bases(npz.keys)
    for images in sorted(bases, key=lambda name: _place(name, IMAGES)):
        for labels in sorted(bases, key=lambda name: _place(name, LABELS)):
            parts = find_parts(npz.keys, (images, labels)) if images != labels else ""
            if isinstance(parts, dict) and all(_match(npz, *one) for one in parts.values()):
                return images, labels, parts
    held = "; ".join(f"{key} {header.shape} {header.dtype}" for key in npz.keys for header in [npz.header(key)])
    raise SourceError(
        f"{npz.path.name} holds no array of images with one of as many labels; it holds {held}.",
        "Expected images (n, h, w), (n, h, w, 3) or the like, and labels (n,): save them as images and labels.",
    )


def _bases(keys: Sequence[str]) -> list[str]:
    """Return the names of arrays, each once, also less a split.

    Examples
    --------
    >>> _bases(["x_train", "y_train", "names"])
    ['x', 'y', 'names', 'x_train', 'y_train']
    """
    words = {word for names in SPLITS.values() for word in names}
    bases: dict[str, None] = {}
    for key in keys:
        first, _, last = key.partition("_")
        before, _, after = key.rpartition("_")
        bases[last if first in words else before if after in words else key] = None
    return list(bases | dict.fromkeys(keys))


def _place(name: str, known: Sequence[str]) -> int:
    return known.index(name.lower()) if name.lower() in known else len(known)


def _match(npz: Npz, images: str, labels: str) -> bool:
    """Say whether two arrays may be images and their labels."""
    pixels, of = npz.header(images), npz.header(labels)
    n = pixels.n
    axes = axes_of(pixels.shape, _square(npz, images))
    single = of.shape in ((n,), (n, 1)) or (len(of.shape) == 2 and of.shape[0] == n and 1 < of.shape[1] < MOST_CLASSES)
    return bool(n and axes and pixels.dtype.kind in "buif" and single and of.dtype.kind in "buifUS")


def _square(npz: Npz, key: str) -> tuple[int, int, int]:
    """Return the shape of an image where it is a flat row of the pixels of a square."""
    side = math.isqrt(math.prod(npz.header(key).shape[1:]))
    return side, side, 3


def _classes(values: Sequence[NDArray], names: list[str]) -> tuple[dict[str, int], dict[str, str]]:
    """Return images by class in the order of labels, and what labels are called that are no such position."""
    if values[0].ndim == 2 and values[0].shape[1] > 1:
        counts = np.concatenate([one.astype(bool) for one in values]).sum(axis=0).tolist()
        return dict(zip(names if len(names) == len(counts) else map(str, range(len(counts))), counts, strict=True)), {}
    found = Counter(text_of(value) for one in values for value in one.reshape(-1))
    if values[0].dtype.kind in "US":
        return {word: found[word] for word in sorted(found)}, {}
    labels = sorted(found, key=float)
    if len(names) >= len(labels) and all(label in map(str, range(len(names))) for label in labels):
        return {name: found[str(place)] for place, name in enumerate(names)}, {}
    if labels == [str(place) for place in range(len(labels))]:
        return {label: found[label] for label in labels}, {}
    if len(names) == len(labels):
        return (
            {name: found[label] for name, label in zip(names, labels, strict=True)},
            dict(zip(labels, names, strict=True)),
        )
    return {label: found[label] for label in labels}, {label: label for label in labels}


def _numbers(values: Sequence[NDArray]) -> set[str]:
    """Return labels that are numbers, as texts."""
    return {text_of(value) for one in values if one.dtype.kind not in "US" for value in np.unique(one)}


def _groups(npz: Npz, images: str, labels: str) -> tuple[str, set[str]]:
    """Return what the array is called that names the group of each image, and its arrays."""
    for group in sorted(_bases(npz.keys), key=lambda name: _place(name, GROUPS)):
        found = find_parts(npz.keys, (images, labels, group)) if group.lower() in GROUPS else ""
        if isinstance(found, dict) and all(
            npz.header(one[2]).shape in ((n,), (n, 1)) for one in found.values() for n in [npz.header(one[0]).n]
        ):
            return group, {one[2] for one in found.values()}
    return "", set()


def _grey(npz: Npz, keys: Sequence[str], axes: Axes) -> bool:
    pieces = (axes.channels_last(piece) for key in keys for piece in npz.pieces(key))
    return axes.channels == 1 or all(bool((piece[..., :1] == piece[..., :3]).all()) for piece in pieces)
