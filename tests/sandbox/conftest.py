"""Tiny entries for the tests of the sandbox: a few lines of ``model.py``, zipped."""

from __future__ import annotations

import functools
import tempfile
import textwrap
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.contest import Limits
from harness.errors import IsolationError
from harness.sandbox import watch
from harness.sandbox.backends import BACKENDS
from harness.sandbox.run import EntryRun, run_entry
from tests.attacks.ideas import BEST

# Labels are read from the first pixel, so that every split has known ones.
HONEST = "class Model:\n    def predict(self, X):\n        return X[:, 0, 0, 0].astype(int) % 8\n"


@pytest.fixture
def images() -> dict[str, NDArray[np.uint8]]:
    rng = np.random.default_rng(7)
    return {
        "val": rng.integers(0, 256, (20, 8, 8, 3), np.uint8),
        "public": rng.integers(0, 256, (5, 8, 8, 3), np.uint8),
    }


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that zips ``model.py`` and other files given by name."""

    def build(model: str = HONEST, **others: str) -> Path:
        path = tmp_path / "entry.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.py", textwrap.dedent(model))
            for name, content in others.items():
                archive.writestr(name, content)
        return path

    return build


@functools.cache
def why_not(isolation: str) -> str:
    """Return why this machine cannot build an isolation; empty when it can."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "entry.zip")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.py", HONEST)
        try:
            run_entry(
                path,
                {"val": np.zeros((1, 8, 8, 3), np.uint8)},
                8,
                Limits(),
                scratch=Path(folder),
                isolation=isolation,
                order=1,
            )
        except IsolationError as error:
            return error.message
    return ""


@pytest.fixture(
    params=[pytest.param(one.name, marks=[] if one.name == BEST else pytest.mark.attacks) for one in BACKENDS]
)
def isolation(request: pytest.FixtureRequest) -> str:
    """Each isolation this machine can build; `make test` tries the best one, `make attacks` the others."""
    if reason := why_not(request.param):
        pytest.skip(reason)
    return request.param


# What an entry prints where the test wants its time to be up: the harness then sees the clock leap.  A test of a time
# limit so waits for the entry to be there, however slow the machine is, and no second longer.
ASLEEP = "print('asleep', flush=True); time.sleep(600)"


@pytest.fixture
def leaping_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a day pass for the watch at each look at its clock, once the entry printed ``asleep``.

    At each look: the watch may see those words before it sees that the entry is ready, and begin to count then.
    """
    leap, asleep = [0.0], [False]
    begin, add = watch.Log.__init__, watch.Log.add

    def begun(log: watch.Log, capacity: int) -> None:
        asleep[0] = False  # of another run
        begin(log, capacity)

    def seen(log: watch.Log, data: bytes) -> None:
        asleep[0] |= b"asleep" in data
        add(log, data)

    def monotonic() -> float:
        leap[0] += 86_400 * asleep[0]
        return time.monotonic() + leap[0]

    monkeypatch.setattr(watch.Log, "__init__", begun)
    monkeypatch.setattr(watch.Log, "add", seen)
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=monotonic))


@pytest.fixture
def run(zipped, images, tmp_path) -> Callable[..., EntryRun]:
    """Return a function that runs the lines of a ``model.py`` in the best isolation there is."""

    def start(model: str = HONEST, isolation: str = "auto", **limits: int) -> EntryRun:
        return run_entry(
            zipped(model), images, 8, Limits(**limits), scratch=tmp_path / "scratch", order=1, isolation=isolation
        )

    return start
