"""The whole loop through the command line, with real processes."""

import csv
import io
import json
import random
import signal
import time

import numpy as np
import pytest

NUMPY_ENTRIES = ("majority", "random", "nearest-centroid")


@pytest.mark.parametrize("name", NUMPY_ENTRIES)
def test_an_example_entry_scores_and_stands_on_the_board(hemobench, name):
    card = json.loads(hemobench("submit", name, "-m", "first", "--json").stdout)
    assert card["outcome"] == "scored"
    assert list(card["scores"]) == ["val", "val_shifted", "public"], "the private score shows on request only"
    (row,) = json.loads(hemobench("leaderboard", "--json").stdout)
    assert (row["rank"], row["entry"]) == (1, name)
    assert row["public"] == card["scores"]["public"]["metrics"]["accuracy"]["value"]
    assert row["public_low"] <= row["public"] <= row["public_high"]


def test_majority_scores_the_share_of_its_class(hemobench):
    card = json.loads(hemobench("submit", "majority", "-m", "x", "--json", "--reveal-private").stdout)
    for split in ("val", "public", "private"):
        score = card["scores"][split]
        shares = [sum(row) / score["n"] for row in score["confusion"]]
        assert score["metrics"]["accuracy"]["value"] in shares
        assert score["metrics"]["balanced_accuracy"]["value"] == pytest.approx(1 / 8)


def test_the_answers_score_one_and_a_wrong_label_less(hemobench, tmp_path):
    current = hemobench.workspace / "contests" / "small" / "current"
    images, answers = [], []
    with np.load(current / "private" / "hidden.npz") as hidden, np.load(current / "private" / "labels.npz") as private:
        images.append(hidden["images"])
        answers.append(private["labels"])
    for split in ("val", "val_shifted"):
        with np.load(current / "public" / f"{split}.npz") as public:
            images.append(public["images"])
            answers.append(public["labels"])
    folder = tmp_path / "oracle"
    folder.mkdir()
    # By the images themselves: the order in which they are shown is drawn anew for each run.
    (folder / "model.py").write_text(
        "import numpy as np\n"
        "class Model:\n"
        "    def __init__(self):\n"
        "        known = np.load('answers.npz')\n"
        "        self.label = {x.tobytes(): y for x, y in zip(known['images'], known['labels'])}\n"
        "    def predict(self, X):\n"
        "        return np.array([self.label[x.tobytes()] for x in X])\n"
    )
    np.savez(folder / "answers.npz", images=np.concatenate(images), labels=np.concatenate(answers))
    card = json.loads(hemobench("submit", folder, "-m", "oracle", "--json", "--reveal-private").stdout)
    assert {score["metrics"]["accuracy"]["value"] for score in card["scores"].values()} == {1.0}
    assert {score["metrics"]["macro_f1"]["value"] for score in card["scores"].values()} == {1.0}
    assert card["repeat"]["n_changed"] == 0
    answers[0] = np.roll(answers[0], 1)
    np.savez(folder / "answers.npz", images=np.concatenate(images), labels=np.concatenate(answers))
    card = json.loads(hemobench("submit", folder, "-m", "shifted by one", "--json").stdout)
    assert card["scores"]["val"]["metrics"]["accuracy"]["value"] == 1.0
    assert card["scores"]["public"]["metrics"]["accuracy"]["value"] < 0.6


def test_the_same_zip_gives_the_same_scores(hemobench, tmp_path):
    folder = json.loads(hemobench("submit", "nearest-centroid", "-m", "x", "--json").stdout)
    zip_path = hemobench.workspace / "zips" / f"{folder['zip_sha256']}.zip"
    cards = [json.loads(hemobench("score", zip_path, "--fresh", "--json").stdout) for _ in range(2)]
    for key in ("scores", "predictions", "lock", "scorer", "zip_sha256"):
        assert cards[0][key] == cards[1][key]


def test_score_of_a_broken_zip_prints_one_json_document_and_fails(hemobench, tmp_path):
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"this is not a zip")
    card = json.loads(hemobench("score", broken, "--json", code=1).stdout)
    assert card["outcome"] == "refused"
    assert card["scores"] == {}
    assert card["message"]
    assert card["hint"]


def test_an_entry_that_fails_is_on_record_but_not_ranked(hemobench, tmp_path):
    folder = tmp_path / "team"
    folder.mkdir()
    (folder / "model.py").write_text("class Model:\n    def predict(self, X):\n        return X / 255\n")
    shown = hemobench("submit", folder, "-m", "oops", code=1)
    assert "bad_output" in shown.stderr
    hemobench("submit", "majority", "-m", "x")
    rows = json.loads(hemobench("leaderboard", "--json").stdout)
    assert [(row["rank"], row["entry"], row["public"]) for row in rows][1] == (None, "team", None)
    assert "team" not in hemobench("leaderboard").stdout
    assert "team" in hemobench("leaderboard", "--all").stdout


def test_the_private_score_shows_on_request_only(hemobench):
    hemobench("submit", "random", "-m", "x")
    assert "private" not in hemobench("leaderboard").stdout
    assert "private" in hemobench("leaderboard", "--reveal-private").stdout
    rows = list(csv.DictReader(io.StringIO(hemobench("leaderboard", "--format", "csv").stdout)))
    assert not [key for key in rows[0] if "private" in key]


def test_tables_stay_within_80_columns(hemobench):
    for name in NUMPY_ENTRIES:
        shown = hemobench("submit", name, "-m", "x")
        assert max(map(len, (shown.stdout + shown.stderr).splitlines())) <= 80
    for words in (("leaderboard",), ("leaderboard", "--reveal-private", "--all"), ("contest", "list")):
        assert max(map(len, hemobench(*words).stdout.splitlines())) <= 80


def test_an_unknown_name_gets_a_suggestion_and_exit_code_2(hemobench):
    assert "majority" in hemobench("submit", "majorty", "-m", "x", code=2).stderr
    assert "freeze" in hemobench("freze", code=2).stderr
    assert "blood-cells" in hemobench("freeze", "--contest", "blod-cells", code=1).stderr


def test_an_option_of_training_is_refused_where_nothing_is_trained(hemobench):
    assert "no effect" in hemobench("submit", "majority", "-m", "x", "--preset", "quick", code=2).stderr


def test_four_submits_at_once_leave_four_rows(hemobench):
    processes = [hemobench.start("submit", "majority", "-m", f"number {number}") for number in range(4)]
    for process in processes:
        assert process.communicate(timeout=900) and process.returncode == 0
    rows = json.loads(hemobench("leaderboard", "--json").stdout)
    assert sorted(row["message"] for row in rows) == sorted(f"number {number}" for number in range(4))
    assert [row["rank"] for row in rows] == list(range(1, 5))


def test_a_submit_killed_at_any_moment_leaves_a_whole_row_or_none(hemobench):
    started = time.monotonic()
    hemobench("submit", "random", "-m", "whole")
    usual = time.monotonic() - started
    moments = random.Random(8)
    reported = ["whole"]
    for number in range(6):
        process = hemobench.start("submit", "random", "-m", f"number {number}")
        time.sleep(moments.random() * usual)
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate(timeout=60)
        if out:
            reported.append(f"number {number}")
    hemobench("submit", "random", "-m", "after")
    rows = json.loads(hemobench("leaderboard", "--json").stdout)
    assert {*reported, "after"} <= {row["message"] for row in rows}
    assert all(row["outcome"] == "scored" and row["public"] is not None for row in rows)
    assert list((hemobench.workspace / "scratch").glob("*/")) == [], "what a killed submit left behind is swept"


def test_the_daily_limit_says_when_it_ends(tmp_path, small_contest, hemobench):
    contest = tmp_path / "strict.toml"
    contest.write_text(small_contest.read_text().replace('"small"', '"strict"') + "submissions_per_day = 1\n")
    hemobench("freeze", "--contest", contest)
    hemobench("submit", "submissions/random", "-m", "one")
    assert "00:00 UTC" in hemobench("submit", "submissions/random", "-m", "two", code=1).stderr
    hemobench("submit", "majority", "-m", "another name")
