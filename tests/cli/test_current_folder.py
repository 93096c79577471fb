"""What lies in the current folder is never imported, and what runs with the user's rights is announced."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

NAMES = ("click", "numpy", "json", "msgspec", "rich", "harness", "baselines", "keras", "sitecustomize", "encodings")


@pytest.fixture
def hostile(tmp_path) -> Path:
    """A folder with modules in the way of every import, each of which leaves a mark."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    code = f"open({str(tmp_path / 'ran')!r}, 'a').write(__name__ + '\\n')\n"
    for name in NAMES:
        (folder / f"{name}.py").write_text(code)
    return folder


@pytest.fixture
def typed(hostile, hemobench):
    """Return a function that types a verb in the hostile folder, by the installed command."""

    def run(*words, code=0):
        command = [str(Path(sys.executable).with_name("hemobench")), *map(str, words)]
        environment = {name: value for name, value in hemobench.environment().items() if not name.startswith("PYTHON")}
        done = subprocess.run(command, cwd=hostile, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert not (hostile.parent / "ran").exists(), (hostile.parent / "ran").read_text()
        return done

    return run


def test_modules_in_the_current_folder_would_be_imported(hostile):
    subprocess.run([sys.executable, "-m", "harness.cli", "--help"], cwd=hostile, check=False, capture_output=True)
    assert (hostile.parent / "ran").is_file(), "else the tests below prove nothing"


@pytest.mark.parametrize(
    "words", [("--help",), ("contest", "list"), ("verify",), ("leaderboard",), ("train", "--list")]
)
def test_no_verb_imports_from_the_current_folder(words, typed):
    typed(*words)


def test_no_process_that_a_verb_starts_imports_from_the_current_folder(typed, hostile):
    shutil.copytree(ROOT / "submissions" / "majority", hostile.parent / "majority")
    typed("pack", hostile.parent / "majority", "-o", "majority.zip")
    typed("score", "majority.zip")
    typed("submit", hostile.parent / "majority", "-m", "x")
    typed("doctor", "majority.zip")
    refused = typed("submit", "scratch-v2", "-m", "x", "--set", "nonsense=1", code=1)
    assert "nonsense" in refused.stderr and "was not trained" in refused.stderr, "the other process has started"


def commands(path: Path) -> list[list[object]]:
    """Return the words after the interpreter in each command of a file that starts it."""
    lists = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.List)]
    return [
        [word.value if isinstance(word, ast.Constant) else "" for word in node.elts[1:]]
        for node in lists
        if node.elts and ast.unparse(node.elts[0]) in ("sys.executable", "python")  # of the harness, or of a runtime
    ]


def test_every_interpreter_is_started_without_the_current_folder():
    found = [
        (path.relative_to(ROOT).as_posix(), words)
        for house in ("harness", "baselines")
        for path in sorted((ROOT / house).rglob("*.py"))
        for words in commands(path)
    ]
    assert len(found) >= 6
    for place, words in found:
        assert words[0] in ("-P", "-I"), place


def test_fit_is_announced_before_it_runs_and_packing_ends_in_a_score(hemobench, tmp_path):
    zip_path = tmp_path / "majority.zip"
    told = hemobench("pack", "submissions/majority", "-o", zip_path).stderr
    assert "submissions/majority/fit.py" in told and "in the sandbox" in told and "small" in told
    assert max(map(len, told.splitlines())) <= 80
    assert json.loads(hemobench("score", zip_path, "--json").stdout)["outcome"] == "scored"
    again = hemobench("pack", "submissions/majority", "-o", tmp_path / "again.zip", "--json")
    assert "has run on small before" in " ".join(again.stderr.split())
    assert json.loads(again.stdout)["fitted"] is True
    assert (tmp_path / "again.zip").read_bytes() == zip_path.read_bytes()
    submitted = json.loads(hemobench("submit", zip_path, "-m", "x", "--json").stdout)
    folder = json.loads(hemobench("submit", "majority", "-m", "x", "--json").stdout)
    assert submitted["zip_sha256"] == folder["zip_sha256"], "packed or submitted, it is the same zip"


def test_the_announcement_stands_before_what_fit_prints(hemobench, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "model.py").write_text("class Model:\n    def predict(self, X): return [0] * len(X)\n")
    (folder / "fit.py").write_text("print('fitting now'); open('weights', 'w').write('x')\n")
    told = hemobench("pack", folder, "-o", tmp_path / "mine.zip", "--isolation", "none").stderr
    assert told.index("all your rights") < told.index("fitting now")
    (folder / "fit.py").write_text("raise SystemExit(3)\n")
    assert "exit code 3" in hemobench("pack", folder, "-o", tmp_path / "other.zip", code=1).stderr
    assert not (tmp_path / "other.zip").exists()


@pytest.mark.parametrize(("more", "said"), [(("--no-fit",), "--no-fit"), ((), "hemobench freeze")])
def test_fit_that_has_not_run_is_said(more, said, hemobench, tmp_path):
    workspace = hemobench.workspace if more else tmp_path / "empty"
    done = hemobench("pack", "submissions/majority", "-o", tmp_path / "m.zip", "--workspace", workspace, *more)
    assert "fit.py was not run" in done.stderr and said in done.stderr
    assert not (tmp_path / "empty").exists()
    # What has no fit.py needs no word.
    assert "fit.py" not in hemobench("pack", "submissions/random", "-o", tmp_path / "r.zip").stderr
