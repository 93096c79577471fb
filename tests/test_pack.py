"""Packing gives the same bytes, takes what belongs in, and refuses what cannot work."""

import os
import zipfile

import pytest

from harness.contest import Limits
from harness.errors import PackError
from harness.pack import pack
from harness.sandbox.unpack import unpack

MODEL = "class Model:\n    def predict(self, X):\n        return [0] * len(X)\n"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "team"
    (made / "weights").mkdir(parents=True)
    (made / "model.py").write_text(MODEL)
    (made / "weights" / "a.bin").write_bytes(bytes(range(256)))
    return made


def test_the_same_folder_packs_to_the_same_bytes_whatever_clock_order_and_mode(folder, tmp_path):
    first = pack(folder, tmp_path / "one.zip")
    (folder / "model.py").unlink()  # another order of creation
    (folder / "model.py").write_text(MODEL)
    (folder / "model.py").chmod(0o700)
    os.utime(folder / "weights" / "a.bin", (0, 0))
    second = pack(folder, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert first.sha256 == second.sha256


def test_a_packed_folder_unpacks_to_what_it_was(folder, tmp_path):
    pack(folder, tmp_path / "one.zip")
    unpack(tmp_path / "one.zip", tmp_path / "out", Limits())
    found = {path.relative_to(tmp_path / "out"): path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    assert found == {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}


def test_caches_hidden_files_and_links_stay_out(folder, tmp_path):
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "model.cpython-311.pyc").write_bytes(b"x")
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / ".git").mkdir()
    (folder / "secret").symlink_to("/etc/passwd")
    packed = pack(folder, tmp_path / "one.zip")
    assert zipfile.ZipFile(tmp_path / "one.zip").namelist() == ["model.py", "weights/a.bin"]
    assert set(packed.left_out) == {
        "__pycache__: a cache",
        ".DS_Store: hidden",
        ".git: hidden",
        "secret: a link",
    }


def test_a_zip_packed_into_its_own_folder_does_not_hold_itself(folder):
    pack(folder, folder / "entry.zip")
    assert pack(folder, folder / "entry.zip").members == ("model.py", "weights/a.bin")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("class model:\n    pass\n", "no class Model"),
        ("class Model:\n    def forward(self, X):\n        pass\n", "no method predict"),
        (
            "class Model:\n    def __init__(self, path):\n        pass\n    def predict(self, X):\n        pass\n",
            "arguments",
        ),
        ("class Model\n", "not Python, line 1"),
    ],
)
def test_a_model_that_cannot_work_is_refused(folder, tmp_path, content, said):
    (folder / "model.py").write_text(content)
    with pytest.raises(PackError, match=said):
        pack(folder, tmp_path / "one.zip")


@pytest.mark.parametrize(
    "content",
    [
        MODEL,
        "class Model:\n    def __init__(self, path='a'):\n        pass\n    def predict(self, X):\n        pass\n",
        "from network import Model\n",
        "class Base:\n    pass\nclass Model(Base):\n    pass\n",
    ],
)
def test_a_model_that_may_work_is_packed(folder, tmp_path, content):
    (folder / "model.py").write_text(content)
    assert "model.py" in pack(folder, tmp_path / "one.zip").members


def test_a_model_one_folder_too_deep_is_named(folder, tmp_path):
    with pytest.raises(PackError) as refused:
        pack(folder.parent, tmp_path / "one.zip")
    assert str(folder) in refused.value.hint


def test_a_folder_over_the_limit_is_refused(folder, tmp_path):
    (folder / "big.bin").write_bytes(bytes(1_100_000))
    with pytest.raises(PackError, match="1 MB"):
        pack(folder, tmp_path / "one.zip", Limits(zip_mb=1))
    assert not (tmp_path / "one.zip").exists()
    pack(folder, tmp_path / "one.zip", Limits(zip_mb=2))
