"""Packing gives the same bytes, takes what belongs in, and refuses what cannot work; --fix repairs a refused zip."""

import io
import json
import os
import zipfile

import pytest
from click.testing import CliRunner

from harness.cli import hemobench
from harness.contest import Limits
from harness.errors import PackError, RefusedZip, UsageError
from harness.pack import pack
from harness.sandbox.repair import repair
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


@pytest.mark.parametrize("output", ["", ".", "weights"])
def test_a_folder_s_name_is_no_name_for_a_zip(folder, monkeypatch, output):
    monkeypatch.chdir(folder)
    with pytest.raises(PackError, match="no name for a zip"):
        pack(folder, type(folder)(output))


@pytest.fixture
def by_hand(tmp_path):
    """Return a function that zips members as a person may have: in any order, compressed, with today's date."""

    def zip_by_hand(**members):
        path = tmp_path / "entry.zip"
        path.write_bytes(zipped(members))
        return path

    return zip_by_hand


def zipped(members):
    """Return the bytes of a zip as a person may have made it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


WEIGHTS = bytes(range(256))
JUNK = {"__MACOSX/._team": b"x", "team/.DS_Store": b"x"}


@pytest.mark.parametrize(
    ("members", "changes"),
    [
        ({"model.py": MODEL, "weights/a.bin": WEIGHTS}, ()),
        (
            {"team/weights/a.bin": WEIGHTS, "team/model.py": MODEL},
            ("Moved up out of the folder 'team': 2 files.",),
        ),
        (
            {"zips/team/weights/a.bin": WEIGHTS, "zips/team/model.py": MODEL, "zips/notes.txt": b"x"},
            (
                "Moved up out of the folder 'zips/team': 2 files.",
                "Left out 1 file outside of it: 'zips/notes.txt'.",
            ),
        ),
        ({"Model.py": MODEL, "weights/a.bin": WEIGHTS}, ("Renamed 'Model.py' to 'model.py'.",)),
        ({"models.py": MODEL, "weights/a.bin": WEIGHTS}, ("Renamed 'models.py' to 'model.py'.",)),
        ({"model.py.txt": MODEL, "weights/a.bin": WEIGHTS}, ("Renamed 'model.py.txt' to 'model.py'.",)),
        (
            {"team/Model.PY": MODEL, "team/weights/a.bin": WEIGHTS, **JUNK},
            (
                "Moved up out of the folder 'team': 2 files.",
                "Renamed 'Model.PY' to 'model.py'.",
                "__MACOSX/ ignored (1 item).",
                ".DS_Store ignored (1 item).",
            ),
        ),
        ({"model.py": MODEL, "weights\\a.bin": WEIGHTS}, ("Wrote '/' for '\\' in 1 name.",)),
        (
            {"team\\": "", "team\\Model.py": MODEL, "team\\weights\\a.bin": WEIGHTS, "__MACOSX\\._team": b""},
            (
                "Wrote '/' for '\\' in 2 names.",
                "Moved up out of the folder 'team': 2 files.",
                "Renamed 'Model.py' to 'model.py'.",
                "__MACOSX/ ignored (1 item).",
            ),
        ),
        (
            {"hand-in/Entry.ZIP": zipped({"model.py": MODEL, "weights/a.bin": WEIGHTS}), "readme.txt": "ours"},
            (
                "Took the entry out of the zip 'hand-in/Entry.ZIP' in it.",
                "Left out 1 file outside of it: 'readme.txt'.",
            ),
        ),
        (
            {"a.zip": zipped({"b.zip": zipped({"x\\model.py": MODEL, "x\\weights\\a.bin": WEIGHTS})})},
            (
                "Took the entry out of the zip 'a.zip' in it.",
                "Took the entry out of the zip 'b.zip' in it.",
                "Wrote '/' for '\\' in 2 names.",
                "Moved up out of the folder 'x': 2 files.",
            ),
        ),
    ],
)
def test_a_repaired_zip_is_byte_for_byte_what_packing_the_folder_gives(folder, by_hand, tmp_path, members, changes):
    repaired = repair(by_hand(**members), tmp_path / "fixed.zip")
    assert repaired.changes == changes
    pack(folder, tmp_path / "packed.zip")
    assert (tmp_path / "fixed.zip").read_bytes() == (tmp_path / "packed.zip").read_bytes()
    (tmp_path / "out").mkdir()
    assert unpack(tmp_path / "fixed.zip", tmp_path / "out", Limits()) == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["entry.zip", "fixed.zip", "out", "packed.zip", "team"]


def test_caches_in_a_zip_are_left_out_with_a_word(by_hand, tmp_path):
    repaired = repair(
        by_hand(**{"model.py": MODEL, "__pycache__/model.pyc": b"x", ".env": b"x"}), tmp_path / "fixed.zip"
    )
    assert repaired.packed.members == ("model.py",)
    assert set(repaired.packed.left_out) == {"__pycache__: a cache", ".env: hidden"}


@pytest.mark.parametrize(
    ("members", "error", "said"),
    [
        ({"a/model.py": MODEL, "b/model.py": MODEL}, PackError, "more than one model.py: 'a/model.py', 'b/model.py'"),
        ({"network.py": MODEL}, PackError, "nor a file with nearly that name"),
        ({"model.ipynb": "{}"}, PackError, "nor a file with nearly that name"),
        ({"Model.py": "class model: pass\n"}, PackError, "no class Model"),
        ({"a.zip": zipped({"model.py": MODEL}), "b.zip": b""}, PackError, "nor a file with nearly that name"),
        ({"a.zip": b"no zip"}, RefusedZip, "no zip file"),
        ({"a.zip": zipped({"b.zip": zipped({"c.zip": zipped({"model.py": MODEL})})})}, PackError, "no model.py"),
        ({"a.zip": zipped({"team/../../model.py": MODEL})}, RefusedZip, "leads out"),
        ({"model.py": MODEL, "a\\..\\..\\x": b"x"}, RefusedZip, "leads out"),
        ({"model.py": MODEL, "C:\\x": b"x"}, RefusedZip, "leads out"),
        ({"model.py": MODEL, "\\\\server\\x": b"x"}, RefusedZip, "leads out"),
        ({"team/model.py": MODEL, "team/../../x": b"x"}, RefusedZip, "leads out"),
        ({"team/model.py": MODEL, "/etc/cron.d/x": b"x"}, RefusedZip, "leads out"),
        ({"team/model.py": MODEL, "team/w": b"1", "team/W": b"2"}, RefusedZip, "upper and lower case"),
        ({"team/model.py": MODEL, "team/bomb": bytes(50_000_000)}, RefusedZip, "only a bomb"),
    ],
)
def test_what_is_hostile_or_unclear_stays_refused_and_leaves_nothing(by_hand, tmp_path, members, error, said):
    with pytest.raises(error, match=said):
        repair(by_hand(**members), tmp_path / "fixed.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["entry.zip"]


def test_a_zip_is_not_repaired_over_itself_nor_from_nothing(by_hand, tmp_path):
    path = by_hand(**{"Model.py": MODEL})
    with pytest.raises(UsageError, match="overwrite"):
        repair(path, tmp_path / "." / "entry.zip")
    with pytest.raises(PackError, match="no zip"):
        repair(tmp_path / "nothing.zip", tmp_path / "fixed.zip")


def test_the_command_says_what_it_repaired(by_hand, tmp_path):
    path, repaired = str(by_hand(**{"team/Model.py": MODEL})), str(tmp_path / "fixed.zip")
    shown = CliRunner().invoke(hemobench, ["pack", path, "--fix", "-o", repaired])
    assert shown.exit_code == 0
    assert "Moved up out of the folder 'team': 1 file.\nRenamed 'Model.py' to 'model.py'.\n" in shown.stderr
    document = json.loads(CliRunner().invoke(hemobench, ["pack", path, "--fix", "-o", repaired, "--json"]).stdout)
    assert document["members"] == ["model.py"]
    assert len(document["changes"]) == 2
    shown = CliRunner().invoke(hemobench, ["pack", repaired, "--fix", "-o", str(tmp_path / "again.zip")])
    assert "Nothing had to be repaired." in shown.stderr


def test_a_zip_without_fix_and_a_folder_with_it_say_what_to_type(folder, by_hand, tmp_path):
    path, out = by_hand(**{"model.py": MODEL}), str(tmp_path / "out.zip")
    refused = CliRunner().invoke(hemobench, ["pack", str(path), "-o", out]).exception
    assert isinstance(refused, PackError)
    assert refused.hint.endswith("--fix -o fixed.zip")
    assert CliRunner().invoke(hemobench, ["pack", str(folder), "--fix", "-o", out]).exit_code == 2
