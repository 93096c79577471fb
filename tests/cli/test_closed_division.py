"""Entries of the closed division are trained here, twice, from their code and public data alone."""

import json
import zipfile

import pytest

MODEL = """
import numpy as np

class Model:
    def __init__(self):
        self.labels = np.load("table.npy")

    def predict(self, X):
        return self.labels[X[:, 0, 0, 0]]
"""
FIT = """
import pathlib, sys, time
import numpy as np
{more}
rng = np.random.default_rng({seed})
assert (pathlib.Path(sys.argv[1]) / "train.npz").is_file()
np.save("table.npy", rng.integers(0, 8, 256))
"""


@pytest.fixture
def zipped(tmp_path):
    def build(name, seed="int(sys.argv[2])", more="", **files):
        path = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.py", MODEL)
            archive.writestr("fit.py", FIT.format(seed=seed, more=more))
            for file, content in files.items():
                archive.writestr(file.replace("__", "."), content)
        return path

    return build


def submit(hemobench, *words, code=0):
    done = hemobench("submit", *words, "-m", "x", "--closed", "--json", code=code)
    return json.loads(done.stdout) if done.stdout else {}


def test_what_trains_alike_twice_is_verified_and_weights_that_came_along_are_not_used(hemobench, zipped, tmp_path):
    brought = zipped("brought", table__npy=b"weights from elsewhere")
    assert submit(hemobench, brought, "--seed", "7")["outcome"] == "scored"
    other = zipped("other-each-time", more="open('note.md', 'w').write(str(time.time()))")
    assert submit(hemobench, other, "--seed", "7")["outcome"] == "scored", "other bytes, and the same labels"
    assert submit(hemobench, zipped("by-chance", seed=""))["outcome"] == "scored"
    folder = tmp_path / "folder"
    with zipfile.ZipFile(brought) as archive:
        archive.extractall(folder)
    assert submit(hemobench, folder, "--seed", "8")["outcome"] == "scored"
    rows = {row["entry"]: row for row in json.loads(hemobench("leaderboard", "--json").stdout)}
    assert {name: row["verified"] for name, row in rows.items()} == {
        "brought": True, "other-each-time": True, "by-chance": False, "folder": True,
    }  # fmt: skip
    assert rows["brought"]["public"] == rows["other-each-time"]["public"] != rows["folder"]["public"]
    shown = hemobench("leaderboard")
    assert "brought (verified)" in shown.stdout and "trained here from public data" in " ".join(shown.stderr.split())
    hemobench("report", "-o", tmp_path / "page.html")
    assert ", verified" in (tmp_path / "page.html").read_text()
    assert json.loads(hemobench("ledger", "audit", "--json").stdout)["findings"] == []


def test_what_cannot_be_trained_says_why_and_has_no_score(hemobench, zipped):
    failing = hemobench("submit", zipped("f", more="print('no data'); sys.exit(3)"), "-m", "x", "--closed", code=1)
    assert "exit code 3" in failing.stderr and "no data" in failing.stderr
    lacking = hemobench("submit", zipped("l", more="import nowhere_at_all"), "-m", "x", "--closed", code=1)
    assert "Put nowhere_at_all.py beside it" in " ".join(lacking.stderr.split())
    wordy = hemobench("submit", zipped("w", weights__py="x = 0\n" * 60_000), "-m", "x", "--closed", code=1)
    assert "256,000" in wordy.stderr
    assert "expected a folder or a zip" in hemobench("submit", "scratch-v2", "-m", "x", "--closed", code=2).stderr
    rows = json.loads(hemobench("leaderboard", "--json").stdout)
    assert {row["entry"]: (row["outcome"], row["rank"]) for row in rows} == {
        "f": ("fit_failed", None), "l": ("fit_failed", None), "w": ("refused", None),
    }  # fmt: skip
    assert "no model to be run again" in " ".join(hemobench("ledger", "replay", 1, code=1).stderr.split())
    assert json.loads(hemobench("ledger", "audit", "--json").stdout)["findings"] == []
