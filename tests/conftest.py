"""A small frozen contest that many tests read: 480 images of the embedded source."""

import contextlib
import fcntl
import functools
import gc
import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO
from unittest import mock

import hypothesis
import numpy as np
import pytest
from numpy.typing import NDArray

from harness.cli import main
from harness.cli._view import screen
from harness.contest import Cleaning, EmbeddedSource
from harness.freeze.near import NearPair, find_near
from harness.progress import silent
from harness.sources import ImageSet, embedded
from harness.workspace import Workspace
from tests.reading import LastingReader, read_all_by
from tests.report.entries import Desk
from tests.wheels import build_tiny

ROOT = Path(__file__).parent.parent
collect_ignore = ["doctor/target_table.py"]  # a program for other versions of Keras: it has no test, and loads Keras
hypothesis.settings.register_profile("hemobench", deadline=None)  # how long an example takes says how busy it is
hypothesis.settings.load_profile("hemobench")
# Where it is set, each of the hundreds of processes that the tests start would compile all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_finish() -> None:
    """Let no collection of garbage look through all that was imported again: some tests' libraries ask for hundreds."""
    gc.collect()
    gc.freeze()


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


@functools.lru_cache(maxsize=4)
def draw(source: EmbeddedSource, class_names: tuple[str, ...], image_shape: tuple[int, int, int]) -> ImageSet:
    """Draw the images of a contest that test after test freezes, once; who writes into them is found out."""
    drawn = embedded.load(source, class_names, image_shape)
    drawn.images.setflags(write=False)
    return drawn


searched: dict[tuple[object, ...], list[NearPair]] = {}


def near_once(images: NDArray[np.uint8], rules: Cleaning) -> list[NearPair]:
    """Search the same images for near duplicates once: that is half of a freeze."""
    key = (hashlib.sha256(images.tobytes()).digest(), images.shape, rules.near_bits, rules.near_difference)
    if key not in searched:
        searched[key] = find_near(images, rules)
    return searched[key]


draw_once = SimpleNamespace(load=lambda *words, track=silent: draw(*words))


@contextlib.contextmanager
def streams_into(out: BinaryIO, err: BinaryIO) -> Iterator[None]:
    """Write stdout and stderr to two files: ours, and what processes inherit of us."""
    kept = os.dup(1), os.dup(2)
    try:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        with (
            open(1, "w", encoding="utf-8", closefd=False) as stdout,
            open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1) as stderr,
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
        ):
            yield
    finally:
        for number, fd in enumerate(kept, start=1):
            os.dup2(fd, number)
            os.close(fd)


@dataclass(frozen=True)
class CommandLine:
    """Runs ``hemobench`` as a person does, in the project's folder or another, on one workspace.

    Called, it runs in this process, since another would take longer to import what is here already than to do what it
    is asked.  `start` starts another.
    """

    workspace: Path
    folder: Path = ROOT

    def environment(self) -> dict[str, str]:
        return os.environ | {"HEMOBENCH_WORKSPACE": str(self.workspace), "NO_COLOR": "1", "COLUMNS": "80"}

    def start(self, *words: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "harness.cli", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self.environment(),
            preexec_fn=heed_ctrl_c,
        )

    def __call__(self, *words: object, code: int = 0, answer: str = "") -> subprocess.CompletedProcess[str]:
        vars(screen).pop("console", None)  # it has read the width of another screen
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            contextlib.chdir(self.folder),
            mock.patch.dict(os.environ, self.environment()),
            mock.patch.object(sys, "argv", ["hemobench", *map(str, words)]),
            mock.patch.object(sys, "stdin", io.StringIO(answer)),
            mock.patch("harness.sources.embedded", draw_once),
            mock.patch("harness.freeze.clean.find_near", near_once),
        ):
            with streams_into(out, err), pytest.raises(SystemExit) as ended:
                main()
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode())
        assert ended.value.code == code, f"exit code {ended.value.code}\n" + "\n".join(texts)
        assert "\nTraceback (most recent call last)" not in f"\n{texts[1]}", texts[1]  # an entry's is indented
        return subprocess.CompletedProcess(words, code, *texts)


@pytest.fixture(scope="session")
def small_contest(tmp_path_factory) -> Path:
    """The contest file."""
    path = tmp_path_factory.mktemp("contest") / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture(scope="session")
def once_for_all(tmp_path_factory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Return a function that has a folder filled once for all workers of xdist; to be read, not written."""
    top = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        top = top.parent  # what lies above those of the workers

    def made(name: str, fill: Callable[[Path], None]) -> Path:
        folder = top / f"shared-{name}"
        with (top / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "made").exists():
                shutil.rmtree(folder, ignore_errors=True)  # of a worker that failed
                folder.mkdir()
                fill(folder)
                (folder / "made").touch()
        return folder

    return made


@pytest.fixture(scope="session")
def frozen_workspace(once_for_all, small_contest) -> Path:
    """A workspace in which it is frozen; to be read, not written."""
    folder = once_for_all(
        "frozen", lambda folder: CommandLine(folder / "a workspace")("freeze", "--contest", small_contest)
    )
    return folder / "a workspace"


@pytest.fixture
def hemobench(tmp_path, frozen_workspace, reads_in_one_process) -> CommandLine:
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


@pytest.fixture(scope="session")
def lasting(tmp_path_factory) -> Iterator[LastingReader]:
    """The one process that reads where `reads_in_one_process` is asked for."""
    reader = LastingReader(tmp_path_factory.mktemp("reading"))
    yield reader
    reader.end()


@pytest.fixture
def reads_in_one_process(lasting, monkeypatch) -> None:
    """Strangers' files are read by one process that lasts, not by a new one each time."""
    read_all_by(lasting, monkeypatch)


@pytest.fixture(scope="session")
def with_tiny(once_for_all) -> Path:
    """A workspace with the runtime ``tiny``, of wheels that the test wrote; to be read, not written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_COMPILE", "1")
        return once_for_all("runtimes", build_tiny)
