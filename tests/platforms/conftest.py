"""The small contest exported once, and zips of a few lines of ``model.py``."""

from __future__ import annotations

import shutil
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.freeze.frozen import Frozen, open_frozen
from harness.platforms.codabench.bundle import open_bundle
from harness.platforms.codabench.export import export_codabench
from harness.platforms.codabench.rehearse import Rehearsal, parts_of, rehearse
from harness.workspace import Workspace


@pytest.fixture(scope="session")
def exported(once_for_all, frozen_workspace) -> Path:
    """A folder with a copy of the frozen workspace, for samples are fitted in it, and the bundle exported of it."""

    def fill(folder: Path) -> None:
        shutil.copytree(frozen_workspace, folder / "a workspace", symlinks=True)
        workspace = Workspace(folder / "a workspace")
        export_codabench(workspace, open_frozen(workspace), folder / "course")

    return once_for_all("exported", fill)


@pytest.fixture(scope="session")
def workspace(exported) -> Workspace:
    return Workspace(exported / "a workspace")


@pytest.fixture(scope="session")
def frozen(workspace) -> Frozen:
    return open_frozen(workspace)


@pytest.fixture(scope="session")
def bundle(exported) -> Path:
    """The folder of the exported bundle; its zip lies beside it.  To be read, not written."""
    return exported / "course"


@pytest.fixture
def entry(tmp_path) -> Callable[..., Path]:
    """Return a function that zips ``model.py`` and other files, given by name."""

    def build(model: str = "", files: dict[str, str | bytes] | None = None) -> Path:
        path = tmp_path / "entry.zip"
        with zipfile.ZipFile(path, "w") as archive:
            if model:
                archive.writestr("model.py", textwrap.dedent(model))
            for name, content in (files or {}).items():
                archive.writestr(name, content)
        return path

    return build


@pytest.fixture
def rehearsed(tmp_path) -> Callable[..., Rehearsal]:
    """Return a function that leads a zip through the first task of a bundle; what scoring wrote is in `kept`."""

    def run(bundle: Path, zip_path: Path, phase: str = "0") -> Rehearsal:
        with open_bundle(bundle) as opened:
            part = parts_of(opened, phase)[0]
            return rehearse(opened, part, zip_path, scratch=tmp_path / "scratch", keep=tmp_path / "kept")

    return run
