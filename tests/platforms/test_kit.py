"""The starting kit: its notebook runs from top to bottom, and what it makes scores."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from harness import api
from harness.errors import UsageError
from harness.freeze.frozen import Frozen
from harness.freeze.lock import KIT_FILES
from harness.pack import check_model
from harness.platforms.kit import read_kit, write_kit
from harness.platforms.publish import publish
from harness.runtimes.runtime import Runtimes
from harness.workspace import Workspace
from tests.conftest import CommandLine


@pytest.fixture(scope="module")
def kit(tmp_path_factory, frozen, with_tiny):
    folder = tmp_path_factory.mktemp("kit") / "a kit"
    write_kit(frozen, folder, data=True, runtimes=Runtimes(Workspace(with_tiny).runtimes, ()).all())
    return folder


def cells(kit, kind="code"):
    document = json.loads((kit / "start.ipynb").read_text(encoding="utf-8"))
    assert (document["nbformat"], document["metadata"]["kernelspec"]["name"]) == (4, "python3")
    return ["".join(cell["source"]) for cell in document["cells"] if cell["cell_type"] == kind]


@pytest.fixture(scope="module")
def run_notebook(kit):
    """The code cells, in order, in a fresh interpreter, as a notebook's kernel runs them: from the kit's folder."""
    script = (
        "import json, sys\nspace = {}\nfor cell in json.load(sys.stdin): exec(compile(cell, 'cell', 'exec'), space)"
    )
    return subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(cells(kit)),
        capture_output=True,
        text=True,
        cwd=kit,
        timeout=900,
    )


def test_the_notebook_runs_from_top_to_bottom(run_notebook):
    assert run_notebook.returncode == 0, run_notebook.stderr
    accuracy = float(re.search(r"^val +accuracy ([\d.]+)", run_notebook.stdout, re.MULTILINE)[1])
    largest = float(re.search(r"largest class, on val: ([\d.]+)", run_notebook.stdout)[1])
    assert accuracy > largest + 0.1, run_notebook.stdout
    assert "labels equal to those above: 100.0 %" in run_notebook.stdout


def test_the_zip_of_the_notebook_scores_what_the_notebook_says(run_notebook, kit, hemobench):
    card = json.loads(hemobench("score", kit / "first.zip", "--split", "val", "--json").stdout)
    accuracy = re.search(r"^val +accuracy ([\d.]+)", run_notebook.stdout, re.MULTILINE)[1]
    assert f"{card['scores']['val']['metrics']['accuracy']['value']:.4f}" == accuracy


def test_the_template_can_be_packed_and_the_lock_is_the_contest_s(kit, frozen):
    check_model(kit / "submission", ["model.py"])
    assert read_kit(kit).digest == frozen.lock_hash
    assert {path.name for path in (kit / "data").iterdir()} == {
        "train.npz", "val.npz", "val_shifted.npz", "summary.md", "shifted.png"
    }  # fmt: skip


def test_without_data_the_kit_is_small_and_says_where_they_go(hemobench, tmp_path):
    hemobench("contest", "publish", tmp_path / "site", "--no-data")
    zipfile.ZipFile(tmp_path / "site" / "kit.zip").extractall(tmp_path)
    kit = tmp_path / "small-kit"
    assert not (kit / "data").exists()
    assert sum(path.stat().st_size for path in kit.rglob("*") if path.is_file()) < 200_000
    assert "a folder `data` beside this page" in (kit / "README.md").read_text(encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", cells(kit)[0]], capture_output=True, text=True, cwd=kit)
    assert done.returncode == 1 and "folder 'data'" in done.stderr and "Traceback" not in done.stderr


def test_the_rules_fit_one_page(kit):
    text = (kit / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    for word in ("model.py", "predict(X)", "0 basophil", "7 platelet", "120 s", "MIT"):
        assert word in text


@pytest.fixture(scope="module")
def at_home(kit, tmp_path_factory):
    """Hemobench where a student has it: an empty workspace, and the kit's folder."""
    return CommandLine(tmp_path_factory.mktemp("home") / "a workspace", kit)


@pytest.fixture(scope="module")
def printed(kit, at_home):
    """What the kit's commands say, typed as its page prints them, in an empty workspace."""
    page = (kit / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^    hemobench (.+)$", page, re.MULTILINE)
    assert [line.split()[0] for line in commands] == ["freeze", "pack", "doctor", "score"]
    done = {line.split()[0]: at_home(*line.split()) for line in commands}
    return {verb: one.stdout + one.stderr for verb, one in done.items()}


def test_the_kit_s_commands_run_at_home(printed):
    assert "not scored" not in printed["score"].lower()
    assert "images (n)" in printed["score"] and "Predicted public" in printed["score"]


def test_at_home_nobody_is_sent_to_a_board_that_is_elsewhere(printed, at_home):
    for words in ((), ("leaderboard",)):
        done = at_home(*words)
        assert "hemobench score ZIP" in done.stdout + done.stderr and "submit" not in done.stdout + done.stderr


def test_at_home_there_is_the_same_contest_and_nothing_hidden(printed, at_home, frozen):
    lock = (at_home.workspace / "contests/small/current/contest.lock.json").resolve()
    assert json.loads(lock.read_bytes())["digest"] == frozen.lock_hash
    assert sorted(path.name for path in lock.parent.rglob("*") if path.is_file()) == sorted(
        ["contest.lock.json", *(Path(name).name for name in KIT_FILES)]
    )
    assert f"{len(KIT_FILES)} files" in at_home("verify").stdout


def test_what_needs_the_hidden_test_says_that_it_is_with_the_organiser(printed, at_home, kit, tmp_path):
    for words in (
        ("submit", kit / "submission.zip", "-m", "x"),
        ("score", kit / "submission.zip", "--split", "public"),
        ("kaggle", "export", tmp_path / "kaggle"),
        ("codabench", "export", tmp_path / "bundle"),
        ("report", "-o", tmp_path / "report.html"),
    ):
        assert "organiser" in at_home(*words, code=1).stderr
    assert not (at_home.workspace / "ledger.jsonl").exists()


def test_a_changed_kit_is_refused(kit, tmp_path):
    shutil.copytree(kit, tmp_path / "kit")
    data = tmp_path / "kit" / "data" / "val.npz"
    data.write_bytes(data.read_bytes()[:-1] + b"x")
    for change in (data.unlink, (tmp_path / "kit" / "contest.lock.json").unlink):
        with pytest.raises(UsageError):
            read_kit(tmp_path / "kit")
        change()
    with pytest.raises(UsageError):
        read_kit(tmp_path / "kit")


def test_a_kit_does_not_put_itself_before_the_whole_contest(kit, hemobench):
    frozen = api.open_contest(hemobench.workspace)
    hemobench("freeze", "--kit", kit)
    assert api.open_contest(hemobench.workspace).folder == frozen.folder
    assert len(frozen.hidden_images())


def test_the_whole_contest_takes_the_place_of_a_kit(kit, small_contest, tmp_path):
    hemobench = CommandLine(tmp_path)
    hemobench("freeze", "--kit", kit)
    hemobench("freeze", "--contest", small_contest)
    assert len(api.open_contest(tmp_path).hidden_images())
    hemobench("verify")


def test_the_kit_names_python_and_all_packages_of_each_runtime(kit, with_tiny):
    page = (kit / "README.md").read_text(encoding="utf-8")
    found = api.runtimes(with_tiny)
    assert [one.name for one in found] == ["keras", "tiny"]
    for one in found:
        python, *packages = (kit / "runtimes" / f"{one.name}.txt").read_text().splitlines()
        assert python == f"# Python {one.python}"
        assert packages == [f"{name}=={version}" for name, version in one.packages.items()]
        for name, version in one.main.items():
            assert f"{name} {version}" in page
    assert f"Python {found[0].python}" in page and "requirements.txt" in page


def test_the_kit_names_only_what_the_contest_allows(with_tiny, frozen, tmp_path):
    publish(Workspace(with_tiny), Frozen(frozen.folder, {"runtimes": ["tiny"]}), tmp_path / "site", data=False)
    names = zipfile.ZipFile(tmp_path / "site" / "kit.zip").namelist()
    assert [name for name in names if "runtimes/" in name] == ["small-kit/runtimes/tiny.txt"]
