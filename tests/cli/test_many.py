"""Several zips in one command, and answers that are kept."""

import csv
import io
import json
import shutil
import signal
import stat
import zipfile

import pytest

from harness import api
from harness.errors import BoardError
from harness.sandbox import run as running
from harness.workspace import Workspace

HONEST = "class Model:\n    def predict(self, X):\n        return X[:, 0, 0, 0].astype(int) % 8\n"
BROKEN = "class Model:\n    def predict(self, X):\n        return X / 255\n"
BY_CHANCE = """
import numpy as np
class Model:
    def predict(self, X):
        return np.random.default_rng().integers(0, 8, len(X))
"""


@pytest.fixture
def zips(tmp_path):
    """Return a function that writes a zip, and gives its path."""

    def write(name, model=HONEST, **others):
        path = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file, content in {"model.py": model, **others}.items():
                archive.writestr(file, content)
        return path

    return write


@pytest.fixture
def runs(monkeypatch):
    """The zips that were really run, one after the other."""
    found = []
    unpacked = running.unpacked

    def noted(path, *given):
        found.append(path.stem)
        return unpacked(path, *given)

    monkeypatch.setattr(running, "unpacked", noted)
    return found


def test_each_zip_gets_its_line_and_one_that_fails_stops_no_other(hemobench, zips):
    paths = [zips("a"), zips("b", BROKEN), "nothing.zip", zips("c", a="another file")]
    paths[1:1] = [zips("d")]
    paths[1].write_bytes(b"no zip")
    done = hemobench("score", *paths, "--json", code=1)
    documents = json.loads(done.stdout)
    assert [one["zip"] for one in documents] == [str(path) for path in paths]
    assert [one.get("outcome") for one in documents] == ["scored", "refused", "bad_output", None, "scored"]
    assert documents[3]["error"] and documents[3]["hint"]
    assert documents[0]["scores"] == documents[4]["scores"] and documents[0]["forecast"] == documents[4]["forecast"]
    assert [line.split(",")[0] for line in done.stderr.splitlines() if " of 5, " in line] == [
        f"{number} of 5" for number in range(1, 6)
    ]


def test_many_zips_are_one_table_in_each_form(hemobench, zips):
    paths = [zips("a"), zips("b", BROKEN)]
    rows = list(csv.DictReader(io.StringIO(hemobench("score", *paths, "--format", "csv", code=1).stdout)))
    assert [row["outcome"] for row in rows if row["zip"] == str(paths[1])] == ["bad_output"]
    first = [row for row in rows if row["zip"] == str(paths[0])]
    assert {row["split"] for row in first} == {"val", "val_shifted"} and len(first) > 6
    for form in ("table", "markdown", "latex"):
        assert "bad_output" in hemobench("score", *paths, "--format", form, code=1).stdout.replace("\\", "")


def test_many_submits_leave_the_rows_of_single_ones_and_heed_the_same_limits(hemobench, tmp_path, small_contest, zips):
    contest = tmp_path / "strict.toml"
    contest.write_text(small_contest.read_text().replace('"small"', '"strict"') + "submissions_per_day = 2\n")
    hemobench("freeze", "--contest", contest)
    paths = [zips("a"), zips("b", BROKEN), zips("c", a="another file"), zips("d", a="one more")]
    done = hemobench("submit", *paths, "-m", "x", "--name", "team", "--json", code=1)
    documents = json.loads(done.stdout)
    assert [one.get("entry") for one in documents] == [1, 2, None, None]
    assert [one.get("outcome") for one in documents] == ["scored", "bad_output", None, None]
    assert "00:00 UTC" in documents[2]["hint"]
    assert list(documents[0]["scores"]) == ["val", "val_shifted", "public"], "the private score shows on request only"
    rows = json.loads(hemobench("leaderboard", "--json").stdout)
    assert [(row["id"], row["entry"]) for row in rows] == [(1, "team"), (2, "team")]
    single = json.loads(hemobench("submit", paths[0], "-m", "x", "--name", "other", "--json").stdout)
    assert single["scores"] == documents[0]["scores"]
    assert not json.loads(hemobench("ledger", "audit", "--json").stdout)["findings"]


def test_the_board_is_the_same_for_any_number_of_workers(hemobench, frozen_workspace, tmp_path, zips):
    paths = [zips("a"), zips("b", BROKEN), zips("c", a="another file"), zips("d")]
    boards = []
    for number, n_workers in enumerate((1, 3)):
        shutil.copytree(frozen_workspace, tmp_path / f"{number}", symlinks=True)
        one = type(hemobench)(tmp_path / f"{number}")
        found = json.loads(one("submit", *paths, "-m", "x", "--workers", n_workers, "--json", code=1).stdout)
        assert [bool(entry["kept_from"]) for entry in found] == [False, False, False, True], "the last is the first"
        boards.append([{**row, "date": ""} for row in json.loads(one("leaderboard", "--json").stdout)])
    assert boards[0] == boards[1] and len(boards[0]) == len(paths)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_ctrl_c_keeps_what_is_done(hemobench, zips, n_workers):
    paths = zips("a"), zips("b", "import time; time.sleep(600)")
    process = hemobench.start("submit", *paths, "-m", "x", "--json", "--workers", n_workers)
    assert "1 of 2" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 130
    assert [one["outcome"] for one in json.loads(out)] == ["scored"]
    assert [row["entry"] for row in json.loads(hemobench("leaderboard", "--json").stdout)] == ["a"]
    assert list((hemobench.workspace / "scratch").glob("run-*")) == []


def test_the_same_zip_answers_from_what_was_kept_and_says_so(hemobench, zips, runs):
    path = zips("a")
    first = json.loads(hemobench("score", path, "--json").stdout)
    submitted = json.loads(hemobench("submit", path, "-m", "x", "--json").stdout)
    again = json.loads(hemobench("score", path, "--json").stdout)
    assert runs == ["a"]
    assert first["kept_from"] == "" and submitted["kept_from"] and again["kept_from"] == submitted["kept_from"]
    assert any("--fresh" in note for note in again["notes"])
    for key in ("scores", "predictions", "order", "repeat", "isolation", "restrictions", "environment", "forecast"):
        assert again[key] == first[key] or key == "forecast", key
    assert submitted["predictions"].items() >= first["predictions"].items()
    assert json.loads(hemobench("ledger", "replay", 1, "--json").stdout)["equal"]
    assert len(runs) == 2, "a replay runs"
    assert json.loads(hemobench("score", path, "--fresh", "--json").stdout)["kept_from"] == ""
    assert len(runs) == 3


def test_another_question_is_answered_by_a_run(hemobench, zips, runs):
    path = zips("a")

    def run_again(*words):
        before = len(runs)
        hemobench("score", path, *words)
        return len(runs) > before

    assert run_again() and not run_again()
    assert run_again("--split", "val") and not run_again("--split", "val")
    assert run_again("--device", "cpu")
    hemobench("contest", "rules", "submissions_per_day=7", "title=Another", "--why", "x")
    assert not run_again()
    hemobench("contest", "rules", "time_s=100", "--why", "x")
    assert run_again() and not run_again()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("readme", "x")
    assert run_again() and not run_again()


def test_answers_given_without_isolation_serve_nobody_who_asks_for_it(hemobench, zips, runs):
    path = zips("a")
    hemobench("score", path, "--isolation", "none")
    assert json.loads(hemobench("score", path, "--isolation", "none", "--json").stdout)["kept_from"]
    card = json.loads(hemobench("score", path, "--json").stdout)
    assert (card["kept_from"], card["missing_restrictions"]) == ("", []) and len(runs) == 2


@pytest.mark.parametrize("model", [BROKEN, BY_CHANCE])
def test_what_failed_or_hangs_on_the_moment_is_not_kept(hemobench, zips, runs, model):
    path = zips("a", model)
    for _ in range(2):
        hemobench("score", path, code=int(model == BROKEN))
    assert len(runs) == 2
    assert not (hemobench.workspace / "kept").exists()


def test_kept_answers_are_their_owner_s_and_damaged_ones_are_given_again(hemobench, zips, runs):
    path = zips("a")
    first = json.loads(hemobench("score", path, "--json").stdout)
    (kept,) = (hemobench.workspace / "kept").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    kept.write_bytes(kept.read_bytes()[:-100])
    second = json.loads(hemobench("score", path, "--json").stdout)
    assert (second["kept_from"], second["scores"]) == ("", first["scores"]) and len(runs) == 2
    shutil.rmtree(kept.parent)
    hemobench("score", path)
    assert len(runs) == 3


def test_an_error_of_one_is_raised_where_one_is_asked_for(hemobench, zips):
    hemobench("contest", "rules", "submissions_total=1", "--why", "x")
    api.submit(hemobench.workspace, str(zips("a")), "x", name="team")
    with pytest.raises(BoardError, match="1 in all"):
        api.submit(hemobench.workspace, str(zips("b", b="x")), "x", name="team")
    assert Workspace(hemobench.workspace).kept_runs.is_dir()
