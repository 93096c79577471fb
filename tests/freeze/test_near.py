"""Near duplicates are found however a copy was changed, and different images are not taken for copies."""

import io
from typing import Literal

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits

from harness.contest import Cleaning
from harness.freeze.clean import clean
from harness.freeze.near import find_near
from harness.freeze.signature import nearest
from harness.sources.image_set import ImageSet

SIDE = 64


def smear(rng: np.random.Generator, side: int = SIDE) -> np.ndarray:
    """A dark blob with structure on a pale ground with other blobs: no two alike in more than kind."""
    y, x = np.mgrid[:side, :side] / side
    ground = np.array([215, 190, 195]) + rng.normal(0, 6, 3)
    image = np.tile(ground, (side, side, 1))
    for number in range(5):
        centre = 0.5 + rng.normal(0, 0.04, 2) if number == 0 else rng.random(2)
        radius, ink = rng.uniform(0.16, 0.3) if number == 0 else rng.uniform(0.08, 0.15), rng.uniform(60, 170, 3)
        edge = radius * (
            1 + 0.15 * np.sin(rng.integers(2, 5) * np.arctan2(y - centre[0], x - centre[1]) + rng.random())
        )
        inside = np.hypot(y - centre[0], x - centre[1]) < edge
        image[inside] = ink
    texture = gaussian_filter(rng.normal(0, 1, (side, side, 1)), (1.5, 1.5, 0)) * 70
    return np.clip(gaussian_filter(image + texture, (0.7, 0.7, 0)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def smears() -> np.ndarray:
    rng = np.random.default_rng(5)
    return np.stack([smear(rng) for _ in range(16)])


def saved(image: np.ndarray, quality: int) -> np.ndarray:
    packed = io.BytesIO()
    Image.fromarray(image).save(packed, "JPEG", quality=quality)
    return np.asarray(Image.open(packed))


def moved(image: np.ndarray, down: int, across: int, fill: Literal["constant", "edge"]) -> np.ndarray:
    wide = np.pad(image, ((8, 8), (8, 8), (0, 0)), fill)
    return wide[8 + down : 8 + down + len(image), 8 + across : 8 + across + len(image)]


def cropped(image: np.ndarray, *box: float) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box))


CHANGES = {
    "turned": lambda image: np.rot90(image),
    "turned twice and mirrored": lambda image: np.rot90(image, 2)[:, ::-1],
    "moved, with a black border": lambda image: moved(image, 5, -4, "constant"),
    "moved by a tenth": lambda image: moved(image, -6, 6, "edge"),
    "cropped": lambda image: cropped(image, 5, 1, 63, 59),
    "zoomed": lambda image: cropped(image, 3, 3, 61, 61),
    "brighter": lambda image: np.asarray(ImageEnhance.Brightness(Image.fromarray(image)).enhance(1.2)),
    "darker": lambda image: np.asarray(ImageEnhance.Brightness(Image.fromarray(image)).enhance(0.8)),
    "more contrast": lambda image: np.asarray(ImageEnhance.Contrast(Image.fromarray(image)).enhance(1.2)),
    "less contrast": lambda image: np.asarray(ImageEnhance.Contrast(Image.fromarray(image)).enhance(0.8)),
    "saved as JPEG 30": lambda image: saved(image, 30),
    "at half the size": lambda image: np.asarray(
        Image.fromarray(image).resize((SIDE // 2, SIDE // 2), Image.Resampling.BICUBIC).resize((SIDE, SIDE))
    ),
    "moved, mirrored and saved": lambda image: saved(np.ascontiguousarray(moved(image, 3, 2, "edge")[:, ::-1]), 80),
}


def image_set(images, labels=None):
    labels = np.zeros(len(images), np.int64) if labels is None else np.asarray(labels, np.int64)
    return ImageSet(np.asarray(images, np.uint8), labels, tuple(f"p{n:03d}" for n in range(len(images))), ("a", "b"))


@pytest.mark.parametrize("name", CHANGES)
def test_every_copy_is_found_however_it_was_changed_and_nothing_else(smears, name):
    images = np.concatenate([smears, [CHANGES[name](image) for image in smears]])
    pairs = {(pair.first, pair.second) for pair in find_near(images, Cleaning())}
    assert pairs == {(row, row + len(smears)) for row in range(len(smears))}


def test_a_pair_says_what_was_done(smears):
    [pair] = find_near(np.stack([smears[0], np.rot90(moved(smears[0], 0, 6, "edge")[:, ::-1])]), Cleaning())
    assert pair.turn >= 4
    assert pair.shift == pytest.approx(6 / SIDE, abs=0.01)
    assert pair.zoom == pytest.approx(1, abs=0.01)
    assert "mirrored" in pair.kind
    assert "moved" in pair.kind


def test_near_copies_with_two_labels_are_a_label_conflict(smears):
    images = np.concatenate([smears, np.rot90(smears[2:4], axes=(1, 2))])
    labels = np.zeros(len(images))
    labels[-2] = 1  # a copy of 2 in another class; that of 3 in the same
    cleaned = clean(image_set(images, labels), Cleaning())
    assert {(finding.id, finding.rule, finding.action) for finding in cleaned.findings} == {
        ("p002", "label conflict", "dropped"),
        ("p016", "label conflict", "dropped"),
        ("p017", "near duplicate", "grouped"),
    }
    assert {(copy.first, copy.second) for copy in cleaned.copies} == {(2, 16), (3, 17)}


def test_of_many_near_copies_of_one_image_all_go(smears):
    rng = np.random.default_rng(8)
    copies = [saved(np.ascontiguousarray(np.rot90(smears[1], int(rng.integers(4)))), 50 + n) for n in range(20)]
    cleaned = clean(image_set([*smears, *copies]), Cleaning(mass_copies=12, outlier_factor=1e9))
    dropped = {finding.id for finding in cleaned.findings if finding.rule == "mass duplicate"}
    assert dropped == {"p001", *(f"p{n:03d}" for n in range(16, 36))}


def test_a_chain_of_different_images_stays(smears):
    """Each step is near to the next, and the ends are different images."""
    steps = np.linspace(0, 1, 13)[:, None, None, None]
    chain = np.rint((1 - steps) * smears[0] + steps * smears[4]).astype(np.uint8)
    cleaned = clean(image_set([*smears[5:], *chain]), Cleaning(mass_copies=10))
    assert len(cleaned.kept) == 11 + 13
    assert {finding.action for finding in cleaned.findings} == {"grouped"}


def test_the_nearest_signatures_are_those_of_a_full_search_nearly_always():
    rng = np.random.default_rng(3)
    points = np.rint(rng.normal(0, 40, (600, 8)) @ rng.normal(0, 1, (8, 48)) / 3).clip(-511, 511).astype(np.float32)
    points[300:] = points[:300] + rng.integers(-2, 3, (300, 48))
    found = {tuple(pair) for pair in nearest(points, points).tolist()}
    assert sum((row, row + 300) in found for row in range(300)) >= 297
    assert not any(query == point for query, point in found)


def drawing(rng: np.random.Generator, kind: int, grey: bool) -> np.ndarray:
    """A disc, a square or a cross of its own colours, place and size on a ground with speckle of its own."""
    ground, ink = (tuple(rng.integers(*span, 3).tolist()) for span in ((150, 230), (10, 130)))
    image = Image.new("RGB", (SIDE, SIDE), ground)
    pen = ImageDraw.Draw(image)
    x, y = rng.integers(24, 41, 2).tolist()
    half = int(rng.integers(10, 19))
    if kind == 0:
        pen.ellipse((x - half, y - half, x + half, y + half), fill=ink)
    elif kind == 1:
        pen.rectangle((x - half, y - half, x + half, y + half), fill=ink)
    else:
        arm = half // 3
        pen.rectangle((x - half, y - arm, x + half, y + arm), fill=ink)
        pen.rectangle((x - arm, y - half, x + arm, y + half), fill=ink)
    speckled = np.clip(np.asarray(image) + rng.normal(0, 6, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
    return saved(np.asarray(Image.fromarray(speckled).convert("L").convert("RGB")) if grey else speckled, 80)


@pytest.mark.parametrize("grey", [True, False])
def test_drawings_of_one_shape_are_no_copies_and_their_copies_are_found(grey):
    rng = np.random.default_rng(26)
    drawn = [drawing(rng, kind, grey) for kind in range(3) for _ in range(60)]
    changes = ("turned", "zoomed", "darker", "saved as JPEG 30", "at half the size", "moved, mirrored and saved")
    planted = [(row, CHANGES[name](drawn[row])) for step, name in enumerate(changes) for row in range(step, 180, 45)]
    images = np.stack([*drawn, *(image for _, image in planted)])
    pairs = {(pair.first, pair.second) for pair in find_near(images, Cleaning())}
    copies = {(row, 180 + number) for number, (row, _) in enumerate(planted)}
    assert not pairs - copies
    assert len(pairs) >= 0.95 * len(copies)


@pytest.mark.slow
def test_different_handwritten_digits_are_no_copies():
    digits = np.minimum(load_digits().images * 16, 255).astype(np.uint8)[..., None].repeat(3, axis=3)
    assert len(find_near(digits, Cleaning())) <= 1
