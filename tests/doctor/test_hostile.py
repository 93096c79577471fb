"""Files that are made to stop who reads them: each ends in words, at both doors that read an entry's code."""

import json
import os
import zipfile

import pytest

from harness.doctor import static_checks
from harness.doctor.fit import find_target
from harness.doctor.repair import zip_of
from harness.errors import PackError
from harness.limited import read
from harness.pack import pack

pytestmark = pytest.mark.usefixtures("reads_in_one_process")
GOOD = "class Model:\n    def predict(self, X):\n        return [0] * len(X)\n"
CONFIG = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 8, "new": None}, "registered_name": None}


def reading(folder, target="codabench-4430"):
    files = frozenset(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return read("The submission", static_checks.read, folder, files, find_target(target), folder.parent / "saved")


def many(line: str) -> str:
    return "".join(line.format(n) for n in range(15_000)) + GOOD


@pytest.mark.parametrize(
    ("name", "model", "code"),
    [
        ("minus signs", "-" * 200_000 + "1\n" + GOOD, "syntax"),
        ("brackets", "(" * 200_000 + "\n" + GOOD, "syntax"),
        ("a name of many parts", "x" + ".a" * 100_000 + "\n" + GOOD, "syntax"),
        ("calls in a chain", "x" + ".a()" * 50_000 + "\n" + GOOD, "syntax"),
        ("a sum without end", "x = " + "1+" * 100_000 + "1\n" + GOOD, "syntax"),
        ("conditions in one another", "".join(" " * n + "if x:\n" for n in range(99)) + " " * 99 + "x\n" + GOOD, None),
        ("else if without end", "if x: pass\n" + "elif x: pass\n" * 20_000 + GOOD, "syntax"),
        ("a module of many parts", "import a" + ".a" * 100_000 + "\n" + GOOD, "syntax"),
        ("a module of many lines", "import a" + ". \\\n a" * 50_000 + "\n" + GOOD, "syntax"),
        ("a module with a long name", "import " + "a" * 200_000 + "\n" + GOOD, "import"),
        ("a relative module of many parts", "from ." + ".a" * 100_000 + " import b\n" + GOOD, "syntax"),
        ("a chain in which nothing is odd", "import a" + ".a" * 100 + "\n" + GOOD, "import"),
        ("the module __main__", "import __main__\n" + GOOD, None),
        ("many modules", many("import m{0}\n"), "import"),
        ("many files", many("open('weights{0}.npz')\n"), "file-absent"),
        ("many names", many("keras.layers.X{0}\n"), "newer-name"),
        ("many classes", many("class C{0}: pass\n"), None),
        ("a number of 5,000 digits", "x = " + "9" * 5000 + "\n" + GOOD, "syntax"),
        ("a lone surrogate", "open('\\ud800.npz')\n" + GOOD, "file-absent"),
        ("nul", "x = '\0'\n" + GOOD, "syntax"),
        ("more than is read", "#" * 500_001 + "\n" + GOOD, "unread"),
    ],
)
@pytest.mark.parametrize("target", ["local", "codabench-4430"])
def test_a_model_that_is_made_to_stop_its_reader_is_read_or_named(name, model, code, target, tmp_path):
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "model.py").write_text(model)
    found = reading(tmp_path / "team", target).findings
    codes = [one.code for one in found]
    assert len(codes) < 400
    assert all(len(one.title) < 700 and len(one.evidence) < 700 for one in found)
    if code in ("newer-name",) and target == "local":
        code = None  # nobody knows here what the installed one lacks
    if code is None:
        assert "syntax" not in codes and "unread" not in codes
    else:
        assert code in codes
    if code == "syntax":
        with pytest.raises(PackError) as caught:
            pack(tmp_path / "team", tmp_path / "a.zip")
        assert caught.value.hint
        assert len(caught.value.message) < 400
    else:
        assert pack(tmp_path / "team", tmp_path / "a.zip").members == ("model.py",)


def keras(path, version="3.15.1", members=()):
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("metadata.json", json.dumps({"keras_version": version}))
        made.writestr("config.json", json.dumps(CONFIG))
        made.writestr("model.weights.h5", b"weights" * 1000)
        for name, content in members:
            made.writestr(name, content, zipfile.ZIP_DEFLATED)
    return path


def changed(path, member: str, at: int, value: bytes):
    """Write over some bytes of what a zip's directory says of a member."""
    data = bytearray(path.read_bytes())
    place = data.rindex(member.encode()) - 46 + at
    data[place : place + len(value)] = value
    path.write_bytes(data)


def encrypted(path, member):
    changed(keras(path), member, 8, b"\x01\x00")


def too_long(path, member):
    changed(keras(path), member, 20, (10**9).to_bytes(4, "little"))
    changed(path, member, 24, (10**9).to_bytes(4, "little"))


def unknown(path, member):
    changed(keras(path), member, 10, (99).to_bytes(2, "little"))


def beyond(path, member):
    changed(keras(path), member, 42, (2**32 - 2).to_bytes(4, "little"))


@pytest.mark.parametrize("member", ["metadata.json", "config.json", "model.weights.h5"])
@pytest.mark.parametrize("spoil", [encrypted, too_long, unknown, beyond])
def test_a_saved_model_that_is_damaged_anywhere_is_named(spoil, member, tmp_path):
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "model.py").write_text(GOOD)
    spoil(tmp_path / "team" / "net.keras", member)
    found = {one.code: one for one in reading(tmp_path / "team").findings}
    assert found["saved-damaged"].evidence
    keras(tmp_path / "team" / "net.keras")
    assert [one.code for one in reading(tmp_path / "team").findings] == ["saved-newer"], "whole, it is read"


@pytest.mark.parametrize(
    "version", ["9" * 5000 + ".1", "9." * 3000, "²." * 3, "3.15.1" + "a" * 5000, "", "nan", "-3.1", "٣.١"]
)
def test_a_version_that_is_none_is_no_version(version, tmp_path):
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "model.py").write_text(GOOD)
    keras(tmp_path / "team" / "net.keras", version)
    (found,) = reading(tmp_path / "team").findings
    assert found.code == "saved-newer"
    assert "an unknown version" in found.evidence


def test_weights_that_are_a_bomb_are_not_rewritten(tmp_path):
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "model.py").write_text(GOOD)
    keras(tmp_path / "team" / "net.keras", members=[("zeros", bytes(150_000_000))])
    assert [one.code for one in reading(tmp_path / "team").findings] == ["saved-damaged"]


@pytest.mark.parametrize(
    "config", ['{"a":' + "[" * 90_000, "9" * 5000, '{"a": ' + "9" * 5000 + "}", "[]", "\\ud800", "null"]
)
def test_a_description_that_cannot_be_read_is_named(config, tmp_path):
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "model.py").write_text(GOOD)
    with zipfile.ZipFile(tmp_path / "team" / "net.keras", "w") as made:
        made.writestr("metadata.json", '{"keras_version": "3.1.0"}')
        made.writestr("config.json", config)
    assert [one.code for one in reading(tmp_path / "team").findings] == ["saved-damaged"]


def test_what_is_no_plain_file_in_a_folder_is_left_out_and_named(tmp_path):
    folder = tmp_path / "team"
    folder.mkdir()
    (folder / "model.py").write_text(GOOD)
    (folder / ".git").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "out").symlink_to("/etc/hostname")
    assert zip_of(folder, tmp_path / "a.zip") == ["out: a link", "pipe: a pipe"]
    with zipfile.ZipFile(tmp_path / "a.zip") as made:
        assert made.namelist() == ["model.py"]
