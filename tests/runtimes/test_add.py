"""A runtime is built of wheels alone, locked by hash, and found again by its lock."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import tarfile

import pytest

from harness.errors import UsageError
from harness.runtimes.add import RuntimeNotBuilt, add_runtime
from harness.runtimes.runtime import DEFAULT, Runtimes, definitions, own_runtime, read_runtime, runtimes
from tests.wheels import TINY


@pytest.fixture
def workspace(with_tiny, tmp_path):
    """A workspace of the test's own with the runtime in it, less its packages."""
    shutil.copytree(with_tiny / "runtimes", tmp_path / "runtimes", symlinks=True, ignore=lambda *_: {"venv"})
    return tmp_path


def test_the_lock_names_each_wheel_by_its_hash(with_tiny):
    own, tiny = runtimes(with_tiny)
    assert (own.name, tiny.name, tiny.main) == (DEFAULT, "tiny", {"numpy": own.packages["numpy"], TINY: "1.2"})
    lock = (tiny.venv.parent / "lock.txt").read_text()
    for wheel in (with_tiny / "wheels").glob("*.whl"):
        assert f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}" in lock
    assert tiny.venv.parent.name == tiny.lock[:12]
    assert {"numpy", "tiny_framework"} <= tiny.modules and not {"pip", "harness", "msgspec"} & tiny.modules


def test_its_files_can_be_read_by_others_and_written_by_none(with_tiny):
    (_, tiny) = runtimes(with_tiny)
    for path in tiny.venv.rglob("*"):
        if not path.is_symlink():
            assert path.stat().st_mode & 0o022 == 0 and path.stat().st_mode & 0o004


def test_the_lock_builds_the_same_runtime_again(with_tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_COMPILE", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", (with_tiny / "wheels").as_uri())
    (_, tiny) = runtimes(with_tiny)
    again = add_runtime(tmp_path, "again", tiny.venv.parent / "lock.txt")
    assert (again.lock, again.packages) == (tiny.lock, tiny.packages)


def test_what_is_no_wheel_is_not_built(with_tiny, tmp_path, capfd):
    with tarfile.open(tmp_path / "source-1.0.tar.gz", "w:gz") as archive:
        for name, content in (("setup.py", b"import os; os.mkdir('ran')"), ("PKG-INFO", b"Name: source\nVersion: 1.0")):
            member = tarfile.TarInfo(f"source-1.0/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    requirements = tmp_path / "requirements.txt"
    links = f"--find-links {tmp_path.as_uri()}\n--find-links {(with_tiny / 'wheels').as_uri()}\n"
    requirements.write_text(f"--no-index\n{links}source\n")
    with pytest.raises(RuntimeNotBuilt):
        add_runtime(tmp_path, "source", requirements)
    assert list((tmp_path / "runtimes" / "source").iterdir()) == []
    assert "No matching distribution found for source" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["keras", "../up", "Torch", "", "vision"])
def test_a_name_that_cannot_be_built_is_said_to_be_none(tmp_path, name):
    with pytest.raises(UsageError):
        add_runtime(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_a_runtime_is_found_by_name_and_by_lock(workspace):
    there = Runtimes(workspace / "runtimes")
    tiny = there.find("tiny")
    assert there.find(f"tiny@{tiny.lock}") == tiny
    for word in ("torch", "tiny@0123456789ab", "tiny@../current", "../runtimes/tiny", "nothing"):
        with pytest.raises(UsageError) as error:
            there.find(word)
        assert error.value.hint
    with pytest.raises(UsageError):
        Runtimes(workspace / "runtimes", (DEFAULT,)).find("tiny")


def test_after_adding_it_anew_the_old_one_is_found_by_its_lock(workspace):
    there = Runtimes(workspace / "runtimes")
    old = there.find("tiny")
    folder = workspace / "runtimes" / "tiny"
    newer = folder / "newer"
    newer.mkdir()
    (newer / "lock.txt").write_text((folder / "current" / "lock.txt").read_text().replace("==1.2", "==1.3"))
    lock = read_runtime("tiny", newer).lock
    newer.rename(folder / lock[:12])
    (folder / "current").unlink()
    (folder / "current").symlink_to(lock[:12])
    assert there.find("tiny").packages[TINY] == "1.3"
    assert there.find(f"tiny@{old.lock}").packages[TINY] == "1.2"


def test_one_for_another_python_is_not_used(workspace):
    path = workspace / "runtimes" / "tiny" / "current" / "lock.txt"
    path.write_text(re.sub("# Python: .*", "# Python: 3.9", path.read_text()))
    with pytest.raises(UsageError, match=r"3\.9"):
        Runtimes(workspace / "runtimes").find("tiny")


def test_who_has_a_package_is_said_with_what_to_type(with_tiny):
    there = Runtimes(with_tiny / "runtimes")
    assert 'runtime = "tiny"' in there.with_module("tiny_framework")
    assert "hemobench runtime add torch" in there.with_module("torch")
    assert "hemobench runtime add sklearn" in there.with_module("joblib")
    assert "does not allow" in Runtimes(with_tiny / "runtimes", (DEFAULT,)).with_module("torch")
    assert there.with_module("nobody_has_it") == ""


def test_no_definition_names_where_packages_come_from():
    assert [*definitions()] == [DEFAULT, "onnx", "sklearn", "torch"]
    for path in definitions().values():
        assert "://" not in path.read_text()
    assert {"keras", "numpy", "scikit-learn"} <= own_runtime().main.keys()
