"""A group stands in one split, the hidden ones are told to nobody, and no split lacks a class."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import api
from harness.contest import Contest, read_contest
from harness.errors import ContestError, FreezeError
from harness.freeze.clean import Cleaned
from harness.freeze.groups import groups_of, join_groups
from harness.freeze.split import PARTS, grouped_split, split_images
from harness.freeze.store import freeze
from harness.sources.image_set import ImageSet
from harness.words import UNGROUPED
from harness.workspace import Workspace

NAMES = ("disc", "square", "cross")
CONTEST = """
name = "shapes"
title = "Shapes"
version = 1
class_names = ["disc", "square", "cross"]
image_shape = [32, 32, 3]
[source]
kind = "folder"
[split]
"""


def contest_of(split: str, folder) -> Contest:
    path = folder / "shapes.toml"
    path.write_text(CONTEST + split)
    return read_contest(path)


def of_patients(patients: int, each: int = 2, *, official=None, groups=None) -> ImageSet:
    """`each` noisy images of each class and patient; no two look alike."""
    rng = np.random.default_rng(3)
    ids = [f"{name}/p{p:02d}_{row}.png" for p in range(patients) for name in NAMES for row in range(each)]
    labels = np.array([NAMES.index(name.split("/")[0]) for name in ids], np.int64)
    coarse = rng.integers(0, 256, (len(ids), 8, 8, 3), dtype=np.uint8)
    images = coarse.repeat(4, axis=1).repeat(4, axis=2)
    return ImageSet(images, labels, tuple(ids), NAMES, {"source": "drawn"}, official, groups)


def cleaned_of(labels, groups=None) -> Cleaned:
    n = len(labels)
    keys = tuple(hashlib.sha256(str(row).encode()).digest() for row in range(n))
    return Cleaned(np.arange(n), np.arange(n) if groups is None else np.asarray(groups, np.intp), keys, ())


def names_in(path) -> set[str]:
    with np.load(path) as arrays:
        return set(arrays["groups"].tolist())


PATTERN = r"group_pattern = '/(?P<group>p\d+)_'"


@pytest.fixture
def frozen(tmp_path):
    return freeze(Workspace(tmp_path / "workspace"), contest_of(PATTERN, tmp_path), of_patients(12))


def test_a_patient_stands_in_one_split_and_one_half(frozen):
    with np.load(frozen.folder / "private" / "labels.npz") as arrays:
        half = {public: set(arrays["groups"][arrays["public"] == public].tolist()) for public in (True, False)}
    found = [names_in(frozen.folder / "public" / f"{split}.npz") for split in ("train", "val")] + list(half.values())
    assert sum(map(len, found)) == len(set().union(*found)) == 12
    assert all(found)
    assert frozen.lock.groups == dict(zip(("train", "val", "public", "private"), map(len, found), strict=True)) | {
        "val_shifted": len(found[1])
    }
    assert names_in(frozen.folder / "public" / "val_shifted.npz") == found[1]
    assert api.verify(frozen.folder.parents[2]) == []


def test_nothing_public_names_a_hidden_group(frozen):
    hidden = names_in(frozen.folder / "private" / "labels.npz")
    texts = [path.read_bytes() for path in (frozen.folder / "public").iterdir() if path.suffix != ".png"]
    for text in [*texts, (frozen.folder / "contest.lock.json").read_bytes()]:
        for name in hidden:
            assert f"{name}_".encode() not in text and f'"{name}"'.encode() not in text
            assert name.encode("utf-32-le") not in text, "the letters of an array of strings"


def test_another_number_of_groups_in_the_lock_is_found(frozen):
    path = frozen.folder / "contest.lock.json"
    lock = json.loads(path.read_text())
    lock["groups"]["private"] += 1
    path.write_text(json.dumps(lock))
    assert "private: groups" in [one.what for one in api.verify(frozen.folder.parents[2])]


def test_a_contest_without_groups_says_so_and_its_lock_does_not_speak_of_them(tmp_path):
    frozen = freeze(Workspace(tmp_path / "workspace"), contest_of("", tmp_path), of_patients(12))
    assert UNGROUPED in (frozen.folder / "public" / "summary.md").read_text()
    lock = json.loads((frozen.folder / "contest.lock.json").read_text())
    assert "groups" not in lock
    assert set(lock["contest"]["split"]) == {"hidden", "val", "public", "seed"}
    assert set(lock["arrays"]["public/train.npz"]) == {"images", "labels", "ids"}


def test_a_column_of_the_source_names_them(tmp_path):
    images = of_patients(4)
    spec = contest_of('group = "patient"', tmp_path).split
    with pytest.raises(FreezeError, match="knows no groups"):
        groups_of(images, spec)
    groups = tuple(name.split("/")[1][:3] for name in images.ids)
    assert groups_of(replace(images, groups=groups), spec) == groups
    assert groups_of(images, contest_of(PATTERN, tmp_path).split) == groups
    assert groups_of(images, contest_of("", tmp_path).split) is None


def test_images_of_no_group_are_counted_and_named_or_stand_alone(tmp_path):
    images = of_patients(4)
    ids = tuple(name.replace("p03", "x") for name in images.ids)
    images = replace(images, ids=ids)
    with pytest.raises(FreezeError, match=r"6 of 24 images do not match .*cross/x_0\.png") as error:
        groups_of(images, contest_of(PATTERN, tmp_path).split)
    assert "ungrouped" in error.value.hint
    found = groups_of(images, contest_of(PATTERN + '\nungrouped = "alone"', tmp_path).split)
    assert len(set(found)) == 3 + 6
    assert [name for name in found if "/" in name] == [name for name in ids if "/x" in name]


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ("group_pattern = '(p'", "group_pattern"),
        ("group_pattern = 'p'", "has 0 pairs"),
        ("group_pattern = '(p)(q)'", "has 2 pairs"),
        ("group = 'a'\ngroup_pattern = '(p)'", "not both"),
        ('ungrouped = "alone"', "says nothing"),
        ("public = 1.0", "none may be empty"),
        ("hidden = 0.0", "none may be empty"),
    ],
)
def test_a_contest_file_that_cannot_be_meant_is_refused(split, said, tmp_path):
    with pytest.raises(ContestError, match=said):
        contest_of(split, tmp_path)


def test_near_duplicates_join_the_groups_that_they_stand_in():
    images = of_patients(3, each=1)  # nine images: three patients of three
    cleaned = cleaned_of(images.labels, [0, 1, 2, 3, 0, 5, 6, 7, 8])  # the first of p00 is like the second of p01
    joined = join_groups(images, cleaned, ["a", "a", "a", "b", "b", "b", "c", "c", "c"]).groups
    assert len(set(joined[:6].tolist())) == 1
    assert len(set(joined.tolist())) == 2


def test_what_shares_a_group_with_the_sources_own_test_set_is_dropped_and_not_named_by_it():
    official = np.zeros(12, bool)
    official[:4] = True
    images = of_patients(2, each=2, official=official)
    names = ["a"] * 6 + ["b"] * 6
    found = join_groups(images, cleaned_of(images.labels), names)
    assert found.kept.tolist() == [0, 1, 2, 3, 6, 7, 8, 9, 10, 11]
    assert len(found.hashes) == len(found.groups) == len(found.kept)
    assert {(one.id, one.rule, one.action) for one in found.findings} == {
        (images.ids[row], "shared group", "dropped") for row in (4, 5)
    }


@st.composite
def groups(draw):
    """Groups of unequal sizes, of some classes each."""
    sizes = draw(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=1, max_size=25))
    labels = [label for group in sizes for label, n in enumerate(group) for _ in range(n)]
    numbers = [number for number, group in enumerate(sizes) for _ in range(sum(group))]
    return np.array(labels, np.int64), np.array(numbers, np.intp)


def deal(labels, numbers, seed=1):
    keys = cleaned_of(labels).hashes
    return grouped_split(labels, numbers, keys, (0.1, 0.1, 0.08), seed=seed, purpose="test")


@settings(max_examples=30)
@given(groups())
def test_a_group_is_never_cut(drawn):
    labels, numbers = drawn
    parts = deal(labels, numbers)
    assert parts.shape == labels.shape
    assert set(parts.tolist()) <= {0, 1, 2, 3}
    for number in np.unique(numbers):
        assert len(set(parts[numbers == number].tolist())) == 1


@settings(max_examples=30)
@given(groups(), st.randoms(use_true_random=False))
def test_neither_the_order_of_images_nor_the_numbers_of_groups_and_classes_matter(drawn, random):
    labels, numbers = drawn
    keys, order = cleaned_of(labels).hashes, list(range(len(labels)))
    random.shuffle(order)
    other = grouped_split(
        np.array([2, 0, 1])[labels[order]],
        30 - numbers[order],
        [keys[row] for row in order],
        (0.1, 0.1, 0.08),
        seed=1,
        purpose="test",
    )
    assert other.tolist() == deal(labels, numbers)[order].tolist()


@pytest.mark.parametrize("patients", [8, 12, 40, 400])
@pytest.mark.parametrize("scarce", [4, 5])
def test_a_class_that_few_patients_have_reaches_every_part_and_shares_are_kept(patients, scarce):
    rng = np.random.default_rng(patients + scarce)
    sizes = rng.integers(1, 30, (patients, 3))
    sizes[:, 2] = 0
    sizes[rng.permutation(patients)[:scarce], 2] = rng.integers(1, 5, scarce)
    labels = np.concatenate([np.repeat(np.arange(3), of) for of in sizes])
    parts = deal(labels, np.repeat(np.arange(patients), sizes.sum(axis=1)))
    counts = np.zeros((3, 4), int)
    np.add.at(counts, (labels, parts), 1)
    assert (counts > 0).all()
    if patients >= 40:
        shares = counts[:2] / counts[:2].sum(axis=1, keepdims=True)
        assert shares == pytest.approx(np.tile([0.1, 0.1, 0.08, 0.72], (2, 1)), abs=0.05)


@pytest.mark.parametrize("shares", ["", "hidden = 0.3\nval = 0.1", "hidden = 0.1\nval = 0.02", "public = 0.2"])
@pytest.mark.parametrize("official", [False, True])
def test_too_small_a_class_is_refused_with_the_number_that_is_enough(shares, official, tmp_path):
    """As many as the message asks for freeze, and one fewer does not: the number is the least."""
    contest = contest_of(shares, tmp_path)

    def split(crosses: int, tested: int) -> None:
        labels = np.repeat([0, 1, 2, 0, 1, 2], [200, 200, tested, 200, 200, crosses])
        where = np.arange(len(labels)) < 400 + tested
        split_images(contest, labels.astype(np.int64), cleaned_of(labels), where if official else None)

    def needed(**few: int) -> int:
        with pytest.raises(FreezeError, match="cross has") as error:
            split(**few)
        assert "disc" not in error.value.message
        return int(error.value.message.split("at least ")[1].split()[0])

    enough = needed(crosses=1, tested=100 * official)
    split(crosses=enough, tested=100 * official)
    assert needed(crosses=enough - 1, tested=100 * official) == enough
    if official:
        enough = needed(crosses=100, tested=1)
        split(crosses=100, tested=enough)


def test_too_few_groups_of_a_class_are_refused_with_the_number_that_is_enough(tmp_path):
    contest = contest_of(PATTERN, tmp_path)
    numbers = np.repeat(np.arange(12), 6)
    labels = np.tile([0, 0, 1, 1, 0, 1], 12)
    labels[numbers < 3] = 2
    with pytest.raises(FreezeError, match="cross has 3 groups, expected at least 4") as error:
        split_images(contest, labels, cleaned_of(labels, numbers), None)
    assert any(part in error.value.message for part in PARTS)
    labels[numbers == 3] = 2
    assert split_images(contest, labels, cleaned_of(labels, numbers), None).public.any()


def test_near_duplicates_count_once_where_the_number_needed_is_told(tmp_path):
    labels = np.repeat([0, 1, 2], [50, 50, 12]).astype(np.int64)
    groups = np.arange(112)
    groups[100:110] = 100
    with pytest.raises(FreezeError, match="cross has 3 images, expected at least 8"):
        split_images(contest_of("", tmp_path), labels, cleaned_of(labels, groups), None)


def test_what_the_contest_file_relabels_is_frozen_so_and_listed(tmp_path):
    images, name = of_patients(12), "disc/p00_0.png"
    freezes = [
        freeze(Workspace(tmp_path / f"workspace {number}"), contest_of(text, tmp_path), images)
        for number, text in enumerate(("", f'[cleaning.relabel]\n"{name}" = "cross"'))
    ]
    (found,) = [one for one in freezes[1].lock.findings if one.rule == "relabel list"]
    assert (found.id, found.action, NAMES[found.label]) == (name, "relabelled", "cross")
    sizes = [
        {label: sum(of[label] for split, of in frozen.lock.counts.items() if split != "val_shifted") for label in NAMES}
        for frozen in freezes
    ]
    assert sizes[0] == {"disc": 24, "square": 24, "cross": 24}
    assert sizes[1] == {"disc": 23, "square": 24, "cross": 25}
    assert "relabel" not in (freezes[0].folder / "contest.lock.json").read_text()
    many = "\n".join(f'"disc/p{number:02}_0.png" = "cross"' for number in range(3))
    last = freeze(Workspace(tmp_path / "many"), contest_of(f"[cleaning.relabel]\n{many}", tmp_path), images)
    for file, arrays in freezes[0].lock.arrays.items():  # nothing moves: entries of the first stay comparable
        for key in arrays.keys() - {"labels"}:
            assert last.lock.arrays[file][key] == arrays[key], (file, key)
    assert last.lock.arrays["private/labels.npz"]["labels"] != freezes[0].lock.arrays["private/labels.npz"]["labels"]
    for text, said in (
        ('"disc/x.png" = "cross"', "no such image"),
        (f'"{name}" = "disc"', "its class in the source"),
    ):
        with pytest.raises(ContestError, match=said):
            freeze(Workspace(tmp_path), contest_of(f"[cleaning.relabel]\n{text}", tmp_path), images)
    with pytest.raises(ContestError, match="expected one of class_names"):
        contest_of(f'[cleaning.relabel]\n"{name}" = "ring"', tmp_path)
