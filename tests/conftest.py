"""A small frozen contest that many tests read: 480 pictures of the embedded source."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.workspace import Workspace
from tests.report.entries import Desk

ROOT = Path(__file__).parent.parent
# Where it is set, each of the hundreds of processes that the tests start would compile all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def contest_text(name: str, title: str, *, n_images: int, more: str) -> str:
    """Write a contest file on the embedded source; `more` is its other sections."""
    return f"""
name = "{name}"
title = "{title}"
version = 1
class_names = [
  "basophil", "eosinophil", "erythroblast", "immature_granulocyte", "lymphocyte", "monocyte", "neutrophil", "platelet",
]
image_shape = [96, 96, 3]
[source]
kind = "embedded"
n_images = {n_images}
seed = 5
{more}"""


SMALL = contest_text("small", "A small contest", n_images=480, more="[limits]\ntime_s = 120\n")


def heed_ctrl_c() -> None:
    """Undo what a shell does to what it starts in the background, which would be deaf to Ctrl-C, and its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class CommandLine:
    """Runs ``hemobench`` as a person does: another process, in the project's folder, on one workspace."""

    workspace: Path

    def environment(self) -> dict[str, str]:
        return os.environ | {"HEMOBENCH_WORKSPACE": str(self.workspace), "NO_COLOR": "1", "COLUMNS": "80"}

    def start(self, *words: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "harness.cli", *map(str, words)]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=self.environment(), preexec_fn=heed_ctrl_c
        )

    def __call__(self, *words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        process = self.start(*words)
        out, err = process.communicate(timeout=900)
        assert process.returncode == code, f"exit code {process.returncode}\n{out}\n{err}"
        assert "Traceback (most recent call last)" not in err, err
        return subprocess.CompletedProcess(words, process.returncode, out, err)


@pytest.fixture(scope="session")
def small_contest(tmp_path_factory) -> Path:
    """The contest file."""
    path = tmp_path_factory.mktemp("contest") / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture(scope="session")
def frozen_workspace(tmp_path_factory, small_contest) -> Path:
    """A workspace in which it is frozen; to be read, not written."""
    workspace = tmp_path_factory.mktemp("frozen") / "a workspace"
    CommandLine(workspace)("freeze", "--contest", small_contest)
    return workspace


@pytest.fixture
def hemobench(tmp_path, frozen_workspace) -> CommandLine:
    """The command line on a workspace of the test's own, with the small contest frozen in it."""
    workspace = tmp_path / "a workspace"
    shutil.copytree(frozen_workspace, workspace, symlinks=True)
    return CommandLine(workspace)


def desk_in(frozen_workspace, folder) -> Desk:
    shutil.copytree(frozen_workspace, folder, symlinks=True)
    return Desk(Workspace(folder))


@pytest.fixture
def desk(frozen_workspace, tmp_path) -> Desk:
    """An empty board of the test's own."""
    return desk_in(frozen_workspace, tmp_path / "workspace")


@pytest.fixture(scope="module")
def make_desk(frozen_workspace, tmp_path_factory):
    """Makes empty boards that the tests of a module share."""
    return lambda: desk_in(frozen_workspace, tmp_path_factory.mktemp("report") / "workspace")


@pytest.fixture(scope="session")
def full(frozen_workspace, tmp_path_factory) -> Desk:
    """A board with entries; to be read, not written."""
    made = desk_in(frozen_workspace, tmp_path_factory.mktemp("report") / "workspace")
    made.fill()
    return made


@pytest.fixture(scope="session")
def other_private_half(frozen_workspace, tmp_path_factory) -> Desk:
    """The same board, but for what every entry said of the private half."""
    made = desk_in(frozen_workspace, tmp_path_factory.mktemp("report") / "workspace")
    made.fill(private_seed=1000)
    return made
