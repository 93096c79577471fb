"""Rules that change while a contest runs, through the command line, with real entries."""

import contextlib
import json
import zipfile

import pytest

from harness import api
from harness.errors import BoardError
from harness.score import workers


def rules(hemobench):
    return json.loads(hemobench("contest", "rules", "--json").stdout)


def test_a_running_contest_takes_another_limit_title_and_quota_and_keeps_its_board(hemobench):
    hemobench("submit", "submissions/majority", "-m", "first")
    before = hemobench("leaderboard", "--json").stdout
    done = hemobench(
        *("contest", "rules", "time_s=77", "title=The second week", "submissions_per_day=1"),
        *("--why", "three of us share a laptop"),
    )
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["submissions_per_day:", "100", "→", "1"],
        ["time_s:", "120", "→", "77"],
        ["title:", "A", "small", "contest", "→", "The", "second", "week"],
    ]
    assert hemobench("leaderboard", "--json").stdout == before
    assert "The second week" in hemobench("leaderboard").stdout
    assert "The second week" in hemobench("contest", "list").stdout
    assert hemobench("ledger", "audit", "--json").stdout.count('"what"') == 0
    hemobench("verify")

    refused = hemobench("submit", "random", "--name", "majority", "-m", "again", code=1).stderr
    assert "1 a day" in refused
    card = json.loads(hemobench("submit", "random", "-m", "another team", "--json").stdout)
    assert (card["rules"]["time_s"], card["rules"]["submissions_per_day"]) == (77, 1)

    # The first entry ran under other rules, and is run again under those.
    document = json.loads(hemobench("ledger", "replay", "1", "--json").stdout)
    assert document["equal"]
    assert [line["changes"]["time_s"] for line in rules(hemobench)["history"]] == [{"from": 120, "to": 77}]
    found = json.loads(hemobench("ledger", "audit", "--json").stdout)
    assert (found["receipts"], found["rows"], found["findings"]) == (3, 2, [])


def test_an_entry_is_run_under_the_limits_in_force(hemobench, tmp_path):
    folder = tmp_path / "slow"
    folder.mkdir()
    (folder / "model.py").write_text(
        "import time\nimport numpy as np\n\n\nclass Model:\n    def __init__(self):\n        time.sleep(1000)\n\n"
        "    def predict(self, X):\n        return np.zeros(len(X), int)\n"
    )
    hemobench("contest", "rules", "time_s=2", "--why", "to see it end")
    card = json.loads(hemobench("submit", folder, "-m", "first", "--json", code=1).stdout)
    assert (card["outcome"], card["rules"]["time_s"]) == ("timed_out", 2)
    found = json.loads(hemobench("ledger", "audit", "--json").stdout)
    assert found["findings"] == []


def test_a_quota_that_came_while_an_entry_ran_counts_when_it_is_recorded(hemobench, monkeypatch):
    hemobench("submit", "submissions/random", "-m", "first")
    prepare = workers.prepare_evaluation

    @contextlib.contextmanager
    def and_meanwhile(*words, **options):
        with prepare(*words, **options) as evaluate:
            hemobench("contest", "rules", "submissions_total=1", "--why", "too many")
            yield evaluate

    monkeypatch.setattr(workers, "prepare_evaluation", and_meanwhile)
    with pytest.raises(BoardError, match="1 in all"):
        api.submit(hemobench.workspace, "submissions/random", "second")
    assert len(api.leaderboard(hemobench.workspace).standings) == 1


def test_what_is_published_says_the_rules_in_force(hemobench, tmp_path):
    hemobench("contest", "rules", "time_s=77", "title=The second week", "--why", "why not")
    hemobench("contest", "publish", tmp_path / "site", "--no-data")
    page = (tmp_path / "site" / "index.html").read_text()
    assert "The second week" in page and "77 s" in page
    with zipfile.ZipFile(tmp_path / "site" / "kit.zip") as kit:
        (name,) = (name for name in kit.namelist() if name.endswith("contest.lock.json"))
        lock = json.loads(kit.read(name))
    assert lock["contest"]["limits"]["time_s"] == 77
    assert lock["digest"] == json.loads(hemobench("freeze", "--if-missing", "--json").stdout)["lock"]


def test_freezing_the_same_data_with_other_rules_says_what_changed(hemobench, small_contest, tmp_path):
    hemobench("submit", "majority", "-m", "first")
    before = hemobench("leaderboard", "--json").stdout
    other = tmp_path / "small.toml"
    other.write_text(small_contest.read_text().replace("time_s = 120", "time_s = 240"))
    done = hemobench("freeze", "--contest", other)
    assert "time_s: 120 → 240" in done.stdout and "the board stays" in done.stderr
    assert hemobench("leaderboard", "--json").stdout == before
    assert rules(hemobench)["history"][0]["by"] == "contest file"
    assert "→" not in hemobench("freeze", "--contest", other).stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("time_s=5",), 2, "--why"),
        (("--why", "no reason"), 2, "--why"),
        (("other.toml",), 2, "RULE=VALUE"),
        (("tim_s=5", "--why", "a slip"), 2, "Did you mean time_s"),
        (("time_s=0", "--why", "a slip"), 2, "limits.time_s is '0', expected a whole number of at least 1"),
        (("metrics=macro_f1", "--why", "better"), 2, "another contest"),
        (("time_s=120", "--why", "sure"), 0, "nothing is changed: time_s"),
    ],
)
def test_what_changes_no_rule_is_a_sentence(hemobench, words, code, said):
    assert said in hemobench("contest", "rules", *words, code=code).stderr
    assert not (hemobench.workspace / "ledger.jsonl").exists()


def test_contests_lists_what_was_frozen_from_a_file_and_marks_the_active_one(hemobench):
    rows = {row["name"]: row for row in json.loads(hemobench("contest", "list", "--json").stdout)}
    assert {"blood-cells", "blood-cells-an2dl", "blood-cells-medmnist", "blood-cells-folder"} <= set(rows)
    assert [name for name, row in rows.items() if row["active"]] == ["small"]
    assert [name for name, row in rows.items() if row["frozen"]] == ["small"]
    assert any("small" in line and "active" in line for line in hemobench("contest", "list").stdout.splitlines())
