"""The starting kit: its notebook runs from top to bottom, and what it makes scores."""

import json
import re
import subprocess
import sys

import pytest

from harness.pack import check_model
from harness.platforms.kit import export_kit


@pytest.fixture(scope="module")
def kit(tmp_path_factory, frozen):
    folder = tmp_path_factory.mktemp("kit") / "a kit"
    export_kit(frozen, folder)
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
    assert (kit / "contest.lock.json").read_bytes() == (frozen.folder / "contest.lock.json").read_bytes()
    assert {path.name for path in (kit / "data").iterdir()} == {
        "train.npz", "val.npz", "val_shifted.npz", "summary.md", "shifted.png"
    }  # fmt: skip


def test_without_data_the_kit_is_small_and_says_where_they_go(hemobench, tmp_path):
    hemobench("contest", "kit", tmp_path / "kit", "--no-data")
    kit = tmp_path / "kit"
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
