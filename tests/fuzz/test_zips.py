"""The zip check and its repairing: any bytes are let in, or refused with words, and nothing else happens."""

from __future__ import annotations

import io
import json
import pickle
import stat
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.contest import Limits
from harness.errors import HarnessError
from harness.sandbox.entry_file import read_entry_file
from harness.sandbox.repair import repair
from harness.sandbox.unpack import unpack
from tests.fuzz.mutations import TEXT, damaged, other_document

pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")

LIMITS = Limits(zip_mb=1, unpacked_mb=2, files=12)
MODEL = b"class Model:\n    def predict(self, X):\n        return [0] * len(X)\n"
LAMBDA = json.dumps({"config": {"layers": [{"module": "keras.layers", "class_name": "Lambda", "config": {}}]}}).encode()


def saved(array: object, save=np.save) -> bytes:
    buffer = io.BytesIO()
    save(buffer, array)
    return buffer.getvalue()


def plain_zip(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


WHOLE = plain_zip(("model.py", MODEL), ("weights/a.npy", saved(np.zeros(3))), ("keras.keras", b"PK"))
INNER = st.sampled_from(
    [
        b"",
        MODEL,
        bytes(3_000_000),
        pickle.dumps({"w": 1}),
        saved(np.zeros((3, 4), np.float32)),
        saved(np.array([{}], object)),
        saved(np.zeros(3), np.savez),
        plain_zip(("data.pkl", pickle.dumps({"w": 1}))),
        plain_zip(("config.json", LAMBDA)),
        b"\x89HDF\r\n\x1a\n" + LAMBDA,
        b"\x7fELF" + bytes(60),
    ]
)
NAMES = st.one_of(
    st.sampled_from(
        ["model.py", "Model.py", "a/model.py", "a/b/model.py", "models.py", "model.py.txt", "a", "a/", "A/b", "w.npy"]
    ),
    st.sampled_from(
        ["m.keras", "w.h5", "w.pt", "w.npz", "lib.so", "__MACOSX/._x", "a/.DS_Store", "../x", "/x", "C:/x"]
    ),
    st.tuples(TEXT, TEXT).map("/".join),
    TEXT,
)


@st.composite
def zips(draw: st.DrawFn) -> bytes:
    """Build a zip of likely and unlikely members, then damage its bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for _ in range(draw(st.integers(0, 5))):
            info = zipfile.ZipInfo("x")
            info.filename = draw(NAMES) or "x"
            kinds = [0, 0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO]
            info.external_attr = (draw(st.sampled_from(kinds)) | draw(st.integers(0, 0o7777))) << 16
            info.compress_type = draw(st.sampled_from([0, 8, 8, 8, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
            tag, size = draw(st.sampled_from([1, 0x7075, 0x5455, 0xCAFE])), draw(st.integers(0, 30))
            extra = draw(st.binary(max_size=24))
            info.extra = draw(st.sampled_from([b"", tag.to_bytes(2, "little") + size.to_bytes(2, "little") + extra]))
            info.comment = draw(st.binary(max_size=5))
            content = draw(INNER)
            if content.startswith(b"PK") or draw(st.booleans()):
                content = draw(damaged(content, most=2))
            archive.writestr(info, content)
        archive.comment = draw(st.binary(max_size=5))
    # The names in the local headers differ from the directory's where a path was replaced; damage does the rest.
    return draw(st.sampled_from([buffer.getvalue(), buffer.getvalue(), WHOLE]).flatmap(damaged))


def fresh(target) -> None:
    (target.fresh() / "entry").mkdir()


@given(content=zips())
def test_any_zip_is_let_in_or_refused_with_words(target, content):
    fresh(target)
    (target.folder / "entry.zip").write_bytes(content)
    with target.case():
        try:
            notes = unpack(target.folder / "entry.zip", target.folder / "entry", LIMITS)
        except HarnessError as refusal:
            assert refusal.message.isprintable()
            assert refusal.hint
            raise
        finally:
            assert sorted(path.name for path in target.folder.iterdir()) == ["entry", "entry.zip"]
        assert (target.folder / "entry" / "model.py").is_file()
        assert all(note.isprintable() for note in notes)
        files = [path for path in (target.folder / "entry").rglob("*") if not path.is_dir()]
        assert all(path.is_file() and not path.is_symlink() for path in files)
        assert sum(path.stat().st_size for path in files) <= LIMITS.unpacked_mb * 10**6


@given(content=zips())
def test_any_zip_is_repaired_or_refused_and_what_is_repaired_is_let_in(target, content):
    fresh(target)
    (target.folder / "entry.zip").write_bytes(content)
    with target.case():
        try:
            repaired = repair(target.folder / "entry.zip", target.folder / "fixed.zip", LIMITS)
        except HarnessError:
            assert sorted(path.name for path in target.folder.iterdir()) == ["entry", "entry.zip"]
            raise
        unpack(repaired.packed.path, target.folder / "entry", LIMITS)
        assert all(line.isprintable() for line in repaired.changes)
        assert sorted(path.name for path in target.folder.iterdir()) == ["entry", "entry.zip", "fixed.zip"]


@given(data=st.data())
def test_any_keras_configuration_is_read_or_named_as_unreadable(target, data):
    fresh(target)
    config = data.draw(other_document(LAMBDA) | st.integers(100, 90_000).map(lambda deep: b'{"a":' + b"[" * deep))
    entry = plain_zip(("model.py", MODEL), ("m.keras", plain_zip(("config.json", config))))
    (target.folder / "entry.zip").write_bytes(entry)
    with target.case():
        notes = unpack(target.folder / "entry.zip", target.folder / "entry", LIMITS)
        assert all(note.isprintable() for note in notes)


ENTRY_TOML = b'runtime = "torch"\nauthors = ["A", "B"]\nrecipe = "r"\nseed = 3\nlicence = "MIT"\n'


@given(data=st.data())
def test_any_entry_toml_is_read_or_refused(target, data):
    fresh(target)
    content = data.draw(damaged(ENTRY_TOML) | st.integers(100, 9000).map(lambda deep: b"seed = " + b"[" * deep))
    (target.folder / "entry.toml").write_bytes(content)
    with target.case():
        found = read_entry_file(target.folder)
        told = (found.runtime, found.recipe, found.outside_data, found.licence, *found.authors)
        assert all(text.isprintable() for text in told) and (found.seed is None or found.seed >= 0)
