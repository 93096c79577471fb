"""`hemobench contest new` looks at images of one's own and writes a contest that freezes with no edit."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.contest import OWNER_STATES, read_contest
from harness.freeze.frozen import open_frozen
from harness.workspace import Workspace
from tests.conftest import CommandLine

N = 60
RNG = np.random.default_rng(11)
LABELS = np.arange(N) % 3
GREY = RNG.integers(0, 256, (N, 20, 20), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (N, 20, 20, 3), dtype=np.uint8)
NAMES = ("disc", "square", "cross")
WORDS = np.array(NAMES)[LABELS]


def in_splits(**arrays: np.ndarray) -> dict[str, np.ndarray]:
    cut = {"train": slice(0, 36), "val": slice(36, 42), "test": slice(42, N)}
    return {f"{key}_{split}": array[rows] for split, rows in cut.items() for key, array in arrays.items()}


# Arrays of an .npz, and what their contest file then states.
SOURCES: dict[str, tuple[dict[str, np.ndarray], dict[str, object]]] = {
    "plain": ({"images": COLOUR, "labels": LABELS}, {"class_names": ("0", "1", "2")}),
    "named": ({"images": COLOUR, "labels": LABELS, "class_names": np.array(NAMES)}, {"class_names": NAMES}),
    "digits as words": ({"X": GREY, "y": LABELS.astype(str)}, {"class_names": ("0", "1", "2")}),
    "words": ({"X": GREY, "y": WORDS}, {"class_names": tuple(sorted(NAMES)), "images": "X", "labels": "y"}),
    "one-hot": ({"data": COLOUR / 255, "target": np.eye(3)[LABELS]}, {"class_names": ("0", "1", "2")}),
    "channels first": ({"arr_0": COLOUR.transpose(0, 3, 1, 2), "arr_1": LABELS[:, None]}, {"images": "arr_0"}),
    "flat rows": ({"data": GREY.reshape(N, 400) // 16.0, "target": LABELS}, {"levels": 16}),
    "camera of 12 bits": ({"images": GREY.astype(np.uint16) * 16, "labels": LABELS}, {"levels": 4096}),
    "other numbers": (
        {"images": GREY, "labels": LABELS * 5 - 1},
        {"class_names": ("-1", "4", "9"), "aliases": {"-1": "-1", "4": "4", "9": "9"}},
    ),
    "from 1, named": (
        {"images": GREY, "labels": LABELS + 1, "classes": np.array(NAMES)},
        {"class_names": NAMES, "aliases": {"1": "disc", "2": "square", "3": "cross"}},
    ),
    "splits": (in_splits(x=GREY, y=LABELS), {"images": "x", "labels": "y", "splits": "keep"}),
    "patients": ({"images": GREY, "labels": LABELS, "patient": np.arange(N) // 2}, {"group": "patient"}),
}


@pytest.fixture
def hemobench(tmp_path) -> CommandLine:
    return CommandLine(tmp_path / "a workspace", tmp_path)


def saved(folder: Path, **arrays: np.ndarray) -> Path:
    np.savez(folder / "own.npz", **arrays)
    return folder / "own.npz"


@pytest.mark.usefixtures("reads_in_one_process")
@pytest.mark.parametrize("source", SOURCES)
def test_what_it_writes_states_what_lies_there_and_freezes_with_no_edit(hemobench, tmp_path, source):
    arrays, stated = SOURCES[source]
    path = saved(tmp_path, **arrays)
    made = json.loads(hemobench("contest", "new", "mine", "--source", path, "--json").stdout)
    contest = read_contest(Path(made["file"]))
    assert contest.image_shape == (20, 20, 3)
    facts = {
        name: getattr(part, name, None)
        for part in (contest.source, contest.split, contest)
        for name in stated
        if hasattr(part, name)
    }
    assert facts == stated
    assert made["grey"] == (COLOUR is not arrays.get("images") and source not in ("one-hot", "channels first"))
    assert made["needed"] == (7 if source == "splits" else 8)
    hemobench(*made["freeze"].split()[1:])
    frozen = open_frozen(Workspace(hemobench.workspace))
    assert frozen.lock.contest == contest
    assert frozen.lock.source["licence"] == OWNER_STATES
    assert ("colour" in frozen.lock.source) == made["grey"]
    counts = [sum(by_class.values()) for split, by_class in frozen.lock.counts.items() if split != "val_shifted"]
    assert sum(counts) == N


def image_files(root: Path, suffix: str = "png", images: np.ndarray = COLOUR, form: str = "{name}/{row}") -> Path:
    for row, pixels in enumerate(images):
        path = root / f"{form.format(name=NAMES[LABELS[row]], row=row, split='test' if row > 41 else 'train')}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return root


def packed(root: Path, form: str) -> Path:
    return Path(shutil.make_archive(str(root), form, image_files(root)))


def with_table(root: Path) -> Path:
    image_files(root, form="all/{row}")
    rows = [f"{row}.png,{WORDS[row]},p{row // 2}" for row in range(N)]
    (root / "labels.csv").write_text("\n".join(["file,label,patient", *rows]))
    return root


def with_a_broken_one(root: Path) -> Path:
    cut = image_files(root, "jpg") / "disc" / "0.jpg"
    cut.write_bytes(cut.read_bytes()[:-40])
    (root / "notes.txt").write_text("notes")
    return root


# Folders and their like, and what their contest file then states beside classes and size.
FOLDERS: dict[str, tuple[Callable[[Path], Path], dict[str, object]]] = {
    "class folders": (image_files, {"splits": "keep", "resize": False}),
    "grey JPEG": (lambda root: image_files(root, "jpg", GREY), {}),
    "TIFF of 16 bits": (lambda root: image_files(root, "tif", GREY.astype(np.uint16) * 257), {"levels": None}),
    "PNG of 12 bits": (lambda root: image_files(root, "png", GREY.astype(np.uint16) * 16), {"levels": 4096}),
    "zip": (lambda root: packed(root, "zip"), {}),
    "tar.gz": (lambda root: packed(root, "gztar"), {}),
    "train and test": (lambda root: image_files(root, form="{split}/{name}/{row}"), {"splits": "keep"}),
    "table with patients": (with_table, {"group": "patient"}),
    "one broken": (with_a_broken_one, {}),
}


@pytest.mark.usefixtures("reads_in_one_process")
@pytest.mark.parametrize("source", FOLDERS)
def test_a_folder_zip_tar_or_table_freezes_with_no_edit(hemobench, tmp_path, source):
    make, stated = FOLDERS[source]
    path = make(tmp_path / "own")
    made = json.loads(hemobench("contest", "new", "mine", "--source", path, "--json").stdout)
    contest = read_contest(Path(made["file"]))
    assert contest.class_names == tuple(sorted(NAMES)) and contest.image_shape == (20, 20, 3)
    parts = (contest.source, contest.split)
    assert {name: getattr(part, name) for part in parts for name in stated if hasattr(part, name)} == stated
    assert made["grey"] == ("bits" in source or "grey" in source)
    hemobench(*made["freeze"].split()[1:])
    frozen = open_frozen(Workspace(hemobench.workspace))
    assert ("colour" in frozen.lock.source) == made["grey"]
    counts = [sum(by_class.values()) for split, by_class in frozen.lock.counts.items() if split != "val_shifted"]
    assert sum(counts) == N - (source == "one broken")
    assert ("notes.txt" in str(made["left_out"])) == ("disc/0.jpg" in str(made["left_out"])) == (source == "one broken")


@pytest.mark.usefixtures("reads_in_one_process")
def test_a_class_of_a_folder_may_be_left_out_and_other_sizes_are_resized(hemobench, tmp_path):
    root = image_files(tmp_path / "own")
    for row, side in enumerate((18, 30, 40)):
        (root / "unsure").mkdir(exist_ok=True)
        Image.fromarray(COLOUR[row]).resize((side, side)).save(root / "unsure" / f"{row}.png")
        Image.fromarray(COLOUR[row]).resize((side, side)).save(root / "disc" / f"large{row}.png")
    told = hemobench("contest", "new", "mine", "--source", root, "--yes", code=1).stderr
    assert "3 of unsure" in " ".join(told.split()) and "--leave-out" in told
    told = hemobench("contest", "new", "mine", "--source", root, "--yes", "--leave-out", "unsure").stderr
    assert "Resized to 20 × 20: 3 images" in told and "Left out: 3 items, named in ignore" in told
    hemobench("freeze", "--contest", "mine", "--source", root)
    assert set(open_frozen(Workspace(hemobench.workspace)).lock.counts["val"]) == set(NAMES)


@pytest.mark.usefixtures("reads_in_one_process")
def test_it_asks_what_it_cannot_know_and_takes_the_answers(hemobench, tmp_path):
    path = saved(tmp_path, **in_splits(images=GREY, labels=LABELS))
    answer = 'disc, the "square", cross\nShapes\nCC0\nA. Teacher\npool\n'
    told = hemobench("contest", "new", "mine", "--source", path, answer=answer).stderr
    contest = read_contest(hemobench.workspace / "contests.d" / "mine.toml")
    assert contest.class_names == ("disc", 'the "square"', "cross")
    assert (contest.title, contest.source.licence, contest.source.citation) == ("Shapes", "CC0", "A. Teacher")
    assert contest.source.splits == "pool"
    for fact in ("60 images, grey", "20 × 20 (60)", "0 20, 1 20, 2 20", "train 36, val 6, test 18", "of each class"):
        assert fact in told


@pytest.mark.usefixtures("reads_in_one_process")
@pytest.mark.parametrize("labels", [WORDS, np.array(["7", "8", "9"])[LABELS], LABELS * 4 + 3, LABELS])
def test_options_are_answers_and_other_names_keep_their_labels(hemobench, tmp_path, labels):
    path = saved(tmp_path, images=COLOUR, labels=labels)
    words = ("--size", "16x12", "--licence", "ours", "--class-names", "Kreuz,disc,Quadrat", "--yes")
    hemobench("contest", "new", "mine", "--source", path, *words)
    contest = read_contest(hemobench.workspace / "contests.d" / "mine.toml")
    assert contest.image_shape == (16, 12, 3) and contest.source.resize and contest.source.licence == "ours"
    if labels is WORDS:
        assert contest.source.aliases == {"cross": "Kreuz", "square": "Quadrat"}
    hemobench("freeze", "--contest", "mine", "--source", path)
    counts = open_frozen(Workspace(hemobench.workspace)).lock.counts["train"]
    assert set(counts) == {"Kreuz", "disc", "Quadrat"} and min(counts.values()) > 10


@pytest.mark.usefixtures("reads_in_one_process")
def test_nothing_is_overwritten_and_a_name_that_is_taken_is_refused_at_once(hemobench, tmp_path):
    path = saved(tmp_path, images=GREY, labels=LABELS)
    hemobench("contest", "new", "mine", "--source", path, "--yes")
    file = hemobench.workspace / "contests.d" / "mine.toml"
    before = file.read_bytes()
    for name in ("mine", "blood-cells", "pathmnist-64", "Mine", "../mine"):
        hemobench("contest", "new", name, "--source", path, "--yes", "--title", "x", code=1)
    assert file.read_bytes() == before and list(file.parent.glob("*.toml")) == [file]


@pytest.mark.usefixtures("reads_in_one_process")
def test_a_class_that_is_too_small_is_refused_with_the_number_needed(hemobench, tmp_path):
    few = np.flatnonzero((LABELS < 2) | (np.arange(N) < 21))  # 7 of the last class
    path = saved(tmp_path, images=GREY[few], labels=WORDS[few])
    told = hemobench("contest", "new", "mine", "--source", path, "--yes", code=1).stderr
    assert "needs 8 images of each class" in " ".join(told.split()) and "7 of cross" in " ".join(told.split())
    assert not (hemobench.workspace / "contests.d").exists()


@pytest.mark.usefixtures("reads_in_one_process")
def test_a_published_set_of_medmnist_is_known_by_its_hash(hemobench, tmp_path, monkeypatch):
    from harness import medmnist_sets
    from harness.sources.npz import digest

    path = saved(
        tmp_path,
        **{
            f"{split}_{key}": a
            for key in ("images", "labels")
            for split in ("train", "test")
            for a in [GREY if key == "images" else LABELS[:, None] % 2]
        },
    )
    md5 = digest(path, "md5")
    monkeypatch.setattr(
        medmnist_sets.MedmnistSet, "md5_of", lambda one, size: md5 if (one.name, size) == ("breastmnist", 28) else ""
    )
    hemobench("contest", "new", "mine", "--source", path, "--yes")
    contest = read_contest(hemobench.workspace / "contests.d" / "mine.toml")
    assert contest.class_names == ("malignant", "normal or benign")
    assert (contest.source.name, contest.source.size, contest.source.licence) == ("breastmnist", 28, "CC BY 4.0")


@pytest.mark.usefixtures("reads_in_one_process")
@pytest.mark.parametrize("labels", [LABELS + 0.5, LABELS * np.nan, LABELS - np.inf, np.arange(N) / 7])
def test_labels_that_are_measured_values_are_refused(hemobench, tmp_path, labels):
    path = saved(tmp_path, images=GREY, labels=labels)
    told = hemobench("contest", "new", "mine", "--source", path, "--yes", code=1).stderr
    assert "labels in own.npz holds" in told and "expected whole numbers or words" in " ".join(told.split())


@pytest.mark.usefixtures("reads_in_one_process")
@pytest.mark.parametrize("arrays", [{"a": GREY}, {"a": LABELS, "b": LABELS}, {"a": GREY, "b": LABELS[:-1]}])
def test_a_file_without_images_and_labels_is_refused_with_what_it_holds(hemobench, tmp_path, arrays):
    told = hemobench("contest", "new", "mine", "--source", saved(tmp_path, **arrays), "--yes", code=1).stderr
    assert all(f"{key} {array.shape}" in " ".join(told.split()) for key, array in arrays.items())


def test_it_imports_neither_keras_nor_tensorflow(tmp_path):
    path = saved(tmp_path, images=GREY, labels=LABELS)
    code = (
        "import sys; from pathlib import Path; from harness import api; "
        "home, path = map(Path, sys.argv[1:]); api.draft_contest(home, 'mine', path).write(home); "
        "print({'keras', 'tensorflow', 'torch', 'sklearn'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code, tmp_path / "w", path], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
