"""An open contest keeps its rules, and a closed one its end: through the command line, with real entries."""

import csv
import io
import json
import re
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from tests.conftest import CommandLine

MODEL = """
import numpy as np


class Model:
    def __init__(self):
        known = np.load("answers.npz")
        self.label = {x.tobytes(): int(y) for x, y in zip(known["images"], known["labels"])}

    def predict(self, X):
        return np.array([self.label.get(x.tobytes(), 0) for x in X])
"""


@pytest.fixture
def ruled(frozen_workspace, once_for_all, tmp_path, small_contest):
    """The command line on a contest with the Ladder, three submissions in all and one final a team."""
    text = small_contest.read_text().replace('"small"', '"ruled"')
    contest = tmp_path / "ruled.toml"
    contest.write_text(f"{text}[board]\nladder = true\nfinals = 1\nsubmissions_total = 3\n")

    def fill(folder):
        shutil.copytree(frozen_workspace, folder / "a workspace", symlinks=True)
        CommandLine(folder / "a workspace")("freeze", "--contest", contest)

    shutil.copytree(once_for_all("ruled", fill) / "a workspace", tmp_path / "a workspace", symlinks=True)
    return CommandLine(tmp_path / "a workspace")


@pytest.fixture
def knowing(ruled, tmp_path):
    """Makes the folder of an entry that was told the labels of so many hidden images, and says 0 of all others."""

    def make(n):
        private = ruled.workspace / "contests" / "ruled" / "current" / "private"
        with np.load(private / "hidden.npz") as hidden, np.load(private / "labels.npz") as answers:
            known = {"images": hidden["images"][:n], "labels": answers["labels"][:n]}
        folder = tmp_path / f"knows-{n}"
        folder.mkdir(exist_ok=True)
        (folder / "model.py").write_text(MODEL)
        np.savez(folder / "answers.npz", **known)
        return folder

    return make


def test_the_ladder_shows_a_clear_gain_and_withholds_what_is_none(ruled, knowing):
    def submit(n):
        return json.loads(ruled("submit", knowing(n), "--name", "team", "-m", "next", "--json").stdout)

    first, better, same = submit(10), submit(40), submit(40)
    assert [card["shown"] for card in (first, better, same)] == [None, None, 2]
    assert [sorted(card["scores"]) for card in (better, same)] == [
        ["public", "val", "val_shifted"],
        ["val", "val_shifted"],
    ]
    assert (better["rank"], same["rank"]) == (1, None)
    rows = json.loads(ruled("leaderboard", "--json").stdout)
    assert [(row["id"], row["rank"], row["note"]) for row in rows] == [(2, 1, ""), (1, 2, ""), (3, None, "withheld")]
    assert rows[2]["public"] is None
    assert rows[2]["val"] == same["scores"]["val"]["metrics"]["accuracy"]["value"]
    assert "team (withheld)" in ruled("leaderboard", "--all").stdout

    refused = ruled("submit", "random", "--name", "team", "-m", "a fourth", code=1)
    assert "as often as the contest allows, 3 in all" in refused.stderr
    told = ruled("submit", "random", "--name", "other", "-m", "first").stderr
    assert "rank 3 of 3" in told


def test_a_held_entry_says_why_and_names_no_score(ruled, knowing):
    ruled("submit", knowing(40), "--name", "team", "-m", "first")
    withheld = ruled("submit", "majority", "--name", "team", "-m", "worse")
    assert "Withheld by the Ladder: the public score is no clear gain over that of entry 1" in " ".join(
        withheld.stderr.split()
    )
    assert "public" not in withheld.stdout


def test_closing_asks_shows_the_private_half_and_calls_later_entries_late(hemobench):
    for name in ("majority", "random", "nearest-centroid"):
        hemobench("submit", name, "-m", "in time")
    assert "private" not in hemobench("leaderboard").stdout
    hemobench("contest", "close", code=130)  # nobody there to say yes
    assert json.loads(hemobench("select", "1", "--json").stdout) == {"team": "majority", "entries": [1]}

    end = json.loads(hemobench("contest", "close", "--yes", "--json").stdout)
    assert end["head"] == json.loads(hemobench("ledger", "audit", "--json", "--expect", end["seal"]).stdout)["head"]
    assert end["chosen"] == ["majority"]
    shown = hemobench("leaderboard")
    assert "private %" in shown.stdout
    assert re.search(r"^ *# +was ", shown.stdout, re.MULTILINE)
    assert max(map(len, shown.stdout.splitlines())) <= 80

    late = json.loads(hemobench("submit", "nearest-centroid", "-m", "too late", "--json").stdout)
    assert (late["late"], late["rank"]) == (True, None)
    assert "private" in late["scores"]
    rows = json.loads(hemobench("leaderboard", "--json").stdout)
    assert {row["id"]: (row["rank"], row["note"]) for row in rows}[late["entry"]] == (None, "late")
    assert "late, the contest was closed at" in hemobench("submit", "random", "-m", "later").stderr
    for again in (("contest", "close", "--yes"), ("select", "1")):
        assert "was closed at" in hemobench(*again, code=1).stderr
    assert json.loads(hemobench("ledger", "audit", "--json").stdout)["findings"] == []


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ([], "What is judged after the close is late"),
        (["deadline=2026-01-02T03:04Z", "late=none"], "What is judged after the close is late"),
        (["deadline=2031-01-02T03:04Z", "grace_min=6"], "has not passed: until 2031-01-02 03:10 UTC"),
        (["deadline=2026-06-02T03:04Z"], "The deadline was 2031-02-03 04:05 UTC"),  # of a team that was given more
        (["deadline=2026-06-02T03:04Z"], "The deadline was 2026-06-02 03:04 UTC"),
    ],
)
def test_closing_says_until_when_entries_are_in_time_and_how_the_halves_differ(desk, rules, told):
    hemobench = CommandLine(desk.workspace.path)
    for number, name in enumerate(("ada", "bob", "cy")):
        desk.record(name, 0.9 - 0.2 * number, number=number)
    if rules:
        hemobench("contest", "rules", *rules, "--why", "as said")
    if "2031-02" in told:
        hemobench("class", "extend", "bob", "--until", "2031-02-03T04:05Z", "--why", "ill")
        told = "has not passed: until 2031-02-03 04:05 UTC"
    closed = hemobench("contest", "close", "--yes")
    assert told in closed.stderr
    assert max(map(len, closed.stdout.splitlines())) <= 80
    rows = [line.split() for line in closed.stdout.splitlines() if re.match(r"\d +\d", line)]
    assert [(row[0], row[3]) for row in rows] == [("1", "ada"), ("2", "bob"), ("3", "cy")]
    assert "Kendall 1.00, Spearman 1.00" in closed.stdout


def test_closing_a_board_of_one_team_has_no_shake_up(desk):
    desk.record("ada", 0.9)
    closed = CommandLine(desk.workspace.path)("contest", "close", "--yes", "--json")
    assert json.loads(closed.stdout)["shakeup"] is None


def test_the_top_and_the_markdown_of_a_board(hemobench, tmp_path):
    for name in ("majority", "nearest-centroid"):
        hemobench("submit", name, "--name", f"<{name}>|*x*", "-m", "first")
    top = hemobench("leaderboard", "--top", "1")
    (best,) = [name for name in ("majority", "nearest-centroid") if f"<{name}>|*x*" in top.stdout]
    assert "The best 1 of 2." in top.stderr
    assert len(list(csv.DictReader(io.StringIO(hemobench("leaderboard", "--top", "1", "--format", "csv").stdout)))) == 1

    lines = hemobench("leaderboard", "--format", "markdown").stdout.splitlines()
    assert lines[0] == "| # | id | entry | public % | val % | gap | weights |"
    assert lines[1] == "| --: | --: | --- | --: | --: | --: | --- |"
    assert rf"&lt;{best}&gt;\|\*x\*" in lines[2]
    cells = [re.split(r"(?<!\\)\|", line) for line in lines[:4]]
    assert {len(row) for row in cells} == {9}, "a bar in a name makes no cell"


def test_an_open_contest_tells_no_score_that_was_not_submitted(ruled, tmp_path):
    ruled("pack", "submissions/random", "-o", tmp_path / "r.zip")
    for contest, split in (("small", "private"), ("ruled", "private"), ("ruled", "public")):
        refused = ruled("score", tmp_path / "r.zip", "--contest", contest, "--split", split, code=2)
        assert f"its {split} score is not told" in refused.stderr
        ruled("score", tmp_path / "r.zip", "--contest", contest, "--split", split, "--reveal-private")
    ruled("score", tmp_path / "r.zip", "--contest", "small", "--split", "public")


def test_a_replay_tells_no_private_score_while_the_contest_is_open(hemobench, tmp_path):
    folder = tmp_path / "moody"
    folder.mkdir()
    (folder / "model.py").write_text(
        "import os\nimport numpy as np\n\n\nclass Model:\n    def predict(self, X):\n"
        "        return np.frombuffer(os.urandom(len(X)), np.uint8) % 8\n"
    )
    hemobench("submit", folder, "-m", "another answer each time")
    told = hemobench("ledger", "replay", "1", "--json", code=1).stdout
    results = {change["what"]: change for change in json.loads(told)["results"]}
    assert results["private: macro_f1"]["now"] == "another value"
    assert re.match(r"0\.\d{6} ", results["public: macro_f1"]["now"])
    hemobench("contest", "close", "--yes")
    results = {
        change["what"]: change
        for change in json.loads(hemobench("ledger", "replay", "1", "--json", code=1).stdout)["results"]
    }
    assert re.match(r"0\.\d{6} ", results["private: macro_f1"]["now"])


def test_an_audit_tells_no_held_score(ruled, knowing):
    for n in (40, 40):
        ruled("submit", knowing(n), "--name", "team", "-m", "next")
    with closing(sqlite3.connect(ruled.workspace / "board.sqlite3")) as board:
        board.execute("UPDATE scores SET value = 0.5 WHERE split IN ('public', 'private')")
        board.commit()
    found = json.loads(ruled("ledger", "audit", "--json", code=1).stdout)["findings"]
    told = {finding["what"]: finding["got"] for finding in found}
    assert told["row 1 (team): scores.public.accuracy.value"] == "0.5"
    assert told["row 2 (team): scores.public.accuracy.value"] == "another value"
    assert told["row 1 (team): scores.private.accuracy.value"] == "another value"


def test_the_ladder_withholds_where_nothing_is_left_to_compare_with(ruled, knowing):
    ruled("submit", knowing(10), "--name", "team", "-m", "first")
    for labels in ruled.workspace.glob("cards/ruled/*.npz"):
        labels.unlink()
    better = json.loads(ruled("submit", knowing(40), "--name", "team", "-m", "second", "--json").stdout)
    assert (better["shown"], better["rank"]) == (1, None)


def test_a_name_in_other_letters_is_no_new_team(ruled):
    ruled("submit", "majority", "--name", "Red", "-m", "first")
    assert "is called Red" in ruled("submit", "majority", "--name", "red", "-m", "x").stderr
    assert json.loads(ruled("submit", "majority", "--name", " Red ", "-m", "second", "--json").stdout)["name"] == "Red"
    refused = ruled("submit", "majority", "--name", "R\u0435d", "-m", "with a Cyrillic letter", code=1).stderr
    assert "as often as the contest allows, 3 in all" in refused


def test_after_the_close_nothing_is_held_and_a_damaged_closing_records_nothing(ruled, knowing):
    ruled("submit", knowing(40), "--name", "team", "-m", "first")
    assert "team chose" not in ruled("contest", "close", "--yes").stderr
    late = ruled("submit", knowing(10), "--name", "team", "-m", "late")
    assert "this entry will be late" in " ".join(late.stderr.split())
    assert "Withheld" not in late.stderr
    (file,) = ruled.workspace.glob("closed/ruled/*.json")
    file.write_text("{}")
    ruled("submit", knowing(10), "--name", "team", "-m", "again", code=1)
    assert json.loads(ruled("ledger", "audit", "--json", code=1).stdout)["receipts"] == 2


def test_choices_are_listed_and_shown_before_the_close(hemobench):
    assert "No team has chosen" in hemobench("select").stderr
    hemobench("submit", "majority", "-m", "first")
    hemobench("select", "1")
    assert hemobench("select").stdout == "majority: 1\n"
    assert "majority chose entry 1." in hemobench("contest", "close", code=130).stderr
    hemobench("select", "99999999999999999999", code=2)


def test_another_freeze_says_that_the_old_board_is_still_there(ruled, tmp_path):
    assert "other freezes" not in ruled("freeze", "--contest", tmp_path / "ruled.toml").stderr
    ruled("submit", "majority", "-m", "first")
    contest = tmp_path / "ruled.toml"
    text = contest.read_text()
    contest.write_text(text.replace("n_images = 480\nseed = 5", "n_images = 160\nseed = 6"))
    told = " ".join(ruled("freeze", "--contest", contest).stderr.split())
    assert "Entries on the board: 1 of other freezes of ruled" in told
    assert json.loads(ruled("leaderboard", "--json").stdout) == []
    contest.write_text(text)
    ruled("freeze", "--contest", contest)
    assert len(json.loads(ruled("leaderboard", "--json").stdout)) == 1
