"""BloodMNIST keeps its official test split, and takes the contest's size by one stated rule."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from harness.contest import MedmnistSource
from harness.errors import SourceError
from harness.sources import medmnist

CLASSES = tuple("abcdefgh")
COUNTS = {"train": 150, "val": 12, "test": 31}
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
    assert hidden == [f"medmnist-test-{i:05d}" for i in range(31)]
    assert got.provenance["images"] == "train 150, val 12, test 31"
    assert got.provenance["published file"].startswith("no")
    assert got.provenance["resized"] == "no"


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
    with pytest.raises(SourceError, match=r"train_images in b.npz has shape \(150, 28, 28, 3\)") as caught:
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


def test_the_published_file_is_known_by_its_md5(tmp_path, arrays, monkeypatch):
    np.savez(tmp_path / "b.npz", **arrays)
    monkeypatch.setitem(medmnist.MD5, 28, hashlib.md5((tmp_path / "b.npz").read_bytes()).hexdigest())
    got = medmnist.load(SIZE_28, tmp_path / "b.npz", CLASSES, (28, 28, 3), cache=tmp_path)
    assert got.provenance["published file"] == "yes"


def test_each_size_that_a_contest_may_name_is_pinned():
    for size in (28, 64, 128, 224):
        assert len(medmnist.MD5[MedmnistSource(size=size).size]) == 32
