"""A contest with groups from its file to the page: n is images and groups wherever an interval stands."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from harness.platforms.codabench.programs import scoring
from tests.conftest import CommandLine

CONTEST = r"""
name = "patients"
title = "Cells of patients"
version = 1
class_names = ["disc", "square"]
image_shape = [32, 32, 3]
[source]
kind = "folder"
[split]
hidden = 0.4
val = 0.2
group_pattern = '/(?P<group>p\d+)_'
"""


@pytest.fixture(scope="module")
def patients(tmp_path_factory):
    """A board of two entries on images of twenty patients, whose class a mean colour tells, of most patients."""
    folder = tmp_path_factory.mktemp("patients")
    rng = np.random.default_rng(1)
    for name, level in (("disc", 90), ("square", 150)):
        (folder / "data" / name).mkdir(parents=True)
        for patient in range(20):
            shade = level + (patient % 5 == 0) * (120 - level)
            for row in range(3):
                pixels = rng.integers(-60, 60, (8, 8, 3)).repeat(4, axis=0).repeat(4, axis=1) + shade
                image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
                image.save(folder / "data" / name / f"p{patient:02d}_{row}.png")
    (folder / "patients.toml").write_text(CONTEST)
    hemobench = CommandLine(folder / "workspace")
    hemobench("freeze", "--contest", folder / "patients.toml", "--source", folder / "data")
    for entry in ("nearest-centroid", "majority"):
        hemobench("submit", entry, "-m", "first")
    return hemobench


def test_freeze_counts_groups_and_says_where_one_stands_alone(patients, tmp_path):
    few = tmp_path / "few.toml"
    few.write_text(CONTEST.replace("0.4", "0.1").replace('"patients"', '"few"'))
    words = ("--source", patients.workspace.parent / "data", "--workspace", tmp_path / "workspace")
    found = json.loads(patients("freeze", "--contest", few, *words, "--json").stdout)
    assert found["groups"] == {"train": 14, "val": 4, "val_shifted": 4, "public": 1, "private": 1}
    assert "One group alone in private, public" in " ".join(patients("freeze", "--contest", few, *words).stderr.split())


def test_card_board_and_table_count_groups(patients):
    receipts = map(json.loads, (patients.workspace / "ledger.jsonl").read_text().splitlines())
    scores = next(one["scores"] for one in receipts if one.get("entry") == 1)
    assert {split: of["accuracy"]["n_groups"] for split, of in scores.items()} == {
        "val": 4,
        "val_shifted": 4,
        "public": 4,
        "private": 4,
    }
    (patients.workspace / "board.sqlite3").unlink()  # it is made again from the ledger, groups and all
    rows = list(csv.DictReader(io.StringIO(patients("leaderboard", "--format", "csv").stdout)))
    assert [row["public_groups"] for row in rows] == ["4", "4"]
    assert [int(row["public_n"]) for row in rows] == [24, 24]
    assert "24 images, 4 groups" in patients("leaderboard").stdout + patients("leaderboard").stderr


def test_show_and_compare_count_groups_and_no_four_groups_tell_two_entries_apart(patients):
    assert "24 of 4" in patients("show", 1).stdout
    found = json.loads(patients("compare", 1, 2, "--json").stdout)
    public = found["splits"]["public"]
    assert public["divided"]["n_groups"] == 4
    assert public["p"] >= 2 / 2**4
    assert found["better"] == ""
    assert "groups" in patients("compare", 1, 2).stdout


def test_the_page_says_images_and_groups_and_names_none(patients, tmp_path):
    patients("report", "-o", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "24 images, 4 groups" in page
    assert "No group of images is known" not in page
    with np.load(next(patients.workspace.glob("contests/patients/current/private/labels.npz"))) as arrays:
        hidden = set(arrays["groups"].tolist())
    assert not any(name in page for name in hidden)
    patients("report", "-o", tmp_path / "all.html", "--reveal-private")  # with the shake-up, whose halves cut no group
    assert "48 hidden ones" in (tmp_path / "all.html").read_text()


def test_a_codabench_bundle_scores_by_group_as_at_home_and_hands_no_group_to_an_entry(patients, tmp_path):
    patients("codabench", "export", tmp_path / "bundle")
    contest = json.loads((tmp_path / "bundle" / "scoring_program" / "contest.json").read_text())
    card = max(patients.workspace.glob("cards/patients/*.json"))
    scores = json.loads(card.read_text())["scores"]
    for half in ("public", "private"):
        kept = tmp_path / "bundle" / "reference_data" / f"{half}_labels"
        y_true, groups = np.load(kept / "labels.npy"), np.load(kept / "groups.npy")
        with np.load(card.with_suffix(".npz")) as arrays:
            _, there = scoring.score(contest, y_true, arrays[half], groups)
        for metric, (value, low, high) in there.items():
            home = scores[half]["metrics"][metric]
            assert (value, low, high) == pytest.approx((home["value"], home["low"], home["high"]))
        assert json.loads((kept / "task.json").read_text())["groups"] == 4
    given = {path.name for path in (tmp_path / "bundle" / "input_data").rglob("*") if path.is_file()}
    assert given == {"images.npy"}
