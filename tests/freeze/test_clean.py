"""Cleaning finds what was planted, tells why, and obeys the keep and drop lists."""

import numpy as np
import pytest

from harness.contest import Cleaning
from harness.errors import ContestError
from harness.freeze.clean import clean
from harness.sources.image_set import ImageSet
from tests.conftest import near_once

SIDE = 32


def cells(n: int, rng: np.random.Generator) -> np.ndarray:
    """Images alike in kind and each different: a dark disk of random place and size on a textured ground."""
    y, x = np.mgrid[:SIDE, :SIDE]
    images = rng.integers(180, 240, (n, SIDE, SIDE, 3)).astype(np.uint8)
    for image in images:
        centre, radius = rng.integers(12, 20, 2), rng.integers(5, 11)
        inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2
        image[inside] = rng.integers(60, 140, (int(inside.sum()), 3))
    return images


def image_set(images, labels=None, official=None):
    labels = np.zeros(len(images), np.int64) if labels is None else np.asarray(labels, np.int64)
    ids = tuple(f"p{row:03d}" for row in range(len(images)))
    return ImageSet(np.asarray(images, np.uint8), labels, ids, ("a", "b"), {}, official)


def rules_of(cleaned):
    return {finding.id: (finding.rule, finding.action) for finding in cleaned.findings}


@pytest.fixture(autouse=True)
def searched_once(monkeypatch):
    monkeypatch.setattr("harness.freeze.clean.find_near", near_once)


@pytest.fixture
def images():
    return cells(40, np.random.default_rng(0))


def test_clean_images_all_stay(images):
    cleaned = clean(image_set(images), Cleaning())
    assert cleaned.findings == ()
    assert sorted(cleaned.kept.tolist()) == list(range(40))
    assert len(set(cleaned.groups.tolist())) == 40


def test_of_a_few_copies_the_first_by_id_stays(images):
    images[7] = images[35] = images[3]
    cleaned = clean(image_set(images), Cleaning())
    assert rules_of(cleaned) == {"p007": ("exact duplicate", "dropped"), "p035": ("exact duplicate", "dropped")}


def test_of_many_copies_none_stays(images):
    images[10:20] = images[10]
    cleaned = clean(image_set(images), Cleaning(mass_copies=10))
    assert rules_of(cleaned) == {f"p{row:03d}": ("mass duplicate", "dropped") for row in range(10, 20)}
    one_less = clean(image_set(images), Cleaning(mass_copies=11))
    assert "p010" not in rules_of(one_less)


def test_copies_with_other_labels_all_go(images):
    images[8] = images[4]
    labels = np.zeros(40)
    labels[8] = 1
    cleaned = clean(image_set(images, labels), Cleaning())
    assert rules_of(cleaned) == {"p004": ("label conflict", "dropped"), "p008": ("label conflict", "dropped")}


def test_near_duplicates_share_a_group_or_go_as_the_contest_says(images):
    images[9] = np.clip(images[2].astype(int) + 2, 0, 255)
    cleaned = clean(image_set(images), Cleaning())
    assert rules_of(cleaned) == {"p009": ("near duplicate", "grouped")}
    group = dict(zip(cleaned.kept.tolist(), cleaned.groups.tolist(), strict=True))
    assert group[2] == group[9]
    assert len(set(group.values())) == 39
    dropping = clean(image_set(images), Cleaning(near_duplicates="drop"))
    assert rules_of(dropping) == {"p009": ("near duplicate", "dropped")}


def test_an_image_of_something_else_and_an_empty_one_go(images):
    stripes = np.zeros((SIDE, SIDE, 3), np.uint8)
    stripes[::2] = (0, 255, 0)
    images[5], images[6] = stripes, 128
    cleaned = clean(image_set(images), Cleaning())
    assert rules_of(cleaned) == {"p005": ("outlier", "dropped"), "p006": ("blank", "dropped")}


def test_the_keep_list_overrules_every_rule_and_the_drop_list_too(images):
    images[7] = images[3]
    images[6] = 128
    rules = Cleaning(keep=("p006", "p007"), drop=("p030",))
    cleaned = clean(image_set(images), rules)
    assert {(finding.id, finding.rule, finding.action) for finding in cleaned.findings} == {
        ("p006", "blank", "kept by list"),
        ("p007", "exact duplicate", "kept by list"),
        ("p007", "near duplicate", "grouped"),
        ("p030", "drop list", "dropped"),
    }
    assert {6, 7} <= set(cleaned.kept.tolist())
    group = dict(zip(cleaned.kept.tolist(), cleaned.groups.tolist(), strict=True))
    assert group[3] == group[7], "a copy that is kept must not straddle a split"


def test_a_listed_id_that_is_not_there_is_an_error(images):
    with pytest.raises(ContestError, match="p999"):
        clean(image_set(images), Cleaning(drop=("p999",)))


def test_a_copy_of_an_official_test_image_goes_and_the_test_image_stays(images):
    images[1] = images[30]
    images[2] = np.clip(images[31].astype(int) + 2, 0, 255)
    official = np.arange(40) >= 30
    cleaned = clean(image_set(images, official=official), Cleaning())
    assert rules_of(cleaned) == {"p001": ("exact duplicate", "dropped"), "p002": ("near duplicate", "dropped")}


def test_the_order_of_arrival_does_not_matter(images):
    images[9] = np.clip(images[2].astype(int) + 2, 0, 255)
    images[20] = images[21]
    forward, order = image_set(images), np.random.default_rng(1).permutation(40)
    shuffled = ImageSet(
        forward.images[order], forward.labels[order], tuple(forward.ids[row] for row in order), ("a", "b")
    )
    one, other = clean(forward, Cleaning()), clean(shuffled, Cleaning())
    assert one.findings == other.findings
    assert one.hashes == other.hashes
    assert one.groups.tolist() == other.groups.tolist()
