"""What is installed from a wheel, far from the repository, is whole: examples, contest files, templates and all."""

import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from harness import __version__
from harness.cli import hemobench as command_line
from harness.cli.group import verbs
from harness.errors import EXTRAS
from tests.conftest import ROOT, SMALL, CommandLine

EXAMPLES = ("majority", "nearest-centroid", "random", "template", "template-onnx", "template-torch")


def build(folder: Path, target: str = "wheel") -> Path:
    """Build the wheel with hatchling, as ``make wheel`` does; or, as ``make setup`` does, ``wheel:editable``."""
    command = [sys.executable, "-P", "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def unpacked(wheel, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def known_to_git(*words: str) -> set[str]:
    command = ["git", "ls-files", "-z", *words]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.split("\0")[:-1]
    return {name for name in names if (ROOT / name).is_file()}


def test_the_wheel_holds_every_file_of_the_packages_and_the_examples_and_nothing_else(wheel):
    packages = known_to_git("--cached", "--others", "--exclude-standard", "harness", "baselines")
    if not packages:
        pytest.skip("not a clone of the repository")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name and ".data/" not in name}
    placed = project()["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    included = {name.replace(source, target) for source, target in placed.items() for name in known_to_git(source)}
    assert held == packages | included
    assert {name.split("/")[2] for name in held if name.startswith("harness/submissions/")} == set(EXAMPLES)


def test_an_install_that_can_be_edited_puts_nothing_where_entries_look_for_packages(tmp_path):
    held = zipfile.ZipFile(build(tmp_path, "wheel:editable")).namelist()
    assert [name for name in held if ".dist-info/" not in name] == ["_editable_impl_hemobench.pth"]


def test_the_same_files_give_the_same_wheel(wheel, tmp_path):
    assert filecmp.cmp(wheel, build(tmp_path), shallow=False)


def test_an_installed_copy_knows_its_examples_in_an_empty_folder(unpacked, tmp_path, frozen_workspace):
    empty = tmp_path / "an empty folder"
    empty.mkdir()

    def typed(*words, code=0):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "harness.cli", *words],
            cwd=empty,
            env=CommandLine(frozen_workspace).environment() | {"PYTHONPATH": str(unpacked)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done

    where = "import harness.examples as found; print(found.EXAMPLES)"
    said = subprocess.run(
        [sys.executable, "-P", "-c", where],
        cwd=empty, env=os.environ | {"PYTHONPATH": str(unpacked)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(said.stdout.strip()) == unpacked / "harness" / "submissions"
    typed("new", "mine", "--like", "nearest-centroid")
    packed = json.loads(typed("pack", "submissions/mine", "--no-fit", "-o", "mine.zip", "--json").stdout)
    assert packed["members"] == ["fit.py", "model.py"]
    assert "did you mean majority" in typed("submit", "majorty", "-m", "x", code=2).stderr.lower()
    assert "blood-cells-folder" in typed("contest", "list").stdout


def test_a_folder_of_one_s_own_comes_before_the_example_and_is_no_baseline(hemobench, tmp_path):
    here = CommandLine(hemobench.workspace, tmp_path)
    assert json.loads(here("submit", "random", "-m", "x", "--json").stdout)["baseline"] is True
    here("new", "random", "--like", "random")
    assert json.loads(here("submit", "random", "-m", "x", "--json").stdout)["baseline"] is True, "the same files"
    with (tmp_path / "submissions" / "random" / "model.py").open("a") as file:
        file.write("# mine\n")
    mine = json.loads(here("submit", "random", "-m", "x", "--json", "--name", "mine").stdout)
    assert mine["baseline"] is False and mine["entry"] == 3


def test_a_new_entry_is_a_copy_that_never_overwrites(hemobench, tmp_path):
    here = CommandLine(hemobench.workspace, tmp_path)
    assert "hemobench submit myteam" in here("new", "myteam").stdout
    model = tmp_path / "submissions" / "myteam" / "model.py"
    assert model.read_bytes() == (ROOT / "submissions" / "template" / "model.py").read_bytes()
    model.write_text("mine\n")
    for words in (("myteam",), ("vgg16",), ("../up",), ("My Team",), ("other", "--like", "none")):
        here("new", *words, code=2)
    assert model.read_text() == "mine\n" and [path.name for path in tmp_path.glob("submissions/*")] == ["myteam"]


# How each verb that needs an extra is typed, and the extra; `--json` where a terminal's table would hide it.
LACKING = [
    (("compare", "1", "2"), "analysis"),
    (("report", "-o", "r.html"), "analysis"),
    (("verify", "--leaks"), "analysis"),
    (("leaderboard", "--format", "latex"), "analysis"),
    (("train", "vgg16"), "cpu"),
]


def test_the_base_install_says_in_one_sentence_what_to_install(unpacked, tmp_path, hemobench):
    """Without SciPy, scikit-learn, pandas, Keras and Matplotlib entries are scored, and the rest says what it needs."""
    block = tmp_path / "block" / "sitecustomize.py"
    block.parent.mkdir()
    block.write_text(
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {tuple(EXTRAS)}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Block())\n"
    )

    def typed(*words):
        environment = hemobench.environment() | {"PYTHONPATH": f"{unpacked}:{block.parent}"}
        command = [sys.executable, "-P", "-m", "harness.cli", *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    for entry in ("majority", "nearest-centroid"):
        done = typed("submit", entry, "-m", "x", "--json")
        assert done.returncode == 0, done.stderr
    for words, extra in LACKING:
        done = typed(*words)
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert f'pip install "hemobench[{extra}]"' in done.stderr, (words, done.stderr)


def test_every_extra_that_is_named_exists_and_brings_what_is_missing():
    extras = project()["project"]["optional-dependencies"]
    base = " ".join(project()["project"]["dependencies"])
    for module, extra in EXTRAS.items():
        package = {"sklearn": "scikit-learn", "scipy": "scikit-learn"}.get(module, module)
        assert any(one.startswith(package) for one in extras[extra]) and package not in base.split(">"), module


def test_the_man_page_has_the_help_of_every_verb(wheel):
    page = zipfile.Path(wheel, f"hemobench-{__version__}.data/data/share/man/man1/hemobench.1").read_text("utf-8")
    known = list(verbs(command_line))
    assert re.findall(r'^\.SS "(.*)"', page, re.MULTILINE) == ["hemobench", *(" ".join(words) for words, _ in known)]
    for _, command in known:
        for option in (name for parameter in command.params for name in parameter.opts if name.startswith("-")):
            assert option.replace("-", "\\-") in page
    if man := shutil.which("man"):
        path = Path(tempfile.mkdtemp(dir=wheel.parent), "hemobench.1")
        path.write_text(page, encoding="utf-8")
        shown = subprocess.run([man, "--warnings", "-l", path], capture_output=True, text=True, check=True)
        assert "hemobench codabench lint" in shown.stdout and not shown.stderr


def test_the_version_stands_in_one_place_and_the_citation_has_it(wheel):
    assert re.search(rf"^version: {re.escape(__version__)}$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert wheel.name == f"hemobench-{__version__}-py3-none-any.whl"
    assert "hemobench-" + __version__ in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_lock_of_the_base_install_is_that_of_what_it_imports():
    held = set(re.findall(r"^([a-z][\w.-]*)==", (ROOT / "requirements" / "base.lock").read_text(), re.MULTILINE))
    assert {re.match(r"[\w-]+", one)[0] for one in project()["project"]["dependencies"]} <= held
    assert not held & {"scipy", "scikit-learn", "pandas", "matplotlib", "keras", "tensorflow"}


def interpreter(version: str) -> str | None:
    """Return a Python of this version that runs; the shim of a version manager need not."""
    managed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for one in (shutil.which(f"python{version}"), *map(str, managed)):
        if one and subprocess.run([one, "-c", ""], capture_output=True, check=False).returncode == 0:
            return one
    return None


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_base_install_in_a_new_environment_is_small_and_puts_an_entry_on_the_board(version, wheel, tmp_path):
    """Fetches the packages of the base from the registry."""
    if not (python := interpreter(version)):
        pytest.skip(f"no Python {version} here")
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)
    bin_folder = tmp_path / "venv" / "bin"
    done = subprocess.run(
        [bin_folder / "python", "-m", "pip", "install", "--quiet", wheel], capture_output=True, text=True, check=False
    )
    if "Failed to establish a new connection" in done.stderr or "Temporary failure in name" in done.stderr:
        pytest.skip("no registry here")
    assert done.returncode == 0, done.stderr
    (packages,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    held = sum(path.lstat().st_size for path in packages.rglob("*") if path.is_file() and "pip" not in path.parts)
    assert held < 150e6
    (tmp_path / "small.toml").write_text(SMALL)

    def typed(*words: str) -> str:
        command = [bin_folder / "hemobench", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    typed("freeze", "--contest", "small.toml")
    typed("submit", "nearest-centroid", "-m", "x")
    typed("submit", "majority", "-m", "x", "--isolation", "none")
    rows = json.loads(typed("leaderboard", "--json"))
    assert {row["entry"] for row in rows} == {"nearest-centroid", "majority"}
    assert typed("codabench", "export", "course") and (tmp_path / "course.zip").is_file()
