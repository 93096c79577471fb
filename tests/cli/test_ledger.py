"""Audit and replay through the command line, on entries that really ran."""

import json
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest


@pytest.fixture(scope="module")
def with_two_entries(tmp_path_factory):
    """Where the first test to ask for two entries leaves a copy of its workspace for the others."""
    return tmp_path_factory.mktemp("recorded") / "a workspace"


@pytest.fixture
def recorded(hemobench, with_two_entries):
    """The command line on a workspace with two entries on record."""
    if with_two_entries.exists():
        shutil.rmtree(hemobench.workspace)
        shutil.copytree(with_two_entries, hemobench.workspace, symlinks=True)
        return hemobench
    hemobench("submit", "majority", "-m", "first")
    hemobench("submit", "nearest-centroid", "-m", "second")
    shutil.copytree(hemobench.workspace, with_two_entries, symlinks=True)
    return hemobench


def execute(hemobench, statement):
    with closing(sqlite3.connect(hemobench.workspace / "board.sqlite3")) as board:
        board.execute(statement)
        board.commit()


def widest(shown):
    return max(map(len, (shown.stdout + shown.stderr).splitlines()))


def test_every_submit_leaves_a_receipt_and_the_audit_is_quiet(recorded):
    lines = (recorded.workspace / "ledger.jsonl").read_text().splitlines()
    receipts = [json.loads(line) for line in lines]
    assert [(receipt["number"], receipt["name"], receipt["message"]) for receipt in receipts] == [
        (1, "majority", "first"),
        (2, "nearest-centroid", "second"),
    ]
    rows = {row["entry"]: row for row in json.loads(recorded("leaderboard", "--json").stdout)}
    for receipt in receipts:
        row = rows[receipt["name"]]
        assert receipt["scores"]["public"]["accuracy"]["value"] == row["public"]
        assert receipt["zip_sha256"] == row["zip_sha256"]
        assert set(receipt["scores"]) == set(receipt["predictions"]) == {"val", "val_shifted", "public", "private"}
        assert receipt["environment"]["numpy"]
    shown = recorded("ledger", "audit")
    assert "nothing was changed" in shown.stdout and widest(shown) <= 80
    found = json.loads(recorded("ledger", "audit", "--json").stdout)
    assert (found["receipts"], found["rows"], found["findings"]) == (2, 2, [])
    assert found["head"] in shown.stdout
    recorded("ledger", "audit", "--expect", found["head"])


def test_a_failed_entry_has_its_receipt_too(hemobench, tmp_path):
    folder = tmp_path / "team"
    folder.mkdir()
    (folder / "model.py").write_text("class Model:\n    def predict(self, X):\n        return X / 255\n")
    hemobench("submit", folder, "-m", "oops", code=1)
    (receipt,) = map(json.loads, (hemobench.workspace / "ledger.jsonl").read_text().splitlines())
    assert (receipt["outcome"], receipt["scores"], receipt["labels"]) == ("bad_output", {}, "")
    assert json.loads(hemobench("ledger", "audit", "--json").stdout)["findings"] == []
    assert "equal" in hemobench("ledger", "replay", 1).stdout


def test_a_row_changed_by_hand_is_named_and_gone_with_the_board(recorded):
    execute(recorded, "UPDATE scores SET value = 0.99 WHERE entry = 1 AND split = 'public' AND metric = 'accuracy'")
    shown = recorded("ledger", "audit", code=1)
    assert "1. row 1 (majority): scores.public.accuracy.value" in shown.stdout
    assert "0.99" in shown.stdout and "Remove board.sqlite3" in shown.stdout
    assert widest(shown) <= 80
    found = json.loads(recorded("ledger", "audit", "--json", code=1).stdout)
    assert [sorted(finding) for finding in found["findings"]] == [["expected", "got", "hint", "what"]]
    before = json.loads(recorded("leaderboard", "--json").stdout)
    assert before[0]["public"] == 0.99
    (recorded.workspace / "board.sqlite3").unlink()
    after = json.loads(recorded("leaderboard", "--json").stdout)
    assert {row["public"] for row in after}.isdisjoint({0.99})
    recorded("ledger", "audit", "--expect", found["head"])


def test_a_long_finding_stays_within_80_columns_and_cannot_steer_the_terminal(recorded):
    execute(recorded, f"UPDATE entries SET message = '{'evil ' * 40}', name = char(27) || '[31mred' WHERE id = 1")
    shown = recorded("ledger", "audit", code=1)
    assert widest(shown) <= 80
    assert "\x1b" not in shown.stdout and r"\x1b[31mred" in shown.stdout


def test_a_damaged_board_is_made_again_by_whatever_comes_next_and_the_audit_says_so(recorded):
    board, before = recorded.workspace / "board.sqlite3", recorded("leaderboard", "--json").stdout
    for words in (("leaderboard",), ("submit", "majority", "-m", "x")):
        board.write_bytes(b"not a database, and long enough to be read as one" * 100)
        assert "is damaged" in recorded("ledger", "audit").stderr
        told = recorded(*words).stderr
        assert ("was damaged" in told) == (words[0] == "submit")
    assert json.loads(before)[0] in json.loads(recorded("leaderboard", "--json").stdout)
    assert "board.damaged.sqlite3" in recorded("ledger", "audit").stderr


def test_a_head_that_is_no_hash_is_wrong_usage(recorded):
    assert "64 hex digits" in recorded("ledger", "audit", "--expect", "latest", code=2).stderr
    missing = recorded("ledger", "audit", "--expect", "0123456789ab", code=1)
    assert "rewritten" in " ".join(missing.stdout.split())


def test_a_replay_of_the_same_zip_is_equal(recorded):
    shown = recorded("ledger", "replay", 2)
    assert shown.stdout == "Entry 2, nearest-centroid: equal to receipt 2.\n"
    done = json.loads(recorded("ledger", "replay", 1, "--json").stdout)
    assert (done["equal"], done["results"], done["circumstances"]) == (True, [], [])
    rows = json.loads(recorded("leaderboard", "--json").stdout)
    assert len(rows) == 2, "nothing is recorded"


def test_a_replay_says_which_circumstances_are_not_those_of_then(recorded):
    done = json.loads(recorded("ledger", "replay", 1, "--isolation", "none", "--json").stdout)
    assert done["equal"]
    assert {"isolation", "missing restrictions"} <= {change["what"] for change in done["circumstances"]}


def test_an_entry_that_answers_otherwise_each_time_is_not_equal(hemobench, tmp_path):
    folder = tmp_path / "dice"
    folder.mkdir()
    (folder / "model.py").write_text(
        "import numpy as np\n"
        "class Model:\n"
        "    def predict(self, X):\n"
        "        return np.random.default_rng().integers(0, 8, len(X))\n"
    )
    hemobench("submit", folder, "-m", "x")
    shown = hemobench("ledger", "replay", 1, code=1)
    assert "not equal to receipt 1" in shown.stdout and widest(shown) <= 80
    done = json.loads(hemobench("ledger", "replay", 1, "--json", code=1).stdout)
    changes = {change["what"]: change for change in done["results"]}
    (labels,) = hemobench.workspace.glob("cards/*/*.npz")
    with np.load(labels) as kept:
        for split in kept.files:
            n = len(kept[split])
            assert changes[f"{split}: labels"]["now"].endswith(f"of {n} differ")


def test_an_entry_that_goes_by_the_order_of_the_images_is_equal_in_the_same_order(hemobench, tmp_path):
    folder = tmp_path / "first"
    folder.mkdir()
    (folder / "model.py").write_text(
        "import numpy as np\nclass Model:\n    def predict(self, X):\n        return np.arange(len(X)) % 8\n"
    )
    hemobench("submit", folder, "-m", "x")
    assert "equal to receipt" in hemobench("ledger", "replay", 1).stdout


@pytest.mark.parametrize(
    ("lose", "said"),
    [
        (lambda home: next(home.glob("zips/*.zip")).unlink(), "is gone"),
        (lambda home: next(home.glob("zips/*.zip")).write_bytes(b"other"), "is not what entry 1 was"),
        (lambda home: (home / "contests").rename(home / "elsewhere"), "hemobench freeze --contest small"),
    ],
    ids=["no zip", "another zip", "no contest"],
)
def test_a_replay_without_its_zip_or_contest_is_refused_with_a_sentence(hemobench, lose, said):
    hemobench("submit", "majority", "-m", "x")
    lose(hemobench.workspace)
    assert said in " ".join(hemobench("ledger", "replay", 1, code=1).stderr.split())


def test_a_replay_of_no_entry_says_which_there_are(recorded):
    assert "from 1 to 2" in recorded("ledger", "replay", 7, code=1).stderr
    recorded("ledger", "replay", 0, code=2)


def test_a_replay_runs_on_the_freeze_of_then(recorded, small_contest, tmp_path):
    contest = tmp_path / "small.toml"
    contest.write_text(small_contest.read_text().replace("n_images = 480\nseed = 5", "n_images = 160\nseed = 6"))
    recorded("freeze", "--contest", contest)
    assert json.loads(recorded("leaderboard", "--json").stdout) == []
    assert "equal to receipt 1" in recorded("ledger", "replay", 1).stdout
    recorded("ledger", "audit")
