"""A teacher watches a class: who resembles whom, the folder for a dispute, an entry out of the ranks and back."""

import json

import numpy as np

from tests.classroom.networks import COPIES, train
from tests.classroom.test_similar import features, pack


def test_from_a_copy_to_the_folder_for_a_dispute_and_out_of_the_ranks(hemobench, tmp_path):
    public = hemobench.workspace / "contests" / "small" / "current" / "public" / "train.npz"
    with np.load(public) as split:
        net, other = train(features(split["images"]), split["labels"], 8, range(2), 16, 60)
    copy = COPIES["units in another order"](net, np.random.default_rng(1))
    entries = [pack(tmp_path / f"{name}.zip", of) for name, of in (("ada", net), ("bob", copy), ("eve", other))]
    hemobench("submit", *entries, "-m", "first")
    found = json.loads(hemobench("class", "similar", "--json").stdout)
    assert [(pair["one"]["id"], pair["other"]["id"], pair["kinds"][0]) for pair in found["flagged"]] == [
        (1, 2, "weights")
    ]
    shown = hemobench("class", "similar", "--all").stdout
    assert "1 (ada) and 2 (bob): weights" in shown and "1 pair flagged" in shown and "eve" not in shown

    told = json.loads(hemobench("class", "evidence", 2, "-o", tmp_path / "dispute", "--json").stdout)
    folder = tmp_path / "dispute"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
        "README.md", "receipt.json", "card.json", "replay.json", "similarity.json", "probing.json",
        "code/from-entry-1.diff",
    }  # fmt: skip
    assert json.loads((folder / "replay.json").read_text())["equal"]
    assert json.loads((folder / "receipt.json").read_text())["receipt"]["entry"] == 2
    assert json.loads((folder / "similarity.json").read_text())["groups"] == [[1, 2]]
    assert len(told["says"]) >= 5
    hemobench("class", "evidence", 9, "-o", tmp_path / "none", code=2)
    assert not (tmp_path / "none").exists()

    before = json.loads(hemobench("leaderboard", "--json").stdout)
    hemobench("class", "disqualify", 2, "--why", "weights of entry 1")
    rows = {row["id"]: row for row in json.loads(hemobench("leaderboard", "--json").stdout)}
    assert (rows[2]["rank"], rows[2]["note"], rows[2]["public"]) == (None, "disqualified", None)
    assert sorted(rows[number]["rank"] for number in (1, 3)) == [1, 2]
    assert "weights of entry 1" not in hemobench("show", 2).stdout, "why is for its team and the owner"
    assert "weights of entry 1" in hemobench("show", 2, "--reveal-private").stdout
    hemobench("class", "disqualify", 2, "--why", "again", code=2)
    hemobench("class", "reinstate", 2, "--why", "a mistake")
    assert json.loads(hemobench("leaderboard", "--json").stdout) == before
    assert json.loads(hemobench("ledger", "audit", "--json").stdout)["findings"] == []
