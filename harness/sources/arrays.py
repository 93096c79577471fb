"""Arrays of images and labels in one ``.npz``, in any layout.

Datasheet
---------
Input
    An array of images, by default ``images``, and one of labels, ``labels``; ``[source]`` names others:
    ``images = "X"``, ``labels = "y"``.  Or one of each for a split, as MedMNIST (``train_images``) and Keras
    (``x_train``) have them.
Layout
    RGB ``(n, h, w, 3)``, grey ``(n, h, w)`` or ``(n, h, w, 1)``, RGBA ``(n, h, w, 4)``, each also with its channels
    first, ``(n, 3, h, w)``; flat rows of grey, ``(n, h · w)``.  Grey is repeated to three channels, transparency lies
    on white.
Values
    Bytes, and other numbers of 0 to 255, stay, rounded.  Where no value exceeds 1, they are 255 times as high.  16 bits
    lose their lower byte, as in folders.  Where that would leave images all but black, ``levels = 4096`` under
    ``[source]`` has to say how many levels there are; a value becomes floor(256 · value / levels).
Label
    Positions in the contest's classes, from 0; or words or numbers that are class names or ``[source.aliases]``; or
    one-hot rows.  Where the file names its classes (``class_names`` and its like), they are compared.
Groups
    An array of the name that ``group`` under ``[split]`` gives: a patient or slide for each image.
Size
    The contest's ``image_shape``, unless its ``[source]`` says ``resize = true`` (rule: `harness.sources.resize`).
Ids
    ``00000`` onwards, by position; ``train-00000`` in a file with splits.
Splits
    A test split is declared hidden, unless ``[source]`` says ``splits = "pool"``; the others are given as one, to be
    split anew.
Licence, citation
    Whatever the owner of the images states; the harness cannot know it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.contest import An2dlSource, ArraysSource
from harness.errors import SourceError, did_you_mean
from harness.progress import Track, silent
from harness.sources import resize
from harness.sources.array_images import check_levels, shared_axes
from harness.sources.array_labels import check_names, numbers_of, words_of
from harness.sources.axes import Axes, eight_bits
from harness.sources.image_set import ImageSet
from harness.sources.npz import ROWS, digest, open_npz
from harness.sources.shared import ARRAYS, THREADS, reader_of, view

SPLITS = {"train": ("train", "training"), "val": ("val", "valid", "validation", "dev"), "test": ("test", "testing")}
SIZE_HINT = "Put resize = true under [source] of a copy of the contest file, or set its image_shape."


@dataclass(frozen=True)
class Part:
    """The arrays of one split; its name is empty where the file has none, and `groups` where the contest has none."""

    split: str
    n: int
    images: str
    labels: str
    groups: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(key for key in (self.images, self.labels, self.groups) if key)


@dataclass(frozen=True)
class Plan:
    """What a file holds and how it is read.

    Attributes
    ----------
    parts : tuple of Part
    labels : list of int
        Of all parts, one after the other.
    axes : Axes
    levels : int
        How many levels its values have.
    groups : list of str
        Of all parts; empty where the contest has none.
    not_read : tuple of str
        Arrays of the file that are none of these.
    """

    parts: tuple[Part, ...]
    labels: list[int]
    axes: Axes
    levels: int
    groups: list[str]
    not_read: tuple[str, ...]


def load(
    source: ArraysSource | An2dlSource,
    path: Path,
    class_names: Sequence[str],
    image_shape: tuple[int, int, int],
    *,
    group: str = "",
    size: tuple[int, int] | None = None,
    track: Track = silent,
) -> ImageSet:
    """Read the images and labels of the ``.npz`` at `path`.

    The array `group` names the group of each image; `size` is the height and width that they must have.

    Raises
    ------
    SourceError
        It is no ``.npz``, a key is missing, or an array is damaged or not as the datasheet states.
    """
    with reader_of(ARRAYS) as (reader, fd):
        plan = reader.call(path.name, look, path, source, tuple(class_names), image_shape, size, group)
        total = sum(part.n for part in plan.parts)
        images = view(fd, (total, *image_shape))
        first = 0
        for part in plan.parts:
            what = f"reading {part.split or part.images} of {path.name} (hundreds of images)"
            pieces = reader.each(
                path.name, read_images, path, part, plan.axes, plan.levels, fd, first, total, image_shape
            )
            for _ in track(pieces, what, -(-part.n // ROWS)):
                pass
            first += part.n
    return ImageSet(
        images=images,
        labels=np.array(plan.labels, np.int64),
        ids=tuple(f"{part.split}-{i:05d}".lstrip("-") for part in plan.parts for i in range(part.n)),
        class_names=tuple(class_names),
        provenance=_provenance(source, path, plan, image_shape),
        official_hidden=np.repeat([part.split == "test" for part in plan.parts], [part.n for part in plan.parts])
        if source.splits == "keep" and any(part.split == "test" for part in plan.parts)
        else None,
        groups=tuple(plan.groups) or None,
    )


def _provenance(
    source: ArraysSource | An2dlSource, path: Path, plan: Plan, image_shape: tuple[int, int, int]
) -> dict[str, str]:
    axes, size = plan.axes, (plan.axes.height, plan.axes.width)
    facts = {
        "source": "arrays",
        "licence": source.licence,
        "citation": source.citation,
        "file": path.name,
        "sha256": digest(path, "sha256"),
        "images": ", ".join(f"{part.split} {part.n}".strip() for part in plan.parts),
    }
    if axes.words != "RGB":
        how = {1: "; grey repeated to three channels", 4: "; transparency on white"}.get(axes.channels, "")
        facts["layout"] = axes.words + how
    if plan.levels != 256:
        facts["values"] = f"0 to {plan.levels - 1} became 0 to 255"
    if size != image_shape[:2]:
        facts["resized"] = f"from {size[0]} × {size[1]}: {resize.RULE}"
    if plan.not_read:
        facts["arrays not read"] = ", ".join(plan.not_read)
    return facts


def look(
    path: Path,
    source: ArraysSource | An2dlSource,
    class_names: tuple[str, ...],
    image_shape: tuple[int, int, int],
    size: tuple[int, int] | None,
    group: str,
) -> Plan:
    """Check the arrays and return how they are read; to be called in another process."""
    with open_npz(path) as npz:
        found = find_parts(npz.keys, (source.images, source.labels, *([group] if group else [])))
        if isinstance(found, str):
            raise SourceError(
                f"{path.name} has no array {found!r}; it holds {', '.join(npz.keys)}.",
                "Name the arrays in the contest file: images = ..., labels = ... under [source]; group = ... under "
                f"[split]. {did_you_mean(found, npz.keys)}",
            )
        parts = [Part(split, npz.header(keys[0]).n, *keys) for split, keys in found.items()]
        axes = shared_axes(npz, [part.images for part in parts], image_shape)
        wanted = size or (None if source.resize else image_shape[:2])
        if wanted and (axes.height, axes.width) != wanted:
            raise SourceError(
                f"The images of {path.name} are {axes.height} high and {axes.width} wide, "
                f"the contest's {wanted[0]} and {wanted[1]}.",
                "Set size under [source] of a copy of the contest file: 28, 64, 128 or 224." if size else SIZE_HINT,
            )
        labels, groups, words = [], [], False
        for part in parts:
            if not part.n:
                raise SourceError(f"{part.images} in {path.name} holds no image.", "Name another file.")
            values = npz.whole(part.labels)
            words |= values.dtype.kind in "US"
            labels += numbers_of(values, f"{part.labels} in {path.name}", part.n, class_names, source.aliases).tolist()
            if part.groups:
                groups += words_of(npz.whole(part.groups), f"{part.groups} in {path.name}", part.n)
        used = {key for part in parts for key in part.keys}
        names = check_names(npz, used, len(labels), class_names, source.aliases, ordered=not (words or source.aliases))
        levels = check_levels(npz, [part.images for part in parts], source.levels)
    not_read = tuple(key for key in npz.keys if key not in used and key != names)
    return Plan(tuple(parts), labels, axes, levels, groups, not_read)


def find_parts(keys: Iterable[str], wanted: Sequence[str]) -> dict[str, tuple[str, ...]] | str:
    """Return the arrays of each split that go by the names `wanted`, images first; or the one that is missing.

    Examples
    --------
    >>> find_parts(["X", "y"], ("X", "y"))
    {'': ('X', 'y')}
    >>> find_parts(["x_train", "y_train", "x_test", "y_test"], ("x", "y"))
    {'train': ('x_train', 'y_train'), 'test': ('x_test', 'y_test')}
    >>> find_parts(["train_images", "train_labels", "test_images"], ("images", "labels"))
    'test_labels'
    """
    there = set(keys)
    parts: dict[str, tuple[str, ...]] = {}
    for split, names in SPLITS.items():
        for form in (form for name in names for form in (f"{name}_{{}}", f"{{}}_{name}")):
            one = tuple(form.format(key) for key in wanted)
            if there & set(one[:2]):
                parts[split] = one
    if wanted[0] in there or not parts:
        parts = {"train" if parts else "": tuple(wanted)} | parts
    missing = (key for one in parts.values() for key in one if key not in there)
    return next(missing, parts)


def read_images(
    path: Path,
    part: Part,
    axes: Axes,
    levels: int,
    fd: int,
    first: int,
    total: int,
    image_shape: tuple[int, int, int],
) -> Iterator[int]:
    """Write the images of a part into shared memory, from row `first` on; to be called in another process."""
    images = view(fd, (total, *image_shape))
    height, width, _ = image_shape
    as_they_are = (axes.height, axes.width) == (height, width) and axes.channels != 4
    # Pillow resizes without the interpreter's lock, so threads use every core.
    with open_npz(path) as npz, ThreadPoolExecutor(THREADS) as threads:
        for piece in npz.pieces(part.images):
            pixels = axes.channels_last(eight_bits(piece, levels))
            rows = slice(first, first + len(piece))
            if as_they_are:
                images[rows] = pixels
            else:
                images[rows] = list(threads.map(lambda one: _fit(one, height, width), pixels))
            first += len(piece)
            yield len(piece)


def _fit(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return an image of shape (h, w, 1, 3 or 4) as RGB of the contest's size."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels))
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(resize.fit(image.convert("RGB"), height, width))
