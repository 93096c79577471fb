"""An open contest keeps its rules, and a closed one its end: through the command line, with real entries."""

import csv
import io
import json
import re

import numpy as np
import pytest

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
def ruled(hemobench, tmp_path, small_contest):
    """The command line on a contest with the Ladder, three submissions in all and one final a team."""
    text = small_contest.read_text().replace('"small"', '"ruled"')
    contest = tmp_path / "ruled.toml"
    contest.write_text(f"{text}[board]\nladder = true\nfinals = 1\nsubmissions_total = 3\n")
    hemobench("freeze", "--contest", contest)
    return hemobench


@pytest.fixture
def knowing(ruled, tmp_path):
    """Makes the folder of an entry that was told the labels of so many hidden pictures, and says 0 of all others."""

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


def test_the_ladder_shows_a_clear_gain_and_holds_back_what_is_none(ruled, knowing):
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
    assert [(row["id"], row["rank"], row["note"]) for row in rows] == [(2, 1, ""), (1, 2, ""), (3, None, "held")]
    assert rows[2]["public"] is None
    assert rows[2]["val"] == same["scores"]["val"]["metrics"]["accuracy"]["value"]
    assert "team (held)" in ruled("leaderboard", "--all").stdout

    refused = ruled("submit", "random", "--name", "team", "-m", "a fourth", code=1)
    assert "submitted 3 times, the contest allows 3 in all" in refused.stderr
    told = ruled("submit", "random", "--name", "other", "-m", "first").stderr
    assert "rank 3 of 3" in told


def test_a_held_entry_says_why_and_names_no_score(ruled, knowing):
    ruled("submit", knowing(40), "--name", "team", "-m", "first")
    held = ruled("submit", "majority", "--name", "team", "-m", "worse")
    assert "Held back by the Ladder: the public score is no clear gain over that of entry 1" in " ".join(
        held.stderr.split()
    )
    assert "public" not in held.stdout


def test_closing_asks_shows_the_private_half_and_calls_later_entries_late(hemobench):
    for name in ("majority", "random", "nearest-centroid"):
        hemobench("submit", name, "-m", "in time")
    assert "private" not in hemobench("leaderboard").stdout
    hemobench("close", code=130)  # nobody there to say yes
    assert json.loads(hemobench("select", "1", "--json").stdout) == {"team": "majority", "entries": [1]}

    closing = json.loads(hemobench("close", "--yes", "--json").stdout)
    assert closing["head"] == json.loads(hemobench("audit", "--json").stdout)["head"]
    assert closing["chosen"] == ["majority"]
    shown = hemobench("leaderboard")
    assert "private %" in shown.stdout
    assert re.search(r"^ +# +was ", shown.stdout, re.MULTILINE)
    assert max(map(len, shown.stdout.splitlines())) <= 80

    late = json.loads(hemobench("submit", "nearest-centroid", "-m", "too late", "--json").stdout)
    assert (late["late"], late["rank"]) == (True, None)
    assert "private" in late["scores"]
    rows = json.loads(hemobench("leaderboard", "--json").stdout)
    assert {row["id"]: (row["rank"], row["note"]) for row in rows}[late["entry"]] == (None, "late")
    assert "late, the contest was closed at" in hemobench("submit", "random", "-m", "later").stderr
    for again in (("close", "--yes"), ("select", "1")):
        assert "was closed at" in hemobench(*again, code=1).stderr
    assert json.loads(hemobench("audit", "--json").stdout)["findings"] == []


def test_the_top_and_the_markdown_of_a_board(hemobench, tmp_path):
    for name in ("majority", "nearest-centroid"):
        hemobench("submit", name, "--name", f"<{name}>|*x*", "-m", "first")
    top = hemobench("leaderboard", "--top", "1")
    (best,) = [name for name in ("majority", "nearest-centroid") if f"<{name}>|*x*" in top.stdout]
    assert "The best 1 of 2." in top.stderr
    assert len(list(csv.DictReader(io.StringIO(hemobench("leaderboard", "--top", "1", "--csv").stdout)))) == 1

    lines = hemobench("leaderboard", "--markdown").stdout.splitlines()
    assert lines[0] == "| # | entry | public % (95 %) | val % | gap | weights |"
    assert lines[1] == "| --: | --- | --: | --: | --: | --- |"
    assert rf"&lt;{best}&gt;\|\*x\*" in lines[2]
    cells = [re.split(r"(?<!\\)\|", line) for line in lines[:4]]
    assert {len(row) for row in cells} == {8}, "a bar in a name makes no cell"
    assert "choose one" in hemobench("leaderboard", "--markdown", "--csv", code=2).stderr
