"""The contest that the doctor's patients are entered for, frozen once."""

import pytest

from tests.doctor.cases import Kitchen
from tests.doctor.kitchen import freeze_clinic, open_kitchen, save_keras_files


@pytest.fixture(scope="session")
def kitchen(once_for_all) -> Kitchen:
    return open_kitchen(once_for_all("clinic", freeze_clinic), lambda: once_for_all("keras-files", save_keras_files))
