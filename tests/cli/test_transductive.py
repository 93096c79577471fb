"""Entries whose labels change with the batch rank as the contest's rule says: as all, apart, or not at all."""

import json
import zipfile

import pytest

ALONE = "class Model:\n    def predict(self, X):\n        return X[:, 0, 0, 0].astype(int) % 8\n"
BY_BATCH = "class Model:\n    def predict(self, X):\n        return (X.mean((1, 2, 3)) > X.mean()).astype(int)\n"
NOT_SHOWN = "class Model:\n    def predict(self, X):\n        return [0] * len(X) if len(X) > 1 else 1 / 0\n"


@pytest.fixture
def handed_in(hemobench, tmp_path):
    for name, model in (("by-batch", BY_BATCH), ("alone", ALONE), ("not-shown", NOT_SHOWN)):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.writestr("model.py", model)
        hemobench("submit", tmp_path / f"{name}.zip", "-m", "x")
    return hemobench


def board_of(hemobench):
    found = {row["entry"]: row for row in json.loads(hemobench("leaderboard", "--json").stdout)}
    return {name: (row["rank"], row["rank_apart"], row["note"]) for name, row in found.items()}


def test_the_rule_says_how_entries_rank_whose_labels_change_with_the_batch(handed_in, tmp_path):
    changed = {row["entry"]: row["n_changed"] for row in json.loads(handed_in("leaderboard", "--json").stdout)}
    assert changed["alone"] == 0 and changed["by-batch"] > 0 and changed["not-shown"] is None
    assert sorted(rank for rank, *_ in board_of(handed_in).values()) == [1, 2, 3]
    assert "by-batch (transductive)" in handed_in("leaderboard").stdout

    handed_in("contest", "rules", "transductive=apart", "--why", "each image by itself")
    board = board_of(handed_in)
    assert board["alone"] == (1, None, "")
    assert {board[name] for name in ("by-batch", "not-shown")} == {
        (None, 1, "transductive"), (None, 2, "transductive"),
    }  # fmt: skip
    handed_in("report", "-o", tmp_path / "apart.html")
    page = (tmp_path / "apart.html").read_text()
    assert "ranked apart" in page and "rank 2 of these" in page

    handed_in("contest", "rules", "transductive=unranked", "--why", "each image by itself")
    board = board_of(handed_in)
    assert board == {name: (1, None, "") if name == "alone" else (None, None, "transductive") for name in board}
    assert "have no rank" in handed_in("leaderboard").stderr
    assert json.loads(handed_in("show", "by-batch", "--json").stdout)["note"] == "transductive"
    handed_in("contest", "close", "--yes")
    assert board_of(handed_in) == board, "nor do they count when it is closed"
    handed_in("report", "-o", tmp_path / "closed.html")
    assert "Transductive" in (tmp_path / "closed.html").read_text()
    assert json.loads(handed_in("ledger", "audit", "--json").stdout)["findings"] == []
