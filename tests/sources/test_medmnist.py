"""The sets of MedMNIST keep their official test split, and take the contest's size by one stated rule."""

import hashlib
import re

import numpy as np
import pytest
from PIL import Image

from harness import medmnist_sets
from harness.contest import OWNER_STATES, MedmnistSource, find_contest
from harness.errors import ContestError, SourceError
from harness.medmnist_sets import MEDMNIST, SETS, SIZES
from harness.sources import load_source, medmnist

pytestmark = pytest.mark.usefixtures("reads_in_one_process")

CLASSES = tuple("abcdefgh")
COUNTS = {"train": 150, "val": 12, "test": 31}
BLOOD = {
    28: "7053d0359d879ad8a5505303e11de1dc",
    64: "2b94928a2ae4916078ca51e05b6b800b",
    128: "adace1e0ed228fccda1f39692059dd4c",
    224: "b718ff6835fcbdb22ba9eacccd7b2601",
}
SIZE_28 = MedmnistSource(size=28)


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(8)
    return {
        f"{split}_{what}": rng.integers(0, high, (n, *shape), dtype=np.uint8)
        for split, n in COUNTS.items()
        for what, high, shape in (("images", 256, (28, 28, 3)), ("labels", 8, (1,)))
    }


def test_the_splits_come_in_order_and_the_official_test_split_is_hidden(tmp_path, arrays):
    np.savez(tmp_path / "b.npz", **dict(reversed(arrays.items())))
    got = medmnist.load(SIZE_28, tmp_path / "b.npz", CLASSES, (28, 28, 3), cache=tmp_path)
    np.testing.assert_array_equal(got.images, np.concatenate([arrays[f"{s}_images"] for s in COUNTS]))
    np.testing.assert_array_equal(got.labels, np.concatenate([arrays[f"{s}_labels"][:, 0] for s in COUNTS]))
    assert got.official_hidden is not None
    hidden = [name for name, official in zip(got.ids, got.official_hidden, strict=True) if official]
    assert hidden == [f"test-{i:05d}" for i in range(31)]
    assert got.provenance["images"] == "train 150, val 12, test 31"
    assert got.provenance["published file"].startswith("no")
    assert "resized" not in got.provenance


def test_another_size_is_resized_bicubically_and_the_rule_is_kept(tmp_path, arrays):
    np.savez_compressed(tmp_path / "b.npz", **arrays)
    got = medmnist.load(SIZE_28, tmp_path / "b.npz", CLASSES, (96, 96, 3), cache=tmp_path)
    assert got.images.shape == (193, 96, 96, 3)
    for row, pixels in (
        (0, arrays["train_images"][0]),
        (149, arrays["train_images"][149]),
        (192, arrays["test_images"][30]),
    ):
        expected = Image.fromarray(pixels).resize((96, 96), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(got.images[row], np.asarray(expected))
    assert got.provenance["resized"].startswith("from 28 × 28: ")


def test_a_missing_split_is_named(tmp_path, arrays):
    del arrays["val_labels"]
    np.savez(tmp_path / "b.npz", **arrays)
    with pytest.raises(SourceError, match="no array 'val_labels'") as caught:
        medmnist.load(SIZE_28, tmp_path / "b.npz", CLASSES, (28, 28, 3), cache=tmp_path)
    assert "Did you mean" in caught.value.hint


def test_a_file_of_another_size_than_the_contest_names_is_refused(tmp_path, arrays):
    np.savez(tmp_path / "b.npz", **arrays)
    with pytest.raises(SourceError, match=r"are 28 high and 28 wide, the contest's 64 and 64") as caught:
        medmnist.load(MedmnistSource(size=64), tmp_path / "b.npz", CLASSES, (28, 28, 3), cache=tmp_path)
    assert "Set size" in caught.value.hint


def test_a_label_beyond_the_classes_is_named_with_its_split(tmp_path, arrays):
    arrays["test_labels"][4] = 8
    np.savez(tmp_path / "b.npz", **arrays)
    with pytest.raises(SourceError, match=r"Label 4 of test_labels in b.npz is 8"):
        medmnist.load(SIZE_28, tmp_path / "b.npz", CLASSES, (28, 28, 3), cache=tmp_path)


def test_without_a_path_the_published_file_is_fetched_into_the_cache(tmp_path, arrays, monkeypatch):
    """The network stands behind `fetch`, which has tests of its own."""
    np.savez(tmp_path / "bloodmnist.npz", **arrays)
    asked = []

    def fetch(url, name, md5, cache, *, track):
        asked.append((url, name, md5))
        return cache / name

    monkeypatch.setattr(medmnist, "fetch", fetch)
    medmnist.load(SIZE_28, None, CLASSES, (28, 28, 3), cache=tmp_path)
    url = "https://zenodo.org/records/10519652/files/bloodmnist.npz?download=1"
    assert asked == [(url, "bloodmnist.npz", "7053d0359d879ad8a5505303e11de1dc")]


def test_licence_and_citation_are_the_published_ones_only_where_the_md5_is(tmp_path, arrays, monkeypatch):
    np.savez(tmp_path / "d.npz", **arrays)
    derma = MedmnistSource(name="dermamnist", size=28)
    got = medmnist.load(derma, tmp_path / "d.npz", CLASSES, (28, 28, 3), cache=tmp_path)
    assert got.provenance["licence"] == got.provenance["citation"] == OWNER_STATES
    md5 = hashlib.md5((tmp_path / "d.npz").read_bytes()).hexdigest()
    monkeypatch.setattr(medmnist_sets.MedmnistSet, "md5_of", lambda self, size: md5)
    got = medmnist.load(derma, tmp_path / "d.npz", CLASSES, (28, 28, 3), cache=tmp_path)
    assert got.provenance["published file"] == "yes"
    assert got.provenance["licence"] == "CC BY-NC 4.0"
    assert "HAM10000" in got.provenance["citation"]
    stated = MedmnistSource(name="dermamnist", size=28, licence="ours", citation="us")
    got = medmnist.load(stated, tmp_path / "d.npz", CLASSES, (28, 28, 3), cache=tmp_path)
    assert (got.provenance["licence"], got.provenance["citation"]) == ("ours", "us")


def test_every_set_and_size_is_pinned_by_a_hash_of_its_own():
    pins = [one.md5_of(size) for one in SETS for size in SIZES]
    assert all(re.fullmatch("[0-9a-f]{32}", pin) for pin in pins)
    assert len(set(pins)) == len(pins) == 44
    assert {size: MEDMNIST["bloodmnist"].md5_of(size) for size in SIZES} == BLOOD


@pytest.mark.parametrize("name", MEDMNIST)
@pytest.mark.parametrize("size", SIZES)
def test_every_set_is_a_contest_by_its_name(tmp_path, name, size):
    """Drawn stand-ins of its shape: two images a class in each split."""
    one = MEDMNIST[name]
    contest = find_contest(name if size == 28 else f"{name}-{size}")
    n = contest.n_classes
    assert 2 <= n <= 11 and contest.image_shape == (size, size, 3)
    rng = np.random.default_rng(1)
    shape = (size, size) if one.grey else (size, size, 3)
    arrays = {f"{split}_images": rng.integers(0, 256, (2 * n, *shape), dtype=np.uint8) for split in COUNTS}
    arrays |= {f"{split}_labels": np.arange(2 * n, dtype=np.uint8)[:, None] % n for split in COUNTS}
    path = tmp_path / one.file_name(size)
    np.savez(path, **arrays)
    got = load_source(contest, path, cache=tmp_path)
    assert np.bincount(got.labels).tolist() == [6] * n
    assert got.official_hidden.sum() == 2 * n
    grey = (got.images == got.images[..., :1]).all()
    assert grey == one.grey == ("layout" in got.provenance)


def test_the_set_of_several_labels_an_image_is_refused_with_the_reason():
    for refused in (lambda: find_contest("chestmnist"), lambda: find_contest("chestmnist-64")):
        with pytest.raises(ContestError, match="any of 14 labels"):
            refused()
    with pytest.raises(ValueError, match="any of 14 labels"):
        MedmnistSource(name="chestmnist")
    with pytest.raises(ValueError, match="expected pathmnist"):
        MedmnistSource(name="mnist")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("pathmnist-32", "pathmnist-"), ("octmnist_64", "octmnist-64"), ("medmnist", "dermamnist")],
)
def test_a_name_that_is_near_a_set_is_answered_with_it(name, hint):
    with pytest.raises(ContestError, match=f"No contest is called '{name}'") as caught:
        find_contest(name)
    assert hint in caught.value.hint
