"""The zip check: what is let in, and the reason and the remedy for what is not."""

from __future__ import annotations

import copy
import io
import stat
import struct
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from harness.contest import Limits
from harness.errors import RefusedZip
from harness.sandbox.unpack import unpack

MODEL = ("model.py", b"class Model: pass\n")


def make(*members, method=zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of (name or ZipInfo, content) pairs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def info(name: str, mode: int = 0o644, **fields) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name)
    found.external_attr = mode << 16
    for key, value in fields.items():
        setattr(found, key, value)
    return found


@pytest.fixture
def let_in(tmp_path):
    """Return a function that unpacks bytes and gives the notes."""

    def open_door(content: bytes, **limits: int) -> tuple[str, ...]:
        path, folder = tmp_path / "entry.zip", tmp_path / "entry"
        path.write_bytes(content)
        folder.mkdir()
        return unpack(path, folder, Limits(**limits))

    return open_door


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_an_honest_zip_is_unpacked_as_it_is(let_in, tmp_path):
    members = {"model.py": MODEL[1], "weights/a.npy": bytes(range(256)) * 9, "Zellen-größe.txt": b"", "a b.txt": b"1"}
    assert let_in(make(*members.items(), ("empty/", b""))) == ()
    assert files_below(tmp_path / "entry") == members
    assert (tmp_path / "entry" / "empty").is_dir()


def test_leftovers_of_a_desktop_are_ignored_with_a_word(let_in, tmp_path):
    notes = let_in(make(MODEL, ("__MACOSX/._model.py", b"x"), ("__MACOSX/a", b"x"), ("a/.DS_Store", b"x")))
    assert notes == ("__MACOSX/ ignored (2 items).", ".DS_Store ignored (1 item).")
    assert set(files_below(tmp_path / "entry")) == {"model.py"}


def test_modes_in_the_zip_are_not_believed(let_in, tmp_path):
    let_in(make((info("model.py", stat.S_IFREG | 0o6777), b"")))
    # Nothing special, nothing to be run, nothing for all to write; whether a group may write, the umask decides.
    assert stat.S_IMODE((tmp_path / "entry" / "model.py").stat().st_mode) & 0o7113 == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../model.py", "leads out"),
        ("a/../../b", "leads out"),
        ("/etc/passwd", "leads out"),
        ("C:/x", "leads out"),
        ("a\\b", "backslash"),
        ("a//b", "empty or"),
        ("./a", "empty or"),
        ("a\x1b[2J", "invisible"),
        ("a\u202eb", "invisible"),
        ("x" * 256, "too long"),
        ("/".join("x" * 40), "too deep"),
        ("__MACOSX/../../x", "leads out"),
    ],
)
def test_a_name_that_a_folder_must_not_have_refuses_the_zip(let_in, name, words, tmp_path):
    with pytest.raises(RefusedZip, match=words):
        let_in(make(MODEL, (name, b"x")))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["entry", "entry.zip"]


def test_names_with_dots_inside_are_fine(let_in, tmp_path):
    let_in(make(MODEL, ("a..b", b""), ("..a/b..", b""), (".hidden", b"")))
    assert set(files_below(tmp_path / "entry")) == {"model.py", "a..b", "..a/b..", ".hidden"}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (stat.S_IFLNK, "symbolic link"),
        (stat.S_IFCHR, "device"),
        (stat.S_IFBLK, "device"),
        (stat.S_IFIFO, "pipe"),
        (stat.S_IFSOCK, "socket"),
    ],
)
def test_only_files_and_folders_are_let_in(let_in, kind, words):
    with pytest.raises(RefusedZip, match=words):
        let_in(make(MODEL, (info("x", kind | 0o777), b"/etc/passwd")))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("a.py", "a.py", "under one name"),
        ("a.py", "A.py", "upper and lower case"),
        ("\u00e4", "a\u0308", "under one name"),
        ("straße", "STRASSE", "upper and lower case"),
        ("a", "a/b", "file and a folder"),
        ("A", "a/b", "file and a folder"),
        ("a/b", "A/c", "upper and lower case"),
        ("a/", "A/c", "upper and lower case"),
    ],
)
def test_names_that_collide_somewhere_refuse_the_zip(let_in, first, second, words):
    with pytest.raises(RefusedZip, match=words):
        let_in(make(MODEL, (first, b"1"), (second, b"2")))


def test_a_name_that_is_not_utf8_refuses_the_zip_and_an_undeclared_utf8_name_does_not(let_in, tmp_path):
    named = make(MODEL, ("zz", b"1"))
    with pytest.raises(RefusedZip, match="not UTF-8"):
        let_in(named.replace(b"zz", b"\xe4\xe4"))
    (tmp_path / "entry").rmdir()
    let_in(named.replace(b"zz", "ä".encode()))
    assert set(files_below(tmp_path / "entry")) == {"model.py", "ä"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no zip file"),
        (b"hello", "no zip file"),
        (b"\x1f\x8b\x08" + bytes(50), "gzip"),
        (b"\x89HDF\r\n\x1a\n" + bytes(50), "HDF5"),
        (make(MODEL)[:-10], "cut short"),
        (make(MODEL)[: len(make(MODEL)) // 2], "cut short"),
        (make(MODEL) + b"more", "after its end"),
        (b"#!/bin/sh\n" + make(MODEL), "no zip file"),
        (make(), "no file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # the bytes of a zip hold the time
)
def test_what_is_no_whole_zip_is_refused(let_in, content, words):
    with pytest.raises(RefusedZip, match=words):
        let_in(content)


def test_a_tar_is_refused(let_in):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.py"))
    with pytest.raises(RefusedZip, match="no zip file"):
        let_in(buffer.getvalue())


def test_one_changed_byte_is_found_by_the_checksum(let_in):
    content = bytearray(make(MODEL, ("w", b"0123456789" * 50), method=zipfile.ZIP_STORED))
    content[content.index(b"0123456789") + 7] ^= 1
    with pytest.raises(RefusedZip, match="damaged"):
        let_in(bytes(content))


def test_an_encrypted_zip_is_refused(let_in):
    content = bytearray(make(MODEL))
    content[6] |= 1  # in the local header, and in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(RefusedZip, match="encrypted"):
        let_in(bytes(content))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_that_cannot_be_metered_is_refused(let_in, method):
    with pytest.raises(RefusedZip, match="expected deflate"):
        let_in(make(MODEL, method=method))


def test_stored_members_are_let_in(let_in):
    assert let_in(make(MODEL, method=zipfile.ZIP_STORED)) == ()


def test_too_many_files_are_refused_and_as_many_as_allowed_are_not(let_in, tmp_path):
    members = [(f"d/{i}", b"") for i in range(20)]
    with pytest.raises(RefusedZip, match="lists 21 files, expected at most 20"):
        let_in(make(MODEL, *members), files=20)
    (tmp_path / "entry").rmdir()
    let_in(make(MODEL, *members), files=21)


def test_a_directory_of_endless_names_is_refused_before_it_is_read(let_in):
    members = [("d/" + "x" * 200 + "/" + str(i), b"") for i in range(400)]
    with pytest.raises(RefusedZip, match="files"):
        let_in(make(MODEL, *members), files=100)


def test_a_zip_that_is_too_large_is_refused_packed_or_unpacked(let_in, tmp_path):
    zeros = make(MODEL, ("zeros", bytes(3_000_000)))
    noise = make(MODEL, ("noise", bytes(1_500_000)), method=zipfile.ZIP_STORED)
    with pytest.raises(RefusedZip, match="unpacks to more than 2 MB"):
        let_in(zeros, unpacked_mb=2)
    for path in (tmp_path / "entry").iterdir():
        path.unlink()
    (tmp_path / "entry").rmdir()
    with pytest.raises(RefusedZip, match=r"has 1\.5 MB, expected at most 1 MB"):
        let_in(noise, zip_mb=1)
    (tmp_path / "entry").rmdir()
    let_in(zeros, unpacked_mb=4, zip_mb=1)


def test_a_bomb_is_refused_by_its_ratio(let_in, tmp_path):
    with pytest.raises(RefusedZip, match="as only a bomb does"):
        let_in(make(MODEL, ("bomb", bytes(60_000_000))))
    assert (tmp_path / "entry" / "bomb").stat().st_size < 25_000_000


def test_a_header_that_claims_little_does_not_let_much_in(let_in):
    """The claim in the directory is 1 byte; 5 MB lie behind it."""
    content = bytearray(make(MODEL, ("bomb", bytes(5_000_000))))
    at = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 4)
    content[at + 24 : at + 28] = struct.pack("<I", 1)
    with pytest.raises(RefusedZip, match="damaged"):
        let_in(bytes(content), unpacked_mb=1)


def test_a_bomb_inside_the_zip_stays_packed_and_costs_nothing(let_in, tmp_path):
    """Nine levels of zips, a gigabyte at the bottom, ten times as much at each level up."""
    bomb = make(("zeros", bytes(1_000_000)))
    for level in range(9):
        bomb = make(*((f"{level}-{copy}.zip", bomb) for copy in range(10)))
    started = time.process_time()
    notes = let_in(make(MODEL, ("bomb.zip", bomb)))
    assert time.process_time() - started < 20
    assert files_below(tmp_path / "entry") == {"model.py": MODEL[1], "bomb.zip": bomb}
    assert notes == ("Not searched for code: 'bomb.zip' (an archive).",)


def test_members_that_share_their_bytes_are_refused_and_neighbours_are_not(let_in, tmp_path):
    """A bomb needs little room when many names in the directory lead to one member."""
    honest = make(*((name, bytes(100_000)) for name in ("model.py", "a", "b", "c")), method=zipfile.ZIP_STORED)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("model.py", bytes(100_000))
        for name in ("a", "b", "c"):
            twin = copy.copy(archive.filelist[0])
            twin.filename = twin.orig_filename = name
            archive.filelist.append(twin)
    with pytest.raises(RefusedZip, match="overlap"):
        let_in(buffer.getvalue())
    (tmp_path / "entry").rmdir()
    assert let_in(honest) == ()


@pytest.mark.parametrize(
    ("names", "message", "hint"),
    [
        (["team/model.py", "team/w.npy"], "in the folder 'team'", "hemobench pack entry.zip --fix -o fixed.zip"),
        (["a/b/model.py"], "in the folder 'a/b'", "hemobench pack entry.zip --fix -o fixed.zip"),
        (["Model.py"], "but 'Model.py'", "Rename it to model.py"),
        (["models.py", "w.npy"], "but 'models.py'", "hemobench pack entry.zip --fix -o fixed.zip"),
        (["model.ipynb"], "but 'model.ipynb'", "jupyter nbconvert"),
        (["submission.zip"], "it holds a zip: 'submission.zip'", "Hand in the inner zip"),
        (["a.zip", "b.zip"], "it holds zips: 'a.zip', 'b.zip'", "the one that is the entry"),
        (["predictions.csv"], "it has 'predictions.csv'", "Code is scored, not predictions."),
        (["weights.keras"], "it has 'weights.keras'", "hemobench new"),
    ],
)
def test_a_missing_model_py_is_named_with_where_it_was(let_in, names, message, hint):
    with pytest.raises(RefusedZip) as caught:
        let_in(make(*((name, b"") for name in names)))
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_second_model_py_deeper_down_is_fine(let_in):
    assert let_in(make(MODEL, ("backup/model.py", b""))) == ()
