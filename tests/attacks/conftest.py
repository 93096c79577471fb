"""The ideas as parameters, and the workspace that they besiege."""

from __future__ import annotations

import pytest

from harness.sandbox.backends import AUTOMATIC
from tests.attacks.besieged import besieged_workspace
from tests.attacks.ideas import BEST
from tests.sandbox.conftest import why_not

# Entries are read and zipped, never imported.
collect_ignore_glob = ["entries/*", "kit.py", "fit.py"]


@pytest.fixture(scope="session")
def besieged(once_for_all):
    return once_for_all("besieged", besieged_workspace) / "a workspace"


# `make test` tries the best one, `make attacks` the other as well.
@pytest.fixture(
    params=[pytest.param(one.name, marks=[] if one.name == BEST else pytest.mark.attacks) for one in AUTOMATIC]
)
def isolation(request: pytest.FixtureRequest) -> str:
    if reason := why_not(request.param):
        pytest.skip(reason)
    return request.param
