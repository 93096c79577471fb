"""An augmentation changes images as its paper says, and draws from the generator handed in."""

import random
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from baselines.augment.autoaugment import AUGMIX, RANDAUGMENT, augmix, randaugment
from baselines.augment.catalogue import AUGMENTATIONS
from baselines.augment.gridmask import FILL, gridmask, hidden
from baselines.augment.images import augment, basic, flipped

SHAPE = (32, 32, 3)


def some_images(n: int = 32) -> np.ndarray:
    """Soft spots of full range, so that no operation finds an image that it cannot change."""
    coarse = np.random.default_rng(0).integers(0, 256, (n, 8, 8, 3))
    return np.kron(coarse, np.ones((1, 4, 4, 1))).astype(np.uint8)


def test_nothing_on_single_images_loads_keras():
    code = "import sys, baselines.augment.images; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_keeps_shape_and_type_and_draws_from_its_generator_alone(name):
    steps, images = AUGMENTATIONS[name].images, some_images()
    before, python_state, numpy_state = images.copy(), random.getstate(), np.random.get_state()[1].copy()
    changed = augment(images, steps, np.random.default_rng(1))
    other = augment(images, steps, np.random.default_rng(2))
    np.testing.assert_array_equal(images, before)
    assert random.getstate() == python_state
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)
    for result in (changed, other):
        assert result.shape == images.shape
        assert result.dtype == np.uint8
    random.random()
    np.testing.assert_array_equal(augment(images, steps, np.random.default_rng(1)), changed)
    # Image after image: a batch that ends earlier is the same up to its end.
    np.testing.assert_array_equal(augment(images[:5], steps, np.random.default_rng(1)), changed[:5])
    assert bool(steps) is not np.array_equal(changed, other)
    n_changed = (changed != images).any(axis=(1, 2, 3)).sum()
    assert n_changed > len(images) / 2 if steps else n_changed == 0


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_takes_images_of_any_shape(name):
    for shape in ((96, 96, 3), (40, 72, 3), (72, 33, 3)):
        images = np.random.default_rng(0).integers(0, 256, (4, *shape), dtype=np.uint8)
        assert augment(images, AUGMENTATIONS[name].images, np.random.default_rng(3)).shape == images.shape


@pytest.mark.parametrize(
    ("name", "n_different"), [("basic", 32), ("gridmask", 20), ("augmix", 32), ("randaugment", 25), ("strong", 32)]
)
def test_equal_images_of_one_batch_become_different_ones(name, n_different):
    equal = np.repeat(some_images(1), 32, axis=0)
    changed = augment(equal, AUGMENTATIONS[name].images, np.random.default_rng(3))
    assert len({image.tobytes() for image in changed}) >= n_different


def test_flips_give_all_eight_positions_of_a_square_and_four_of_an_oblong():
    square, oblong = np.arange(4, dtype=np.uint8).reshape(2, 2, 1), np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    rng = np.random.default_rng(0)
    assert len({flipped(square, rng).tobytes() for _ in range(400)}) == 8
    assert len({flipped(oblong, rng).tobytes() for _ in range(400)}) == 4
    assert square.ravel().tolist() == [0, 1, 2, 3]


def places(height: int = 96, width: int = 96) -> np.ndarray:
    """An image whose red is its column and whose green is its row."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.full((height, width), 50)], axis=-1).astype(np.uint8)


def slopes(image: np.ndarray) -> np.ndarray:
    """How red and green of `places` change by column and row in the middle: the matrix that it went through."""
    middle, place = image[32:65, 32:65, :2].astype(float), np.arange(-16, 17)
    by_column, by_row = place @ middle.mean(axis=0), place @ middle.mean(axis=1)
    return np.stack([by_column, by_row], axis=-1) / (place @ place)


def test_basic_flips_turns_scales_and_moves_within_its_ranges():
    rng, image = np.random.default_rng(4), places()
    matrices = np.array([slopes(basic(image, rng)) for _ in range(300)])
    left_right, up_down = matrices[:, 0, 0] < 0, matrices[:, 1, 1] < 0
    assert {*zip(left_right.tolist(), up_down.tolist(), strict=True)} == {(a, b) for a in (0, 1) for b in (0, 1)}
    straight = matrices * np.where(np.stack([left_right, up_down], axis=-1), -1, 1)[:, None]
    angles = np.degrees(np.arctan2(straight[:, 1, 0], straight[:, 0, 0]))
    assert 33 < angles.max() < 37.5
    assert -37.5 < angles.min() < -33
    scale = np.sqrt(np.linalg.det(straight))  # zoom times contrast
    assert 0.8 < scale.min() < 0.88
    assert 1.12 < scale.max() < 1.23
    grey = np.array([basic(np.full((32, 32, 3), 120, np.uint8), rng) for _ in range(100)], int)
    assert (np.ptp(grey, axis=(1, 2)) == 0).all(), "no edge comes in"
    assert 20 < grey.max() - 120 <= 26
    assert 20 < 120 - grey.min() <= 26


@pytest.mark.parametrize(("operations", "strength"), [(AUGMIX, 0.3), (RANDAUGMENT, 0.9)])
def test_the_geometry_of_augmix_and_randaugment_has_the_strength_of_the_papers(operations, strength):
    fill = {0.3: 0, 0.9: 128}[strength]
    image = places() + np.uint8(60)
    for sign in (1, -1):
        s = strength * sign
        turned = slopes(operations["rotate"](image, s))
        assert np.degrees(np.arctan2(turned[1, 0], turned[0, 0])) == pytest.approx(30 * s, abs=0.5)
        np.testing.assert_allclose(slopes(operations["shear-x"](image, s)), [[1, 0.3 * s], [0, 1]], atol=0.01)
        np.testing.assert_allclose(slopes(operations["shear-y"](image, s)), [[1, 0], [0.3 * s, 1]], atol=0.01)
    far = {0.3: 9, 0.9: 38}[strength]  # of 96: a tenth, and 90 of 224
    for name, axis in (("translate-x", 1), ("translate-y", 0)):
        for sign in (1, -1):
            moved = np.moveaxis(operations[name](image, strength * sign), axis, 0)[::sign]
            np.testing.assert_array_equal(moved[: 96 - far], np.moveaxis(image, axis, 0)[::sign][far:])
            assert (moved[96 - far :] == fill).all()


def test_levels_change_by_the_strength_of_the_papers():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    for operation, threshold in ((AUGMIX["solarize"], 180), (RANDAUGMENT["solarize"], 230)):
        strength = 0.3 if threshold == 180 else 0.9
        np.testing.assert_array_equal(operation(levels, strength), np.where(levels < threshold, levels, 255 - levels))
    kept = {s: len(np.unique(AUGMIX["posterize"](levels, s))) for s in (0.2, -0.2, 0.3)}
    assert kept == {0.2: 2**4, -0.2: 2**4, 0.3: 2**3}
    assert len(np.unique(RANDAUGMENT["posterize"](levels, 0.9))) == 2**3
    dark = np.full((8, 8, 3), 100, np.uint8)
    assert (RANDAUGMENT["brightness"](dark, -0.9) == 172).all()
    dark[:4] = (90, 110, 120)
    apart = {name: np.ptp(RANDAUGMENT[name](dark, 0.9).astype(int)) for name in ("color", "contrast")}
    assert apart["contrast"] == pytest.approx(1.72 * 30, abs=2)
    assert 30 < apart["color"] < 1.72 * 30 + 2
    half = np.tile(levels // 2 + 20, (4, 4, 1))
    for operations in (AUGMIX, RANDAUGMENT):
        assert (np.ptp(operations["autocontrast"](half, 0.1), axis=(0, 1)) == 255).all()
        assert (np.ptp(operations["equalize"](half, 0.1), axis=(0, 1)) == 255).all()
    np.testing.assert_array_equal(RANDAUGMENT["identity"](levels, 0.9), levels)


def watched(operations, monkeypatch) -> list[tuple[str, float]]:
    """Name and strength of each operation from now on, in order; none of them changes an image."""
    ran: list[tuple[str, float]] = []

    def noted(name, image, strength):
        ran.append((name, strength))
        return image

    for name in operations:
        monkeypatch.setitem(operations, name, partial(noted, name))
    return ran


def test_augmix_draws_three_chains_of_one_to_three_operations_for_each_image(monkeypatch):
    assert not {"brightness", "contrast", "color", "sharpness"} & set(AUGMIX)
    ran, rng, image = watched(AUGMIX, monkeypatch), np.random.default_rng(5), some_images(1)[0]
    counts, drawn = [], set()
    for _ in range(200):
        ran.clear()
        np.testing.assert_array_equal(augmix(image, rng), image, "weights that sum to 1")
        counts.append(len(ran))
        drawn |= {*ran}
    assert min(counts) == 3 and max(counts) == 9
    assert np.mean(counts) == pytest.approx(6, abs=0.4)
    assert {name for name, _ in drawn} == set(AUGMIX)
    strengths = np.array([strength for _, strength in drawn])
    assert 0.01 <= np.abs(strengths).min() < 0.02
    assert 0.29 < np.abs(strengths).max() <= 0.3
    assert (strengths < 0).mean() == pytest.approx(0.5, abs=0.1)


def test_augmix_lies_between_the_image_and_its_chains_by_weights_drawn_anew(monkeypatch):
    for name in AUGMIX:
        monkeypatch.setitem(AUGMIX, name, lambda image, s: np.full_like(image, 200))
    rng, black = np.random.default_rng(6), np.zeros((2, 2, 3), np.uint8)
    shares = np.array([augmix(black, rng)[0, 0, 0] for _ in range(400)]) / 200
    np.testing.assert_allclose(np.quantile(shares, (0.1, 0.5, 0.9)), (0.1, 0.5, 0.9), atol=0.07)


def test_randaugment_draws_two_of_fourteen_operations_for_each_image(monkeypatch):
    assert len(RANDAUGMENT) == 14
    ran, rng, image = watched(RANDAUGMENT, monkeypatch), np.random.default_rng(7), some_images(1)[0]
    for n in range(1, 501):
        randaugment(image, rng)
        assert len(ran) == 2 * n
    names, counts = np.unique([name for name, _ in ran], return_counts=True)
    assert set(names) == set(RANDAUGMENT)
    assert counts.min() > 1000 / 14 / 2
    assert {strength for _, strength in ran} == {0.9, -0.9}


def test_gridmask_hides_the_share_of_the_paper_behind_the_mean_colour():
    rng, image = np.random.default_rng(8), np.ones((48, 48, 3), np.uint8)
    masked = np.stack([gridmask(image, rng) for _ in range(800)])
    hidden = (masked != 1).all(axis=-1)
    touched = hidden.any(axis=(1, 2))
    assert touched.mean() == pytest.approx(0.8, abs=0.05)
    assert hidden[touched].mean() == pytest.approx((1 - 0.6) ** 2, abs=0.01)
    assert {tuple(pixel) for pixel in masked[hidden].tolist()} == {tuple(FILL.tolist())}
    assert (masked[~hidden] == 1).all()


def test_gridmask_hides_squares_of_two_fifths_of_a_pitch_at_any_angle():
    rng = np.random.default_rng(9)
    areas, turned = [], 0
    for _ in range(2000):
        mask = hidden((96, 96), rng)
        # A square that touches no edge, alone in the image.
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        whole = np.ptp(rows) + 1 == len(rows) and np.ptp(columns) + 1 == len(columns) if mask.any() else False
        if whole and rows[0] > 0 and rows[-1] < 95 and columns[0] > 0 and columns[-1] < 95:
            areas.append(mask.sum())
            turned += mask.sum() < 0.8 * len(rows) * len(columns)
    assert len(areas) > 20
    sides = np.sqrt(areas)
    assert sides.min() > 0.4 * 96 * 96 / 224 - 1
    assert sides.max() < 0.4 * 96 + 1
    assert turned > len(areas) / 4
