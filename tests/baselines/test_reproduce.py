"""The page says what was measured: beside what was reported, with causes computed, nothing typed by hand."""

import json
import re
import sys
from contextlib import ExitStack
from dataclasses import replace
from unittest import mock

import msgspec
import numpy as np
import pytest

from baselines.baseline import Preset, Reported
from baselines.entries import BASELINES, ROWS, find
from baselines.recipe import Recipe
from baselines.reproduce.causes import explain
from baselines.reproduce.measure import Bench
from baselines.reproduce.page import seed_noise, verdicts, write_page
from baselines.reproduce.row import Gap, Row
from baselines.reproduce.table import ClaimResult, OptimizerResult, Summary, correlation, keep_expected
from baselines.reproduce.trials import CLAIMS, OPTIMIZERS, SHORT, TABLE, Trial, all_trials, optimizer_trials
from baselines.run_folder import Accuracy, Adapted
from harness.analysis.corruptions import UNTOUCHED, Tally


def accuracy(share, n=1000):
    return Accuracy.of(np.arange(n) < round(share * n))


NOTHING = Reported()


def row(name="mobilenet", as_team=False, val=0.97, hidden=0.70, reported=NOTHING, **more):
    facts = {
        "name": name,
        "model": name.removesuffix("-report"),
        "as_team": as_team,
        "recipe_said": "fine-tuned",
        "reported": reported,
        "weights": "imagenet",
        "cuts": "",
        "parameters": 1,
        "seconds": 60.0,
        "val": accuracy(val),
        "val_loss": 0.1,
        "train": accuracy(0.99, 500),
        "val_shifted": accuracy(0.75),
        "hidden": accuracy(hidden),
        "adapted": Adapted(accuracy(0.60, 500), accuracy(0.72, 500)),
        "recipe": Recipe(epochs=3),
        "families": {
            UNTOUCHED: Tally(48, 50),
            "defocus": Tally(30, 100),
            "contrast": Tally(80, 100),
            "bubbles": Tally(60, 100),
            "rare": Tally(0, 9),
        },
        "chains": {0: Tally(48, 50), 2: Tally(80, 100), 4: Tally(50, 100)},
    }
    return Row(**(facts | more))


def summary(*rows, **more):
    facts = {
        "contest": "small", "title": "A <b>small</b> contest", "lock": "0" * 12, "counts": {"train": 10, "val": 5},
        "dropped": 1, "preset": "quick", "device": "CPU", "versions": {"keras": "3"}, "hidden_split": "public",
        "n_hidden": 1000, "rows": rows, "missing": (), "failed": {}, "rank_correlation": (0.5, 0.3, 4),
        "rank_correlation_val": None, "claims": (), "optimizers": (), "seconds": 600.0,
    }  # fmt: skip
    return Summary(**(facts | more))


def test_the_trials_are_the_report_s_table_each_once_with_the_team_s_variant():
    assert [trial.model for trial in TABLE] == [
        name for one in ROWS for name in (one.name, one.name + "-report") if name in {b.name for b in BASELINES}
    ]
    assert len(all_trials()) == len(set(all_trials()))
    assert all(len(trial.label) <= 40 for trial in all_trials())
    assert len({trial.label for trial in all_trials()}) == len(all_trials())
    assert all(len(optimizer_trials(name)) >= 3 for name in OPTIMIZERS)
    assert {trial.model for trial in all_trials(["vgg16"])} == {"vgg16"}


def test_a_claim_compares_recipes_that_differ_in_one_thing():
    for claim in CLAIMS:
        assert claim.one.model == claim.other.model
        assert len(set(claim.one.settings) ^ set(claim.other.settings)) in (1, 2), claim.text
        assert claim.one.seed == claim.other.seed and claim.one.planted == claim.other.planted


def test_the_paragraph_names_the_largest_cause_and_the_hardest_family():
    text = " ".join(explain(row(), None, 12, has_other=False))
    assert "divides by 255 itself" in text
    assert "was not measured" in " ".join(explain(row(), None, 12))
    assert "gap of 27.0 points" in text
    assert "Most of it is the shift of the hidden test: 26 points" in text
    assert "Hardest in a chain: defocus (30.0 %" in text and "mildest: contrast" in text
    assert "rare" not in text, "nine images say too little"
    assert "+12.0 points, intervals that do not overlap" in text
    assert "cleaning took 12 copies" in text


def test_the_preprocessing_is_blamed_where_it_costs_and_not_where_its_interval_holds_0():
    clear = {"val": Gap(0.3, 0.27, 0.33), "hidden": Gap(0.4, 0.36, 0.44)}
    team = row("mobilenet-report", True, hidden=0.3, against_right=clear)
    text = " ".join(explain(team, row(), 0))
    assert "Most of it is the shift of the hidden test: 66 points" in text
    assert "gains +30.0 (+27.0 to +33.0) points in validation (clear)" in text
    worse = msgspec.structs.replace(team, families={}, adapted=None)
    head = explain(worse, row(), 0)[0]
    assert "The largest part that can be told apart here is what sets the team's way apart: 10 points" in head
    same = {"val": Gap(0.2, 0.17, 0.23), "hidden": Gap(0.2, 0.16, 0.24)}
    head = explain(msgspec.structs.replace(worse, against_right=same), row(), 0)[0]
    assert "part" not in head, "what costs as much in validation makes no gap"
    unclear = {"val": Gap(0.0, -0.02, 0.02), "hidden": Gap(0.05, -0.01, 0.11)}
    text = " ".join(explain(msgspec.structs.replace(worse, against_right=unclear), row(), 0))
    assert "the interval holds 0" in text and "part that can be told apart" not in text


def test_nothing_is_blamed_that_chance_could_make_or_where_there_is_no_gap():
    few = row(families={UNTOUCHED: Tally(30, 40)}, adapted=Adapted(accuracy(0.60, 500), accuracy(0.63, 500)))
    assert explain(few, None, 0)[0].endswith("a gap of 27.0 points.")
    assert "intervals that overlap" in " ".join(explain(few, None, 0))
    none = explain(row(val=0.69, hidden=0.70), None, 0)[0]
    assert none.endswith("a gap of −1.0 points.")


def test_a_training_that_ended_too_early_and_one_under_augmentation_are_told():
    text = " ".join(explain(row(train=accuracy(0.6, 500)), None, 0))
    assert "says little of the model" in text
    strong = row(recipe=Recipe(epochs=3, augment="strong"), augmented=(0.31, 0.5))
    text = " ".join(explain(strong, None, 0))
    assert "under strong augmentation it reads 31 % in the first epoch and 50 % in the last" in text
    assert "says little" not in text
    assert "All of it is the shift" in explain(row(val=0.80, hidden=0.70), None, 0)[0]


def test_a_verdict_names_the_better_one_and_turns_the_interval_with_it():
    facts = {"first": "A", "second": "B", "reported": "", "one": accuracy(0.8), "other": accuracy(0.8)}
    facts |= {"hidden_one": accuracy(0.8), "hidden_other": accuracy(0.8), "n_trained": (9, 9), "where": "small"}
    gaps = (Gap(-0.05, -0.08, -0.02), Gap(0.05, 0.02, 0.08), Gap(0.01, -0.02, 0.04))
    claims = tuple(ClaimResult(val=gap, val_shifted=gap, hidden=gap, **facts) for gap in gaps)
    lost, won, open_ = verdicts(summary(claims=claims))
    assert "B is better, by +5.0 (+2.0 to +8.0) points" in lost
    assert "A is better, by +5.0 (+2.0 to +8.0) points" in won
    assert "no difference can be told: +1.0 (−2.0 to +4.0) points for A" in open_
    pair = (0.5, 0.03)
    adam = OptimizerResult(name="adam", settings="", n=3, val=pair, val_shifted=pair, hidden=pair, val_each=(0.5,))
    noisy = summary(claims=claims, optimizers=(adam,))
    assert seed_noise(noisy) == pytest.approx(1.96 * 2**0.5 * 0.03)
    assert [("another seed alone could make as much" in text) for text in verdicts(noisy)] == [True, True, False]


def test_the_right_row_says_the_same_of_preprocessing_as_the_team_s():
    gaps = {"val": Gap(0.3, 0.27, 0.33), "hidden": Gap(0.4, 0.36, 0.44)}
    team, right = row("mobilenet-report", True, against_right=gaps), row()

    def sentence(sentences):
        return next(text for text in sentences if text.startswith("Preprocessing"))

    assert sentence(explain(team, right, 0)) == sentence(explain(right, team, 0))


def test_the_page_escapes_in_html_and_its_tables_hold_every_row(tmp_path):
    rows = (row("scratch-v1", reported=Reported(hidden_accuracy=25)), row("<script>alert(1)</script>"))
    write_page(summary(*rows), tmp_path / "page.md")
    html, markdown = ((tmp_path / f"page.{suffix}").read_text() for suffix in ("html", "md"))
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "A &lt;b&gt;small" in html
    assert "http" not in html
    table = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert "| scratch-v1 | imagenet | – | 97.0 (95.7–97.9) | – | 0.1000 | 25 | 70.0 (67.1–72.8) | +27.0 |" in table
    for file in re.findall(r"\]\((\S+\.png)\)", markdown):
        assert (tmp_path / file).read_bytes().startswith(b"\x89PNG")
    assert msgspec.json.decode((tmp_path / "page.json").read_bytes(), type=Summary).rows == rows


def test_a_page_of_nothing_says_what_is_missing(tmp_path):
    write_page(summary(missing=("vgg16",), failed={"mobilenet": "no room"}), tmp_path / "page.md")
    text = (tmp_path / "page.md").read_text()
    assert "vgg16: not run yet" in text and "mobilenet: no room" in text


def test_the_rank_correlation_is_spearman_s_over_rows_that_the_report_has():
    rows = [
        row(hidden=h, reported=Reported(hidden_accuracy=r)) for h, r in ((0.2, 25), (0.3, 34), (0.7, 57), (0.6, 67))
    ]
    found = correlation([*rows, row()], "hidden_accuracy", "hidden")
    assert found is not None
    rho, _, n = found
    assert (rho, n) == (pytest.approx(0.8), 4)
    assert correlation(rows[:2], "hidden_accuracy", "hidden") is None


def reproduced_twice(hemobench, page):
    """Reproduce one row, and once more; return what the first time wrote to stderr."""
    words = ("reproduce", "scratch-v1", "--page", page)
    first = hemobench(*words)
    assert "scratch-v1" in first.stdout
    assert "[1/1] scratch-v1" in first.stderr
    text = page.read_text()
    assert "**scratch-v1**" in text and "Shift: on hidden images" in text
    with ExitStack() as drawn_already:
        for name in ("sheets.augmentation_gallery", "sheets.hidden_confusions", "page.draw"):
            drawn_already.enter_context(mock.patch(f"baselines.reproduce.{name}", return_value=[]))
        again = hemobench(*words, "--json")
    assert "[1/1]" not in again.stderr and "epoch" not in again.stderr
    (told,) = json.loads(again.stdout)["rows"]
    board = json.loads(hemobench("leaderboard", "--json").stdout)
    (entry,) = [
        standing for standing in board if standing["entry"] == "scratch-v1" and standing["message"] == "reproduce"
    ]
    assert told["hidden"]["value"] == entry["public"], "the page says what the board says"
    assert told["val"]["value"] == pytest.approx(entry["val"])
    return first.stderr


@pytest.mark.slow
def test_one_row_runs_through_the_zip_door_and_is_not_run_again(hemobench, tmp_path):
    assert "epoch 6/6" in reproduced_twice(hemobench, tmp_path / "out" / "page.md")


def test_a_trained_baseline_scores_through_the_zip_door_and_is_not_trained_twice(hemobench, tmp_path, monkeypatch):
    # In this process, which has loaded Keras; the slow test, and that of the current folder, start another.
    def train_here(workspace, frozen, model, options):
        done = hemobench("train", model, "--json", *options)
        print(done.stderr, file=sys.stderr)
        return json.loads(done.stdout)

    monkeypatch.setattr("harness.entry_source._train", train_here)
    changes = {"epochs": 1, "train_limit": 64, "input_size": 32}
    settings = [word for field, value in changes.items() for word in ("--set", f"{field}={value}")]
    words = ("submit", "scratch-v1", "-m", "x", "--preset", "quick", "--weights", "none", *settings, "--json")
    first = hemobench(*words)
    assert "epoch 1/1" in first.stderr
    card = json.loads(first.stdout)
    assert card["outcome"] == "scored"
    assert "keras" in card["environment"]
    (run,) = (hemobench.workspace / "runs" / "small").glob("scratch-v1-*/run.json")
    record = json.loads(run.read_text())
    assert record["lock_hash"] == card["lock"]
    # What training measured is what the sandbox measures: the model in the zip is the one that was trained.
    assert card["scores"]["val"]["metrics"]["accuracy"]["value"] == record["val_accuracy"]["value"]
    (entry,) = json.loads(hemobench("leaderboard", "--json").stdout)
    assert (entry["weights"], entry["precision"]) == ("none", record["precision"])

    again = hemobench(*words)
    assert "trained already" in again.stderr
    assert json.loads(again.stdout)["zip_sha256"] == card["zip_sha256"]
    # The row's own preset is now what was trained.
    preset = Preset(msgspec.structs.replace(find("scratch-v1").quick.recipe, **changes))
    rows = [replace(one, quick=preset) if one.name == "scratch-v1" else one for one in BASELINES]
    monkeypatch.setattr("baselines.entries.BASELINES", rows)
    assert "trained already" in reproduced_twice(hemobench, tmp_path / "out" / "page.md")


def test_a_limit_beyond_the_images_of_a_contest_is_left_out_of_a_trial(frozen_workspace):
    bench = Bench(frozen_workspace, None, "quick", "auto", offline=True)
    trial = Trial("scratch-v2", (*SHORT, "augment=augmix"))
    assert bench.settings_of(trial) == ("epochs=8", "augment=augmix")
    assert bench.job(trial).recipe.epochs == 8
    assert bench.settings_of(Trial("scratch-v2", ("train_limit=30",))) == ("train_limit=30",)


def test_words_without_sense_are_refused(hemobench):
    assert "Did you mean vgg16" in hemobench("reproduce", "vgg61", code=2).stderr
    assert "HEMOBENCH_WEIGHTS" in hemobench("reproduce", "--weights", "a.weights.h5", code=2).stderr


def test_what_was_measured_is_kept_beside_what_is_known_of_other_contests(tmp_path):
    path = tmp_path / "expected.json"
    other = {"vgg16": [{"contest": "other", "preset": "quick", "weights": "none", "val": {}}]}
    path.write_bytes(msgspec.json.encode(other))
    keep_expected({}, path)
    assert msgspec.json.decode(path.read_bytes()) == other
