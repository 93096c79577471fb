"""A class's code is trained here, each zip once by content, and each is answered by a letter."""

import json
import sys
import zipfile
from collections import Counter

import pytest

MODEL = """import numpy as np
class Model:
    def predict(self, X):
        return np.load("table.npy")[X[:, 0, 0, 0]]
"""
HONEST = """import sys
import numpy as np
np.save("table.npy", np.random.default_rng(int(sys.argv[2])).integers(0, 8, 256))
"""
BY_CHANCE = HONEST.replace("int(sys.argv[2])", "")
FAILING = "import numpy as np\nprint('looking', 'around')\nnp.load('weights.npz')\n"


@pytest.fixture
def lms(tmp_path):
    """A download as Moodle gives it: zips, and one folder."""
    folder = tmp_path / "lms"
    for number, (who, fit) in enumerate(
        {"Ada Low": HONEST, "Bo Fair": BY_CHANCE, "Cy Hill": FAILING, "Di Moss": ""}.items()
    ):
        home = folder / f"{who}_{number}_assignsubmission_file_"
        home.mkdir(parents=True)
        files = {"model.py": MODEL, "fit.py": fit, "weights.npz": "from elsewhere"}
        if who == "Ada Low":
            for name, content in files.items():
                (home / name).write_text(content)
            continue
        with zipfile.ZipFile(home / "entry.zip", "w") as archive:
            for name, content in files.items():
                if content:
                    archive.writestr(name, content)
    return folder


def test_code_is_trained_twice_and_each_team_hears_what_came_of_it(hemobench, lms, tmp_path):
    letters = tmp_path / "letters"
    words = ("class", "judge", lms, "--closed", "--seed", 7, "--letters", letters, "--json")
    found = {one["team"]: one for one in json.loads(hemobench(*words, "--workers", 2).stdout)}
    assert {team: (one["state"], one["outcome"]) for team, one in found.items()} == {
        "Ada Low": ("recorded", "scored"),
        "Bo Fair": ("recorded", "scored"),
        "Cy Hill": ("recorded", "fit_failed"),
        "Di Moss": ("recorded", "refused"),
    }
    rows = {row["entry"]: row for row in json.loads(hemobench("leaderboard", "--json").stdout)}
    assert {team for team, row in rows.items() if row["verified"]} == {"Ada Low"}
    told = {path.parent.name: path.read_text().replace("\\", "") for path in letters.rglob("*.md")}
    assert "**Verified**: trained here" in told["Ada Low"] and "weights.npz" in told["Ada Low"]
    assert "another label" in told["Bo Fair"] and "**Verified**" not in told["Bo Fair"]
    assert "fit failed" in told["Cy Hill"] and "sys.argv[1]" in told["Cy Hill"] and "looking around" in told["Cy Hill"]
    assert "has no fit.py" in told["Di Moss"] and "python fit.py PUBLIC SEED" in told["Di Moss"]
    assert not [text for text in told.values() if str(tmp_path) in text or sys.prefix in text]

    ledger = (hemobench.workspace / "ledger.jsonl").read_bytes()
    receipts = [json.loads(line) for line in ledger.splitlines()]
    assert {line["seed"] for line in receipts} == {7}
    assert {line["trained_from"] for line in receipts} == {one["zip_sha256"] for one in found.values()}
    again = json.loads(hemobench(*words).stdout)
    assert Counter(one["state"] for one in again) == {"known": 4}
    assert (hemobench.workspace / "ledger.jsonl").read_bytes() == ledger


def test_a_seed_is_that_of_the_closed_division(hemobench, lms):
    assert "--closed" in hemobench("class", "judge", lms, "--seed", 7, code=2).stderr
