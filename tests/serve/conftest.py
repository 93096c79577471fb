"""A live board with entries, and a server that hands it out."""

import shutil

import pytest

from harness.analysis.build import BoardSource
from harness.report.live import LiveBoard
from harness.report.server import listening
from harness.workspace import Workspace
from tests.report.entries import Desk


@pytest.fixture
def desk(frozen_workspace, tmp_path) -> Desk:
    """A board of the test's own with three entries."""
    shutil.copytree(frozen_workspace, tmp_path / "workspace", symlinks=True)
    made = Desk(Workspace(tmp_path / "workspace"))
    for number, accuracy in enumerate((0.9, 0.8, 0.7)):
        made.record(f"team {number}", accuracy, number=number)
    return made


@pytest.fixture
def live(desk) -> LiveBoard:
    """It, read once."""
    made = LiveBoard(BoardSource(desk.workspace, "small"))
    made.refresh()
    return made


@pytest.fixture
def server(live):
    with listening(live, 0) as made:
        yield made
