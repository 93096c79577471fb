"""What `freeze` leaves out of a source is on the screen, in JSON, in the summary and in the lock, with the reason."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.freeze.frozen import Frozen, open_frozen
from harness.workspace import Workspace
from tests.conftest import CommandLine

CONTEST = """
name = "own"
title = "Own images"
version = 1
class_names = ["disc", "square"]
image_shape = [12, 12, 3]
[source]
kind = "folder"
"""


@pytest.fixture
def hemobench(tmp_path) -> CommandLine:
    return CommandLine(tmp_path / "a workspace", tmp_path)


@pytest.fixture
def own(tmp_path) -> Path:
    """A folder with 30 images of each class, and what does not belong there."""
    for label, name in enumerate(("disc", "square")):
        (tmp_path / "own" / name).mkdir(parents=True)
        for i in range(30):
            pixels = np.random.default_rng([label, i]).integers(0, 256, (12, 12, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "own" / name / f"{i}.png")
    (tmp_path / "own" / "disc" / "notes.txt").write_text("a text")
    (tmp_path / "own.toml").write_text(CONTEST)
    return tmp_path / "own"


def frozen(hemobench: CommandLine) -> Frozen:
    return open_frozen(Workspace(hemobench.workspace), "own")


def test_what_is_left_out_is_on_the_screen_in_json_in_the_summary_and_in_the_lock(hemobench, own):
    (own / "unsure").mkdir()
    (own / "unsure" / "1.png").write_bytes((own / "disc" / "1.png").read_bytes())
    (own.parent / "own.toml").write_text(CONTEST + 'ignore = ["unsure"]\n')
    words = ("freeze", "--contest", "own.toml", "--source", "own")
    shown = " ".join(hemobench(*words).stderr.split())
    ignored = {"a text": ["disc/notes.txt"], "named in ignore": ["unsure/1.png"]}
    for reason, names in ignored.items():
        assert f"1 file, {reason}: {names[0]}" in shown
    assert json.loads(hemobench(*words, "--json").stdout)["ignored"] == ignored
    lock = frozen(hemobench).lock
    assert {reason: list(names) for reason, names in lock.ignored.items()} == ignored
    summary = (frozen(hemobench).folder / "public" / "summary.md").read_text(encoding="utf-8")
    assert all(name in summary for names in ignored.values() for name in names)


def test_broken_images_are_refused_all_at_once_or_left_out_and_recorded(hemobench, own):
    whole = (own / "disc" / "1.png").read_bytes()
    broken = {"disc/77.png", "square/78.png", "square/79.png"}
    for name in broken:
        (own / name).write_bytes(whole[: len(whole) // 2])
    words = ("freeze", "--contest", "own.toml", "--source", "own")
    refused = hemobench(*words, code=1).stderr
    assert all(name in refused for name in broken) and "--leave-out-broken" in refused
    found = json.loads(hemobench(*words, "--leave-out-broken", "--json").stdout)
    assert set(found["broken"]) == broken
    shown = " ".join(hemobench(*words, "--leave-out-broken").stderr.split())
    assert "3 files, broken: disc/77.png, square/78.png, square/79.png" in shown
    lock = frozen(hemobench).lock
    assert {(one.id, one.action) for one in lock.findings if one.rule == "broken"} == {(n, "dropped") for n in broken}
    assert sum(sum(lock.counts[split].values()) for split in ("train", "val", "public", "private")) == 60
    folder = frozen(hemobench).folder / "public"
    assert "broken 3x dropped" in (folder / "summary.md").read_text(encoding="utf-8")
    with np.load(folder / "removed.npz") as removed:
        assert not broken & set(removed["ids"].tolist())  # there are no pixels of them


def test_a_freeze_that_fails_says_what_cleaning_dropped(hemobench, own):
    for path in (own / "disc").glob("*.png"):
        Image.new("RGB", (12, 12), (int(path.stem), 0, 0)).save(path)
    refused = " ".join(hemobench("freeze", "--contest", "own.toml", "--source", "own", code=1).stderr.split())
    assert "Cleaning dropped" in refused and "by blank" in refused


def test_the_test_split_of_a_source_becomes_the_hidden_test(hemobench, own):
    for split, first in (("train", 0), ("test", 20)):
        for name in ("disc", "square"):
            (own / split / name).mkdir(parents=True)
            for i in range(first, 20 if split == "train" else 30):
                (own / name / f"{i}.png").rename(own / split / name / f"{i}.png")
    for pooled in (False, True):
        (own.parent / "own.toml").write_text(CONTEST + ('splits = "pool"\n' if pooled else ""))
        (own / "disc" / "notes.txt").unlink(missing_ok=True)
        shown = hemobench("freeze", "--contest", "own.toml", "--source", "own").stderr
        assert "Splits of the source: test 20, train 40" in " ".join(shown.split())
        with np.load(frozen(hemobench).folder / "private" / "labels.npz") as labels:
            assert all(name.startswith("test/") for name in labels["ids"]) is not pooled
