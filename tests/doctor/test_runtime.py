"""Which runtime an entry needs is said from its imports and files, and asked for by ``--fix``."""

from __future__ import annotations

import zipfile

import pytest

from harness.doctor.examine import examine
from harness.doctor.fit import find_target
from tests.doctor.cases import zipped

pytestmark = pytest.mark.usefixtures("reads_in_one_process")


@pytest.fixture
def look(kitchen, with_tiny, tmp_path):
    """Return a function that examines the files of an entry, and gives what was found by its code."""

    def start(files, fix=None):
        path = zipped(files, tmp_path / "entry.zip")
        runtimes = with_tiny / "runtimes"
        checkup = examine(
            path, kitchen.frozen, find_target("local"), scratch=tmp_path / "scratch", runtimes=runtimes, fix=fix
        )
        return checkup, {one.code: one for one in checkup.findings}

    return start


def with_import(kitchen, package, **others):
    files = kitchen.nearest("import numpy as np", f"import numpy as np\nimport {package}")
    return files | {name.replace("_toml", ".toml"): text.encode() for name, text in others.items()}


def test_a_package_of_another_runtime_is_had_by_asking_for_that(look, kitchen, tmp_path):
    files = with_import(kitchen, "tiny_framework", entry_toml='authors = ["Ada"]\n')
    checkup, found = look(files, tmp_path / "fixed.zip")
    assert found["import"].fixable and 'runtime = "tiny"' in found["import"].fix
    assert "numpy" in found["import"].cause
    assert checkup.fails and checkup.accuracy["val"] > 0.9
    with zipfile.ZipFile(tmp_path / "fixed.zip") as archive:
        assert archive.read("entry.toml").decode() == 'runtime = "tiny"\nauthors = ["Ada"]\n'
        repaired = {name: archive.read(name) for name in archive.namelist()}
    checkup, found = look(repaired)
    assert not checkup.findings


def test_a_package_of_a_runtime_that_is_not_here_is_said_to_be_there(look, kitchen):
    checkup, found = look(with_import(kitchen, "torch"))
    assert checkup.fails and "hemobench runtime add torch" in found["import"].fix and not found["import"].fixable


def test_what_a_chosen_runtime_lacks_is_missed(look, kitchen):
    _, found = look(with_import(kitchen, "msgspec", entry_toml='runtime = "tiny"\n'))
    assert found["import"].subject == "msgspec" and "tiny has numpy" in found["import"].cause


def test_a_file_tells_of_the_package_that_reads_it(look, kitchen):
    _, found = look({**kitchen.nearest(), "net.onnx": b"x"})
    assert "hemobench runtime add onnx" in found["runtime"].fix and found["runtime"].severity == "note"


@pytest.mark.parametrize("name", ["requirements.txt", "environment.yml"])
def test_a_list_of_requirements_is_said_not_to_be_read(look, kitchen, name):
    checkup, found = look({**kitchen.nearest(), name: b"torch==2.4\n"})
    assert found["requirements"].subject == name and "numpy" in found["requirements"].cause
    assert not checkup.fails
