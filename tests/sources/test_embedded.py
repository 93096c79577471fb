"""The embedded smears: the same bytes everywhere, the classes' proportions, and the faults planted in them."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from harness.contest import EmbeddedSource
from harness.errors import SourceError
from harness.sources.embedded import BLOODMNIST_COUNTS, CLASSES, _draw, _plan, load, planted
from harness.sources.image_set import ImageSet
from harness.sources.smear import cells, patch, slide, strangers
from harness.sources.smear.patch import any_turn, turn_by

SHAPE = (96, 96, 3)
SMALL = EmbeddedSource(n_images=160)

# Pixels, labels, and the light before it is rounded to pixels, where a difference in a last bit cannot hide.
PRINT_HASH = """
import hashlib
import numpy as np
from harness.contest import EmbeddedSource
from harness.sources.embedded import CLASSES, load
from harness.sources.smear.slide import transmitted_light
smears = load(EmbeddedSource(n_images=80), CLASSES, (96, 96, 3))
light = [transmitted_light(name, np.random.default_rng(seed)).tobytes() for name in CLASSES for seed in range(6)]
print(hashlib.sha256(smears.images.tobytes() + smears.labels.tobytes()).hexdigest())
print(hashlib.sha256(b"".join(light)).hexdigest())
"""

# Numpy's exactly rounded or integer operations, and those that only move values about.
EXACT = {"abs", "arange", "broadcast_to", "clip", "empty", "floor", "maximum", "maximum.at", "minimum", "moveaxis"}
EXACT |= {"ones", "random.Generator", "sqrt", "stack", "where", "zeros"}
EXACT_DRAWS = {"integers", "random", "permutation"}


@pytest.fixture(scope="module")
def smears() -> ImageSet:
    return load(SMALL, CLASSES, SHAPE)


def image_of(smears: ImageSet, name: str) -> np.ndarray:
    return smears.images[smears.ids.index(name)]


def label_of(smears: ImageSet, name: str) -> str:
    return smears.class_names[smears.labels[smears.ids.index(name)]]


def digest(smears: ImageSet) -> str:
    return hashlib.sha256(smears.images.tobytes() + smears.labels.tobytes()).hexdigest()


def hashes_in_a_process(threads: str, hash_seed: str, disabled: str) -> list[str]:
    environment = os.environ | {
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "PYTHONHASHSEED": hash_seed,
        "NPY_DISABLE_CPU_FEATURES": disabled,
    }
    command = [sys.executable, "-W", "error", "-c", PRINT_HASH]
    child = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return child.stdout.split()


def test_images_are_the_same_bytes_whatever_the_processor_threads_and_hash_seed() -> None:
    # The names of the features that can be switched off differ from one processor to the next.
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    extra = " ".join(feature for feature in __cpu_dispatch__ if __cpu_features__.get(feature))
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(PRINT_HASH, {})  # as in the processes below
    usual = said.getvalue().split()
    assert hashes_in_a_process("2", "77", "") == usual
    assert hashes_in_a_process("1", "4430", extra) == usual


@pytest.mark.parametrize("module", [patch, cells, slide, strangers])
def test_drawing_uses_only_operations_that_round_alike_everywhere(module: ModuleType) -> None:
    """No processor at hand shows every difference: another C library has another `exp`."""
    assert module.__file__ is not None
    for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8"))):
        assert not isinstance(node, ast.MatMult | ast.Pow)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.endswith(".astype"):  # of values rounded before
                continue
            if called.startswith("np."):
                assert called.removeprefix("np.") in EXACT
            elif "rng." in called:
                assert called.rpartition(".")[2] in EXACT_DRAWS
            elif called.startswith("math."):
                assert called.removeprefix("math.") in {"ceil", "floor", "sqrt"}
            else:
                assert called.rpartition(".")[2] not in {"sum", "mean", "dot", "prod", "cumsum", "std", "var"}


def test_another_seed_draws_other_images_under_the_same_ids(smears: ImageSet) -> None:
    other = load(EmbeddedSource(n_images=SMALL.n_images, seed=2025), CLASSES, SHAPE)
    assert other.ids == smears.ids
    assert digest(other) != digest(smears)


def test_each_image_is_reported_once(smears: ImageSet) -> None:
    seen: list[object] = []

    def track(items, what, total):
        assert total == SMALL.n_images
        for item in items:
            seen.append(item)
            yield item

    assert digest(load(SMALL, CLASSES, SHAPE, track=track)) == digest(smears)
    assert len(seen) == SMALL.n_images


def test_ids_number_the_images_and_tell_nothing_else(smears: ImageSet) -> None:
    assert smears.ids == tuple(f"smear-{row:05d}" for row in range(SMALL.n_images))


def test_classes_without_the_planted_faults_are_as_frequent_as_in_bloodmnist() -> None:
    source = EmbeddedSource()
    # The plan tells the labels; drawing 4,000 images for it would take ten seconds.
    cells = Counter(item.label for item in _plan(source) if item.kind == "cell")
    total, whole = sum(cells.values()), sum(BLOODMNIST_COUNTS.values())
    assert total > 0.9 * source.n_images
    for name, count in BLOODMNIST_COUNTS.items():
        assert abs(cells[name] - total * count / whole) < 1


def test_order_of_class_names_changes_the_numbers_and_not_the_images(smears: ImageSet) -> None:
    turned = load(SMALL, CLASSES[::-1], SHAPE)
    assert np.array_equal(turned.images, smears.images)
    assert np.array_equal(turned.labels, 7 - smears.labels)


def test_eight_percent_are_mass_copies_of_two_images_the_second_all_monocyte() -> None:
    groups = planted(EmbeddedSource())["mass"]
    assert [len(group) for group in groups] == [285, 35]  # 1600 to 200, as in the course's data


def test_mass_copies_are_equal_and_labelled_evenly_or_all_monocyte(smears: ImageSet) -> None:
    first, second = planted(SMALL)["mass"]
    for group in (first, second):
        assert len({image_of(smears, name).tobytes() for name in group}) == 1
    spread = Counter(label_of(smears, name) for name in first)
    assert max(spread.values()) - min(spread[name] for name in CLASSES) <= 1
    assert {label_of(smears, name) for name in second} == {"monocyte"}


def test_exact_duplicates_agree_in_pixels_and_label(smears: ImageSet) -> None:
    for original, copy in planted(SMALL)["exact"]:
        assert np.array_equal(image_of(smears, original), image_of(smears, copy))
        assert label_of(smears, original) == label_of(smears, copy)


def test_conflicts_agree_in_pixels_and_not_in_label(smears: ImageSet) -> None:
    for original, copy in planted(SMALL)["conflict"]:
        assert np.array_equal(image_of(smears, original), image_of(smears, copy))
        assert label_of(smears, original) != label_of(smears, copy)


def test_near_duplicates_differ_by_at_most_two_grey_levels_and_in_some_pixel() -> None:
    source = EmbeddedSource()
    items, pairs = _plan(source), planted(source)["near"]
    assert len(pairs) == 10
    for pair in pairs:
        rows = [int(name.removeprefix("smear-")) for name in pair]
        original, copy = (_draw(items[row], row, source.seed, None).astype(int) for row in rows)
        assert 1 <= np.abs(original - copy).max() <= 2
        assert items[rows[0]].label == items[rows[1]].label


def test_images_that_are_not_planted_are_all_different(smears: ImageSet) -> None:
    repeated = {name for kind, groups in planted(SMALL).items() if kind != "outlier" for g in groups for name in g}
    lone = [image_of(smears, name).tobytes() for name in smears.ids if name not in repeated]
    assert len(set(lone)) == len(lone) > 100


def test_no_image_serves_two_faults() -> None:
    names = Counter(name for groups in planted(EmbeddedSource()).values() for group in groups for name in group)
    assert max(names.values()) == 1


def test_planted_images_are_strewn_over_the_whole_set() -> None:
    source = EmbeddedSource()
    rows = sorted(int(name[-5:]) for group in planted(source)["mass"] for name in group)
    assert max(b - a for a, b in pairwise(rows)) < source.n_images // 20


def test_smallest_contest_has_every_fault_and_every_class() -> None:
    source = EmbeddedSource(n_images=80)
    smears = load(source, CLASSES, SHAPE)
    assert set(planted(source)) == {"mass", "exact", "conflict", "near", "outlier"}
    assert set(smears.labels) == set(range(8))


def test_a_class_that_cannot_be_drawn_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SourceError, match="'neutrophill'") as refusal:
        load(SMALL, (*CLASSES[:6], "neutrophill", "platelet"), SHAPE)
    assert "neutrophil" in refusal.value.hint


def test_a_missing_class_is_refused() -> None:
    with pytest.raises(SourceError, match="lacks the class 'platelet'"):
        load(SMALL, CLASSES[:7], SHAPE)


def test_another_size_is_refused() -> None:
    with pytest.raises(SourceError, match=r"\(28, 28, 3\)"):
        load(SMALL, CLASSES, (28, 28, 3))


def test_turns_have_length_one_and_reach_every_quadrant() -> None:
    rng = np.random.default_rng(0)
    turns = [any_turn(rng) for _ in range(200)] + [turn_by(share) for share in (0.0, 0.3, 1.0, 2.0)]
    assert all(abs(cosine * cosine + sine * sine - 1) < 1e-12 for cosine, sine in turns)
    assert {(cosine > 0, sine > 0) for cosine, sine in turns} == {(a, b) for a in (True, False) for b in (True, False)}


@pytest.fixture(scope="module")
def folds() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The contest's own set without its faults, split 72/8/20 in the classes' proportions."""
    from sklearn.model_selection import train_test_split

    smears = load(EmbeddedSource(), CLASSES, SHAPE)
    faults = {name for groups in planted(EmbeddedSource()).values() for group in groups for name in group}
    clean = np.array([name not in faults for name in smears.ids])
    X, y = smears.images[clean], smears.labels[clean]
    rest, test = train_test_split(np.arange(len(y)), test_size=0.2, stratify=y, random_state=4430)
    train, val = train_test_split(rest, test_size=0.1, stratify=y[rest], random_state=4430)
    return {"train": (X[train], y[train]), "val": (X[val], y[val]), "test": (X[test], y[test])}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # 93 % on training by then
def test_logistic_regression_on_pixels_stays_below_70_percent(folds: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    from sklearn.linear_model import LogisticRegression

    flat = {name: (X.reshape(len(X), -1).astype(np.float32) / 255, y) for name, (X, y) in folds.items()}
    model = LogisticRegression(max_iter=300).fit(*flat["train"])
    assert 0.4 < model.score(*flat["val"]) < 0.7
    assert model.score(*flat["test"]) < 0.7


@pytest.mark.slow
def test_small_convolutional_network_passes_90_percent(folds: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    keras = pytest.importorskip("keras")
    layers = keras.layers
    keras.utils.set_random_seed(0)
    network = [layers.Input(SHAPE), layers.Rescaling(1 / 255), layers.RandomFlip()]
    # (filters, kernel, stride): a stride-4 stem makes it cheap, 1.1 M parameters in all.
    for filters, kernel, stride in (
        (48, 5, 4), (64, 3, 1), (96, 3, 1), (128, 3, 2), (160, 3, 1), (192, 3, 2), (256, 3, 1),
    ):  # fmt: skip
        network += [
            layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
        ]
    network += [layers.GlobalAveragePooling2D(), layers.Dropout(0.3), layers.Dense(8, activation="softmax")]
    model = keras.Sequential(network)
    X, y = folds["train"]
    epochs, batch = 7, 32
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * (len(y) // batch))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, y, epochs=epochs, batch_size=batch, verbose=0)
    for fold in ("val", "test"):
        assert model.evaluate(*folds[fold], verbose=0)[1] > 0.9


def test_cells_on_slides_share_their_look_and_nothing_else_changes():
    source = EmbeddedSource(n_images=160, slides=4)
    found, plain = load(source, CLASSES, SHAPE), load(SMALL, CLASSES, SHAPE)
    assert plain.groups is None
    assert (found.labels == plain.labels).all()
    assert sorted(set(found.groups)) == [f"slide-{number:03d}" for number in range(4)]
    group = dict(zip(found.ids, found.groups, strict=True))
    for kind in ("exact", "conflict", "near"):
        for first, *copies in planted(source)[kind]:
            assert {group[copy] for copy in copies} == {group[first]}
    cells = np.array([name not in {one for of in planted(source)["mass"] for one in of} for name in found.ids])
    slides, look = np.array(found.groups)[cells], found.images[cells].mean(axis=(1, 2))
    between = np.var([look[slides == slide].mean(axis=0) for slide in np.unique(slides)], axis=0).sum()
    within = np.mean([look[slides == slide].var(axis=0).sum() for slide in np.unique(slides)])
    assert between > within
    mixed = plain.images[cells].mean(axis=(1, 2))
    assert mixed.var(axis=0).sum() > 2 * within
    assert all(len(np.unique(found.labels[cells][slides == slide])) > 4 for slide in np.unique(slides))
