"""Workspaces with a board to report on."""

import shutil

import pytest

from harness.workspace import Workspace
from tests.report.entries import Desk


def copy(frozen_workspace, folder) -> Desk:
    shutil.copytree(frozen_workspace, folder, symlinks=True)
    return Desk(Workspace(folder))


@pytest.fixture
def desk(frozen_workspace, tmp_path) -> Desk:
    """An empty board of the test's own."""
    return copy(frozen_workspace, tmp_path / "workspace")


@pytest.fixture(scope="module")
def make_desk(frozen_workspace, tmp_path_factory):
    """Makes empty boards that the tests of a module share."""
    return lambda: copy(frozen_workspace, tmp_path_factory.mktemp("report") / "workspace")


@pytest.fixture(scope="session")
def full(frozen_workspace, tmp_path_factory) -> Desk:
    """A board with entries; to be read, not written."""
    made = copy(frozen_workspace, tmp_path_factory.mktemp("report") / "workspace")
    made.fill()
    return made


@pytest.fixture(scope="session")
def other_private_half(frozen_workspace, tmp_path_factory) -> Desk:
    """The same board, but for what every entry said of the private half."""
    made = copy(frozen_workspace, tmp_path_factory.mktemp("report") / "workspace")
    made.fill(private_seed=1000)
    return made
