"""Synthetic blood smears: the data set that every machine has.

Input
    RGB images, 96 × 96, uint8, of one cell near the middle of a stained smear, with red cells around it.
Label
    One of eight: basophil, eosinophil, erythroblast, immature_granulocyte, lymphocyte, monocyte, neutrophil,
    platelet, as often as BloodMNIST has them.  They differ as the real ones do: size, outline, tint of the
    cytoplasm, granules, shape of the nucleus, texture of its chromatin.  Stain, lamp, focus and place vary
    between images and tell nothing of the class.
Slides
    With ``slides = 40`` under ``[source]`` cells lie on so many: stain, lamp and focus are those of the slide, which
    is the group of an image.  Any class lies on any slide.
Splits
    None of its own: a contest splits it.
Planted faults
    As in the course data of AN2DL 2024, 8 % of the images are copies of two that are no cells: eight ninths of
    one, spread evenly over the classes, a ninth of the other, all labelled monocyte.  Besides, for each 4,000: 8
    exact duplicates with the same label, 2 with another one, 10 near duplicates and 5 lone images that are no
    cells.  All are strewn among the others and their ids tell nothing.
How drawn
    Each image by a generator of its own, keyed by the seed and a number, so that none depends on another; the
    same bytes on every processor (`harness.sources.smear.patch` says how).
Licence
    MIT, as the program's.  Nothing in it was copied from an image of a real cell or a real person's blood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.contest import EmbeddedSource
from harness.errors import SourceError, did_you_mean
from harness.progress import Track, silent
from harness.sources.image_set import ImageSet
from harness.sources.smear.patch import SIDE
from harness.sources.smear.slide import draw_smear
from harness.sources.smear.strangers import MASS, OUTLIERS

# Images of each class in BloodMNIST (doi:10.5281/zenodo.10519652), all splits.
BLOODMNIST_COUNTS = {
    "basophil": 1218,
    "eosinophil": 3117,
    "erythroblast": 1551,
    "immature_granulocyte": 2895,
    "lymphocyte": 1214,
    "monocyte": 1420,
    "neutrophil": 3329,
    "platelet": 2348,
}
CLASSES = tuple(BLOODMNIST_COUNTS)

# Keys of the generators: one for the plan, one each for a smear, a stranger, a touch-up; one for slides, and for each.
PLAN, SMEAR, STRANGER, TOUCH, SLIDE = range(5)


@dataclass(frozen=True)
class Item:
    """What one image of the set is, before it is drawn.

    Attributes
    ----------
    kind : str
        ``cell``, or the fault: ``mass``, ``exact``, ``conflict``, ``near``, ``outlier``.
    subject : int
        The number of the smear or stranger shown; a duplicate shows that of another item.
    label : str
        What the set says it is.
    drawn : str
        The class it was drawn as; empty for a stranger.
    """

    kind: str
    subject: int
    label: str
    drawn: str = ""


def load(
    source: EmbeddedSource,
    class_names: Sequence[str],
    image_shape: tuple[int, int, int],
    *,
    track: Track = silent,
) -> ImageSet:
    """Draw the images.

    Parameters
    ----------
    source : EmbeddedSource
        How many, and the seed.
    class_names : sequence of str
        The eight classes in the contest's order.
    image_shape : tuple of int
        (96, 96, 3).
    track : Track
        Told of each image.

    Raises
    ------
    SourceError
        The contest asks for other classes or another size than are drawn here.
    """
    for name in class_names:
        if name not in CLASSES:
            raise SourceError(
                f"The contest has a class {name!r}, expected one the embedded source draws.",
                did_you_mean(name, CLASSES),
            )
    if missing := set(CLASSES) - set(class_names):
        raise SourceError(
            f"The contest lacks the class {min(missing)!r}, which the embedded source draws.",
            f"Write class_names = {list(CLASSES)}",
        )
    if tuple(image_shape) != (SIDE, SIDE, 3):
        raise SourceError(
            f"The contest asks for images of {tuple(image_shape)}, the embedded source draws {(SIDE, SIDE, 3)}.",
            f"Write image_shape = {[SIDE, SIDE, 3]}",
        )
    items, slides = _plan(source), _slides(source)
    position = {name: number for number, name in enumerate(class_names)}
    images = np.empty((len(items), SIDE, SIDE, 3), np.uint8)
    for row, item in track(enumerate(items), "drawing smears", len(items)):
        images[row] = _draw(item, row, source.seed, None if slides is None else slides[row])
    return ImageSet(
        images=images,
        labels=np.array([position[item.label] for item in items], np.int64),
        ids=tuple(_name(row) for row in range(len(items))),
        class_names=tuple(class_names),
        provenance={
            "source": f"embedded generator of synthetic blood smears, {source.n_images} images, seed {source.seed}"
            + (f", {source.slides} slides" if source.slides else ""),
            "licence": "MIT",
            "citation": "hemobench, harness/sources/embedded.py",
        },
        groups=None if slides is None else tuple(f"slide-{number:03d}" for number in slides),
    )


def planted(source: EmbeddedSource) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return the planted faults by kind, each as groups of ids that hang together.

    Returns
    -------
    dict of str to tuple of tuple of str
        ``mass``: two groups, all copies of an image each; ``exact``, ``conflict`` (same pixels, another label) and
        ``near``: pairs, the original first; ``outlier``: groups of one.
    """
    items = _plan(source)
    original = {item.subject: row for row, item in enumerate(items) if item.kind == "cell"}
    rows: dict[str, dict[int, list[int]]] = {}
    for row, item in enumerate(items):
        if item.kind != "cell":
            first = [original[item.subject]] if item.drawn else []
            rows.setdefault(item.kind, {}).setdefault(item.subject, first).append(row)
    return {
        kind: tuple(tuple(_name(row) for row in group) for _, group in sorted(groups.items()))
        for kind, groups in sorted(rows.items())
    }


def _name(row: int) -> str:
    return f"smear-{row:05d}"


def _generator(seed: int, *key: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def _shares(total: int) -> list[str]:
    """Return `total` class names in BloodMNIST's proportions, by the largest remainder."""
    whole = sum(BLOODMNIST_COUNTS.values())
    counts = {name: total * count // whole for name, count in BLOODMNIST_COUNTS.items()}
    by_remainder = sorted(CLASSES, key=lambda name: -(total * BLOODMNIST_COUNTS[name] % whole))
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return [name for name in CLASSES for _ in range(counts[name])]


def _plan(source: EmbeddedSource) -> list[Item]:
    """Decide what each image shows and how it is labelled, in the order of the ids."""
    n = source.n_images
    rng = _generator(source.seed, PLAN)
    mass = n * 8 // 100
    second = mass // 9
    exact, conflict, near, outliers = max(n // 500, 1), max(n // 2000, 1), max(n // 400, 1), max(n // 800, 1)
    outliers = min(outliers, len(OUTLIERS))
    cells = [
        Item("cell", subject, name, name)
        for subject, name in enumerate(_shares(n - mass - exact - conflict - near - outliers))
    ]
    items = list(cells)
    items += [Item("mass", 0, CLASSES[number % len(CLASSES)]) for number in range(mass - second)]
    items += [Item("mass", 1, "monocyte") for _ in range(second)]
    items += [Item("outlier", len(MASS) + number, CLASSES[rng.integers(len(CLASSES))]) for number in range(outliers)]
    copied = iter(rng.permutation(len(cells)))
    for kind, count in (("exact", exact), ("conflict", conflict), ("near", near)):
        for _ in range(count):
            first = cells[next(copied)]
            others = [name for name in CLASSES if name != first.label]
            label = others[rng.integers(len(others))] if kind == "conflict" else first.label
            items.append(Item(kind, first.subject, label, first.drawn))
    return [items[place] for place in rng.permutation(n)]


def _slides(source: EmbeddedSource) -> list[int] | None:
    """Return the slide of each image, in the order of the ids: a duplicate lies on that of its original."""
    if not source.slides:
        return None
    dealt = (_generator(source.seed, SLIDE).permutation(source.n_images) % source.slides).tolist()
    return [dealt[item.subject if item.drawn else row] for row, item in enumerate(_plan(source))]


def _draw(item: Item, row: int, seed: int, slide: int | None) -> NDArray[np.uint8]:
    if not item.drawn:
        return (MASS + OUTLIERS)[item.subject](_generator(seed, STRANGER, item.subject))
    look = None if slide is None else _generator(seed, SLIDE, slide)
    pixels = draw_smear(item.drawn, _generator(seed, SMEAR, item.subject), look)
    return _touched_up(pixels, _generator(seed, TOUCH, row)) if item.kind == "near" else pixels


def _touched_up(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a near duplicate: a grey level or two lighter or darker, or the slight noise of another compression."""
    change: NDArray[np.int64] | int
    if rng.integers(2):
        change = int(rng.integers(1, 3)) * (1 if rng.integers(2) else -1)
    else:
        change = rng.integers(-2, 3, pixels.shape)
    return np.clip(pixels.astype(np.int16) + change, 0, 255).astype(np.uint8)
