"""The contest that the doctor's patients are entered for, frozen once."""

import pytest

from tests.doctor.cases import Kitchen
from tests.doctor.kitchen import open_kitchen


@pytest.fixture(scope="session")
def kitchen(tmp_path_factory) -> Kitchen:
    return open_kitchen(tmp_path_factory.mktemp("kitchen"))
