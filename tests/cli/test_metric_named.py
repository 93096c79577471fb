"""A contest that ranks by macro-F1 and has no accuracy: each door predicts, shows and names that metric."""

import csv
import io
import json
import shutil

import pytest

from harness.workspace import Workspace
from tests.conftest import CommandLine, contest_text
from tests.report.entries import Desk

MACRO_FIRST = """
[limits]
time_s = 120
[[metrics]]
name = "macro_f1"
direction = "maximize"
[[metrics]]
name = "balanced_accuracy"
direction = "maximize"
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("macro")
    file = folder / "macro.toml"
    file.write_text(contest_text("macro", "By macro", n_images=480, more=MACRO_FIRST))
    CommandLine(folder / "workspace")("freeze", "--contest", file)
    made = Desk(Workspace(folder / "workspace"))
    for number, accuracy in enumerate((0.9, 0.8, 0.95, 0.7, 0.85, 0.75, 0.88)):
        made.record(f"team {number}", accuracy, number=number, sure=True, recipe="abc", seed_of_recipe=number)
    return made


@pytest.fixture
def run(desk):
    return CommandLine(desk.workspace.path)


def test_the_board_ranks_by_it_and_says_so(run):
    rows = json.loads(run("leaderboard", "--json").stdout)
    assert {row["metric"] for row in rows} == {"macro_f1"}
    table = list(csv.DictReader(io.StringIO(run("leaderboard", "--format", "csv").stdout)))
    assert [(row["metric"], float(row["public"])) for row in table] == [("macro_f1", row["public"]) for row in rows]
    n = rows[0]["public_n"]
    screen, markdown = run("leaderboard"), run("leaderboard", "--format", "markdown").stdout
    assert f"macro f1, public n = {n}" in screen.stdout
    assert "macro f1" in screen.stderr
    assert f"Macro f1 on the public half of the hidden test, n = {n}" in markdown
    assert run("show", rows[0]["id"], "--json").stdout.count('"metric":"macro_f1"') == 1


def test_what_is_predicted_is_what_ranks(run, desk):
    facts = json.loads(run("show", "team 6", "--json").stdout)
    predicted, scores = facts["forecasts"], facts["scores"]
    assert predicted["shifted"]["value"] == scores["val_shifted"]["macro_f1"]["value"]
    assert predicted["line"] is not None
    assert predicted["atc"] is None, "confidence predicts accuracy alone"
    shown = run("show", "team 6").stdout
    assert (
        f"Predicted public macro f1 on the day it came, %; measured {100 * scores['public']['macro_f1']['value']:.2f}"
        in shown
    )


def test_the_report_predicts_and_measures_one_metric(run, tmp_path):
    run("report", "-o", tmp_path / "page.html", "--csv", "--json")
    report = json.loads((tmp_path / "page.json").read_text())
    page = (tmp_path / "page.html").read_text()
    assert report["metric"] == "macro_f1"
    for row in report["rows"]:
        assert row["forecasts"]["shifted"]["value"] == row["scores"]["val_shifted"]["macro_f1"]["value"]
    (shifted,) = (method["errors"] for method in report["methods"] if method["name"] == "shifted")
    misses = [
        abs(row["forecasts"]["shifted"]["value"] - row["scores"]["public"]["macro_f1"]["value"])
        for row in report["rows"]
    ]
    assert shifted["mean_absolute"] == pytest.approx(sum(misses) / len(misses))
    assert "public accuracy" not in page.lower()
    assert "ranked by macro f1" in page and "Predicted public macro f1" in page and "McNemar under Holm" not in page
    written = {row["id"]: row for row in csv.DictReader(io.StringIO((tmp_path / "page.csv").read_text()))}
    assert {row["metric"] for row in written.values()} == {"macro_f1"}
    for row in csv.DictReader(io.StringIO(run("leaderboard", "--format", "csv").stdout)):
        both = row.keys() - {"outcome", "note", "rank_apart"}  # what the report writes ranks
        assert {name: row[name] for name in both} == {name: written[row["id"]][name] for name in both}


def test_score_and_submit_predict_it(desk, tmp_path):
    shutil.copytree(desk.workspace.path, tmp_path / "workspace", symlinks=True)
    run = CommandLine(tmp_path / "workspace")
    told = run("submit", "majority", "-m", "x")
    assert "Predicted public macro f1:" in " ".join(told.stderr.split())
    assert "accuracy" not in told.stderr
    entry = tmp_path / "random.zip"
    run("pack", "submissions/random", "-o", entry)
    card = json.loads(run("score", entry, "--json").stdout)
    assert card["forecast"]["metric"] == "macro_f1"
    assert (
        card["forecast"]["forecasts"]["shifted"]["value"]
        == (card["scores"]["val_shifted"]["metrics"]["macro_f1"]["value"])
    )
    assert "Predicted public macro f1:" in " ".join(run("score", entry).stderr.split())
