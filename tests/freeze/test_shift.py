"""Chains of corruptions: what is drawn, and that only the image decides it."""

from __future__ import annotations

import hashlib
from collections import Counter

import msgspec
import numpy as np
import pytest

from harness.contest import Shift
from harness.freeze.corruptions import HIDDEN, PUBLIC
from harness.freeze.shift import Link, draw_chain, shift_images

SETS = pytest.mark.parametrize("corruptions", [HIDDEN, PUBLIC], ids=["hidden", "public"])


@pytest.fixture(scope="module")
def keyed_images() -> tuple[np.ndarray, list[bytes]]:
    images = np.random.default_rng(1).integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)
    images.setflags(write=False)
    return images, [hashlib.sha256(image.tobytes()).digest() for image in images]


def chains(shift: Shift, corruptions: tuple, n: int) -> list[tuple[Link, ...]]:
    rng = np.random.default_rng(5)
    return [draw_chain(shift, corruptions, rng) for _ in range(n)]


@SETS
def test_no_group_comes_twice_in_a_chain_and_severities_are_those_of_the_contest(corruptions):
    drawn = chains(Shift(severities=(2, 4, 5)), corruptions, 500)
    assert all(len({link.group for link in chain}) == len(chain) for chain in drawn)
    assert {link.severity for chain in drawn for link in chain} == {2, 4, 5}


@SETS
def test_the_clean_share_and_the_lengths_are_as_the_contest_states(corruptions):
    n = 2000
    lengths = Counter(map(len, chains(Shift(clean=0.05, chain=(2, 3, 4)), corruptions, n)))
    assert set(lengths) == {0, 2, 3, 4}
    assert abs(lengths[0] / n - 0.05) < 0.015  # three standard deviations
    assert all(abs(lengths[length] / n - 0.95 / 3) < 0.035 for length in (2, 3, 4))


@SETS
def test_every_family_is_drawn_at_every_place_of_a_chain(corruptions):
    drawn = chains(Shift(clean=0, chain=(4,)), corruptions, 2000)
    for place in range(4):
        assert {chain[place].family for chain in drawn} == {corruption.name for corruption in corruptions}


def test_a_link_names_the_group_of_its_family():
    group = {corruption.name: corruption.group for corruption in HIDDEN}
    assert all(link.group == group[link.family] for chain in chains(Shift(), HIDDEN, 200) for link in chain)


@SETS
def test_permuted_images_give_the_same_results_permuted(corruptions, keyed_images):
    images, keys = keyed_images
    shifted, drawn = shift_images(images, keys, corruptions, Shift(), "hidden")
    order = np.random.default_rng(2).permutation(len(images))[:15]  # some are missing, too
    again, drawn_again = shift_images(images[order], [keys[row] for row in order], corruptions, Shift(), "hidden")
    np.testing.assert_array_equal(again, shifted[order])
    assert drawn_again == [drawn[row] for row in order]


@pytest.mark.parametrize("change", ["purpose", "seed", "key"])
def test_another_purpose_seed_or_key_draws_other_chains(change, keyed_images):
    images, keys = keyed_images
    _, drawn = shift_images(images, keys, PUBLIC, Shift(), "hidden")
    purpose = "val_shifted" if change == "purpose" else "hidden"
    shift = Shift(seed=1) if change == "seed" else Shift()
    others = [key[::-1] for key in keys] if change == "key" else keys
    _, drawn_again = shift_images(images, others, PUBLIC, shift, purpose)
    assert sum(a == b for a, b in zip(drawn, drawn_again, strict=True)) < 6  # of 24: both clean, say


def test_images_without_a_chain_stay_and_all_others_change(keyed_images):
    images, keys = keyed_images
    shifted, drawn = shift_images(images, keys, HIDDEN, Shift(clean=0.4), "hidden")
    changed = (shifted != images).any(axis=(1, 2, 3))
    assert changed.tolist() == [bool(chain) for chain in drawn]
    assert 0 < changed.sum() < len(images)


@pytest.fixture(scope="module")
def grey_images(keyed_images) -> tuple[np.ndarray, list[bytes]]:
    images, keys = keyed_images
    return images[..., :1].repeat(3, axis=3), keys


@SETS
def test_grey_images_stay_grey_in_every_chain_and_no_link_changes_colours(corruptions, grey_images):
    images, keys = grey_images
    longest = Shift(clean=0, chain=(4,))
    shifted, drawn = shift_images(images, keys, corruptions, longest, "hidden", grey=True)
    assert (shifted == shifted[..., :1]).all()
    assert not {link.family for chain in drawn for link in chain} & {"hue", "saturation"}
    assert {len(chain) for chain in drawn} == {4 if corruptions is HIDDEN else 3}  # of PUBLIC, hue is a group
    assert (shifted != images).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("corruption", HIDDEN + PUBLIC, ids=lambda one: one.name)
def test_a_corruption_of_colour_leaves_a_grey_image_as_it_is_and_no_other_does(corruption, grey_images):
    image = grey_images[0][0]
    result = corruption.apply(image, 5, np.random.default_rng(0))
    assert np.array_equal(result, image) == corruption.of_colour
    channels = [result[..., channel] for channel in range(3)]
    assert corruption.group == "noise" or all(np.array_equal(channels[0], one) for one in channels)


def test_no_image_at_all_gives_none():
    shifted, drawn = shift_images(np.empty((0, 96, 96, 3), np.uint8), [], HIDDEN, Shift(), "hidden")
    assert shifted.shape == (0, 96, 96, 3)
    assert drawn == []


def test_the_track_is_told_of_every_image(keyed_images):
    told = []

    def track(items, what, total):
        for item in items:
            told.append((what, total))
            yield item

    images, keys = keyed_images
    shift_images(images[:3], keys[:3], PUBLIC, Shift(), "val_shifted", track=track)
    assert told == [("Shift val_shifted, images", 3)] * 3


def test_a_chain_survives_json():
    chain = (Link("light", "brightness_up", 3), Link("objects", "bubbles", 5))
    assert msgspec.json.decode(msgspec.json.encode(chain), type=tuple[Link, ...]) == chain
