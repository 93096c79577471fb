"""The generic operations behind `robust` stay within the ranges they state, and owe nothing to the contest's shift."""

import ast
from collections import Counter
from functools import partial

import numpy as np
import pytest
from PIL import Image

from baselines.augment.catalogue import FAMILIES
from baselines.augment.operations import OPERATIONS, chained, mirrored, warped
from tests.architecture import ROOT, imports_of, module_links, name_of, reached

ALL = {operation.__name__: operation for family in OPERATIONS.values() for operation in family}
GREY = np.full((96, 96, 3), 128, np.uint8)


def cell(height: int, width: int) -> np.ndarray:
    """A dark disc in a coloured field, with a grain."""
    y, x = np.mgrid[:height, :width]
    inside = (y - height / 2) ** 2 + (x - width / 2) ** 2 < (min(height, width) / 3) ** 2
    grain = np.random.default_rng(0).integers(-20, 21, (height, width, 1))
    return (np.where(inside[..., None], (110, 60, 140), (215, 190, 180)) + grain).clip(0, 255).astype(np.uint8)


def many(name: str, image: np.ndarray, n: int = 200) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.stack([ALL[name](image, rng) for _ in range(n)])


@pytest.mark.parametrize("shape", [(32, 32), (96, 96), (40, 72), (96, 33)])
@pytest.mark.parametrize("name", ALL)
def test_an_operation_changes_an_image_and_keeps_its_shape_and_type(name, shape):
    image = cell(*shape)
    before = image.copy()
    results = [ALL[name](image, np.random.default_rng(seed)) for seed in range(12)]
    np.testing.assert_array_equal(image, before)
    for seed, result in enumerate(results):
        assert result.shape == image.shape
        assert result.dtype == np.uint8
        np.testing.assert_array_equal(ALL[name](image, np.random.default_rng(seed)), result)
    assert sum(not np.array_equal(result, image) for result in results) >= 10
    assert len({result.tobytes() for result in results}) >= 10


def test_every_family_of_the_catalogue_has_its_operations():
    assert set(OPERATIONS) == set(FAMILIES)
    assert all(OPERATIONS.values())


def test_affine_turns_by_any_angle_scales_by_a_third_at_most_and_brings_no_edge_in():
    y, x = np.mgrid[:96, :96]
    image = np.stack([x, y, 0 * x], axis=-1).astype(np.uint8)  # red is the column, green the row
    middle = many("affine", image)[:, 44:53, 44:53, :2].astype(float)
    matrices = np.stack(
        [(middle[:, :, 8] - middle[:, :, 0]).mean(axis=1), (middle[:, 8] - middle[:, 0]).mean(axis=1)], axis=-1
    )
    matrices /= 8
    area = np.linalg.det(matrices)
    assert area.min() > 0.93 * 0.75**2
    assert area.max() < 1.07 / 0.75**2
    assert area.max() > 2 * area.min()
    angles = np.degrees(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))
    assert (np.histogram(angles, bins=8, range=(-180, 180))[0] > 5).all()
    assert (many("affine", GREY) == 128).all()


def test_warped_puts_at_a_place_what_stands_where_the_matrix_says():
    image, still = cell(40, 72), np.zeros(2)
    np.testing.assert_array_equal(warped(image, np.eye(2), still), image)
    np.testing.assert_array_equal(warped(image, -np.eye(2), still), image[::-1, ::-1])
    square = cell(40, 40)
    np.testing.assert_array_equal(warped(square, np.array([[0.0, -1], [1, 0]]), still), np.rot90(square))
    shifted = warped(image, np.eye(2), np.array([5.0, -3]))
    np.testing.assert_array_equal(shifted[3:, :-5], image[:-3, 5:])
    np.testing.assert_array_equal(shifted[:3, :-5], image[:3, 5:][::-1])


def test_edges_mirror_as_those_of_numpy():
    image = cell(20, 31)
    for pad in (0, 1, 7, 20):
        expected = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="symmetric")
        np.testing.assert_array_equal(mirrored(image, pad), expected)
    assert mirrored(image, 50).shape == (120, 131, 3)


def test_resampled_leaves_a_fifth_to_four_fifths_of_the_side(monkeypatch):
    sizes, resize = [], Image.Image.resize

    def noted(self, size, how):
        sizes.append((size, how))
        return resize(self, size, how)

    monkeypatch.setattr(Image.Image, "resize", noted)
    many("resampled", cell(96, 96))
    sides = [size[0] for size, _ in sizes[::2]]
    assert 19 <= min(sides) < 24
    assert 70 < max(sides) <= 77
    assert {size for size, _ in sizes[1::2]} == {(96, 96)}
    assert len({(down, up) for (_, down), (_, up) in zip(sizes[::2], sizes[1::2], strict=True)}) == 9


def test_compressed_has_jpeg_qualities_of_4_to_50(monkeypatch):
    qualities, save = [], Image.Image.save

    def noted(self, file, form, quality):
        qualities.append(quality)
        save(self, file, form, quality=quality)

    monkeypatch.setattr(Image.Image, "save", noted)
    many("compressed", cell(32, 32), 300)
    assert min(qualities) == 4
    assert 45 < max(qualities) <= 50
    assert np.median(qualities) == pytest.approx((4 * 50) ** 0.5, abs=3)


def test_blurred_widens_an_edge_by_half_a_pixel_to_a_few():
    edge = np.zeros((96, 96, 3), np.uint8)
    edge[:, 48:] = 255
    for side in (96, 48):
        slope = np.diff(many("blurred", edge[:side, 48 - side // 2 : 48 + side // 2])[:, side // 2, :, 0].astype(int))
        place = np.arange(side - 1) - (side / 2 - 1)
        width = np.sqrt((slope * place**2).sum(axis=1) / 255) * 96 / side
        assert width.max() < 3.4  # a Gaussian of 3.2
        assert width.max() > 2.4
        assert np.median(width) > 0.4


def test_moved_smears_a_dot_into_a_line_of_3_to_14_pixels():
    dot = np.zeros((96, 96, 3), np.uint8)
    dot[48, 48] = 255
    lengths, angles = [], []
    for image in many("moved", dot):
        y, x = np.nonzero(image[..., 0])
        lengths.append(np.hypot(np.ptp(y), np.ptp(x)))
        angles.append(np.degrees(np.arctan2((y - 48) @ (x - 48), (x - 48) @ (x - 48) - (y - 48) @ (y - 48))))
        assert len(y) <= 16
    assert 2 <= min(lengths) < 4
    assert 12 < max(lengths) < 15.5
    assert np.ptp(angles) > 170


def test_light_changes_within_its_factors_and_powers():
    brighter = many("brightness", np.full((4, 4, 3), 100, np.uint8), 400)[:, 0, 0, 0]
    assert 10 <= brighter.min() < 20
    assert 180 < brighter.max() <= 190
    bent = many("gamma", np.array([[[0, 128, 255]]], np.uint8).repeat(4, axis=0), 400)[:, 0, 0]
    assert (bent[:, 0] == 0).all()
    assert (bent[:, 2] == 255).all()
    powers = np.log(bent[:, 1] / 255) / np.log(128 / 255)
    assert powers.min() == pytest.approx(0.4, abs=0.03)
    assert powers.max() == pytest.approx(2.5, abs=0.1)


def test_colour_changes_within_its_factors():
    two = np.full((8, 8, 3), 100, np.uint8)
    two[:4] = 140
    apart = np.ptp(many("contrast", two, 400)[..., 0].astype(int), axis=(1, 2)) / 40
    assert apart.min() == pytest.approx(0.25, abs=0.05)
    assert apart.max() == pytest.approx(2.2, abs=0.1)
    coloured = np.full((8, 8, 3), (120, 100, 110), np.uint8)
    kept = np.ptp(many("saturation", coloured)[:, 0, 0].astype(int), axis=1) / 20
    assert kept.min() < 0.15
    assert 2.3 < kept.max() <= 2.55
    assert (many("saturation", GREY) == 128).all()
    gains = many("channel_gains", np.full((2, 2, 3), 150, np.uint8), 400)[:, 0, 0] / 150
    assert gains.min() == pytest.approx(0.75, abs=0.02)
    assert gains.max() == pytest.approx(1.33, abs=0.02)
    assert abs(np.corrcoef(gains.T)[np.triu_indices(3, 1)]).max() < 0.2, "each channel has a gain of its own"


def test_blobs_cover_a_part_and_stay_see_through():
    black, white = np.zeros_like(GREY), np.full_like(GREY, 255)
    on_black, on_white = many("blobs", black).astype(int), many("blobs", white).astype(int)
    opacity = 1 - (on_white - on_black).mean(axis=-1) / 255  # the same draws on both
    assert opacity.max() < 0.93
    assert opacity.max() > 0.8
    covered = (opacity > 0.05).mean(axis=(1, 2))
    assert covered.max() < 6 * np.pi * 0.18**2
    assert np.median(covered) > 0.01
    assert on_black.max() > 190
    assert on_white[opacity > 0.5].min() < 120


def test_noise_is_gaussian_of_2_to_22_levels_on_all_channels_or_on_each():
    added = many("noise", GREY).astype(int) - 128
    deviation = added.std(axis=(1, 2, 3))
    assert 1.9 < deviation.min() < 3
    assert 20 < deviation.max() < 22.5
    assert abs(added.mean()) < 0.1
    z = (added / deviation[:, None, None, None])[deviation > 10]
    for quantile, expected in ((0.0228, -2), (0.1587, -1), (0.5, 0), (0.8413, 1), (0.9772, 2)):
        assert np.quantile(z, quantile) == pytest.approx(expected, abs=0.07)
    alike = (np.ptp(added, axis=-1) == 0).all(axis=(1, 2))
    assert alike.mean() == pytest.approx(0.3, abs=0.1)
    first, second = added[~alike][:2, ..., 0].reshape(2, -1)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1


def test_a_chain_has_up_to_four_operations_of_different_families(monkeypatch):
    ran: list[tuple[str, int]] = []

    def noted(name, image, rng):
        ran.append(name)
        return image

    for family, doing in OPERATIONS.items():
        monkeypatch.setitem(OPERATIONS, family, tuple(partial(noted, (family, n)) for n, _ in enumerate(doing)))
    rng, depths, seen = np.random.default_rng(2), Counter[int](), Counter[tuple[str, int]]()
    for _ in range(1000):
        ran.clear()
        chained(tuple(FAMILIES), GREY, rng)
        depths[len(ran)] += 1
        seen.update(ran)
        assert len({family for family, _ in ran}) == len(ran)
    assert set(depths) == {0, 1, 2, 3, 4}
    assert min(depths.values()) > 150
    assert len(seen) == len(ALL)
    ran.clear()
    for _ in range(400):
        chained(("light",), GREY, rng)
    assert len(ran) / 400 == pytest.approx(0.5, abs=0.1), "one family alone: one image in two"


SHIFT = ("harness.freeze.corruptions", "harness.freeze.shift")


def of_the_shift(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in SHIFT)


def test_no_baseline_imports_what_shifts_the_hidden_test():
    for path in (ROOT / "baselines").rglob("*.py"):
        assert not {name for name in imports_of(path) if of_the_shift(name)}, path
    links = module_links()
    augmenting = [name for name in links if name.startswith("baselines.augment")]
    assert len(augmenting) > 5
    for name in augmenting:
        assert not {other for other in reached(links, name) if other.startswith("harness")}, name
    assert of_the_shift(name_of(ROOT / "harness/freeze/corruptions/hidden.py"))


def tables(folder: str) -> set[tuple[float, ...]]:
    """Each written row of four numbers or more, such as the severities of a corruption, that is no mere count."""
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
                try:
                    values = np.array(ast.literal_eval(node), dtype=float).ravel()
                except (ValueError, TypeError):
                    continue
                if len(values) >= 4 and not (np.diff(values) == 1).all():
                    found.add(tuple(values.tolist()))
    return found


def test_no_baseline_has_a_table_of_the_contest_s_corruptions():
    severities = tables("harness/freeze/corruptions")
    assert {(90, 80, 70, 60, 50), (50, 30, 15, 10, 7), (0.04, 0.08, 0.12, 0.15, 0.18)} <= severities
    assert not severities & tables("baselines")
