"""The forms in which a verb prints its table."""

import csv
import io
import json
import re
import shutil

import pytest
from click.testing import CliRunner

from harness import api
from harness.cli import hemobench
from harness.cli._view.screen import Column
from harness.cli._view.table import Table, print_table
from harness.records import Records
from harness.score.card import Estimate, ScoreCard, SplitScore
from harness.workspace import Workspace
from tests.report.entries import Desk

FORMS = ("table", "csv", "json", "markdown", "latex")
NAME = "a|b_50 % <i> & co"
SPLIT = SplitScore(4, {"accuracy": Estimate(0.5, 0.25, 0.75, 4)}, {"a": Estimate(1.0, 0.0, 1.0, 2)}, ((2,),))
CARD = {
    **dict.fromkeys(("message", "hint", "contest", "lock", "zip_sha256", "scorer", "isolation"), ""),
    **{"outcome": "scored", "contest_version": 1, "zip_bytes": 1, "scores": {"val": SPLIT}},
}


@pytest.fixture(scope="module")
def desk(frozen_workspace, tmp_path_factory):
    made = Desk(Workspace(tmp_path_factory.mktemp("formats") / "workspace"))
    shutil.copytree(frozen_workspace, made.workspace.path, symlinks=True)
    made.record("good", 0.9, number=1)
    made.record(NAME, 0.6, number=2)
    return made


def run(desk, *words):
    done = CliRunner().invoke(hemobench, [*words, "--workspace", str(desk.workspace.path)])
    assert done.exit_code == 0, done.output
    return done.stdout


def rows_of(form, text):
    """Return the rows of a printed table, their number being what all forms share."""
    if form == "csv":
        return list(csv.DictReader(io.StringIO(text)))
    if form == "json":
        return json.loads(text)
    if form == "markdown":
        return [line for line in text.splitlines() if line.startswith("| ")][2:]
    if form == "latex":
        body = text.split("\\midrule\n")[1].split("\\bottomrule")[0]
        return [line for line in body.splitlines() if line.endswith("\\\\")]
    return [line for line in text.split("─\n")[1].splitlines() if line.strip()]


@pytest.mark.parametrize("form", FORMS)
def test_the_board_has_a_row_an_entry_in_each_form(desk, form):
    rows = rows_of(form, run(desk, "leaderboard", "--format", form))
    assert len(rows) == 2
    if form in ("csv", "json"):
        assert [(row["entry"], int(row["id"])) for row in rows] == [("good", 1), (NAME, 2)]


@pytest.mark.parametrize(("form", "written"), [("markdown", r"a\|b_50 % &lt;i&gt; &amp; co"), ("latex", r"b\_50 \% ")])
def test_a_name_stays_text(desk, form, written):
    assert written in run(desk, "leaderboard", "--format", form)


def test_json_is_the_short_form_and_the_last_word_counts(desk):
    document = run(desk, "leaderboard", "--format", "json")
    assert run(desk, "leaderboard", "--json") == document == run(desk, "leaderboard", "--format", "csv", "--json")
    assert run(desk, "leaderboard", "--json", "--format", "csv").startswith("rank,id,entry,metric,public,")


@pytest.mark.parametrize("form", ["csv", "markdown", "latex"])
def test_a_pair_is_a_row_a_split_with_the_numbers_of_its_json(desk, form):
    found = json.loads(run(desk, "compare", "1", "2", "--json"))["splits"]
    rows = rows_of(form, run(desk, "compare", "1", "2", "--format", form))
    assert len(rows) == len(found) == 3
    if form == "csv":
        for row in rows:
            divided = found[row["split"]]["divided"]
            assert float(row["difference"]) == divided["difference"]["value"]
            assert round((float(row["a"]) - float(row["b"])) * divided["n"]) == divided["gained"] - divided["lost"]


def test_a_table_without_rows_has_its_head_for_programs(frozen_workspace, desk):
    empty = CliRunner().invoke(hemobench, ["leaderboard", "--workspace", str(frozen_workspace), "--format", "csv"])
    assert empty.stdout == run(desk, "leaderboard", "--format", "csv").splitlines()[0] + "\n"


def test_latex_has_the_sides_the_rules_and_a_minus(capsys):
    columns = [Column("", key=True), Column("a %", number=True)]
    table = Table(columns, [("x", "−1.5"), None, (("two", "lines"), "–")], Records((), ()), note="n = 5")
    print_table(table, "latex")
    shown = capsys.readouterr().out
    assert shown.startswith("% n = 5\n\\begin{tabular}{lr}\n\\toprule\n & a \\% \\\\")
    assert "x & $-$1.5 \\\\" in shown and "two, lines & – \\\\" in shown
    assert re.search(r"\\bottomrule\n\\end{tabular}\n$", shown)


def test_a_dataframe_has_the_columns_and_values_of_the_csv(desk):
    for words, found in (
        (("leaderboard",), api.leaderboard(desk.workspace.path)),
        (("compare", "1", "2"), api.compare(desk.workspace.path, "1", "2")),
    ):
        printed = rows_of("csv", run(desk, *words, "--format", "csv"))
        frame = api.frame(found)
        assert list(frame.columns) == list(printed[0])
        numbers = frame.select_dtypes("number")
        assert len(numbers.columns) > 5
        assert numbers.values.tolist() == [[float(row[name]) for name in numbers] for row in printed]
    card = api.frame(ScoreCard(**CARD))
    assert list(card["name"]) == ["accuracy", "a"]
    assert card[["value", "low", "high", "n"]].values.tolist() == [[0.5, 0.25, 0.75, 4], [1, 0, 1, 2]]
