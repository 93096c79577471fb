"""Sources of images: any ``.npz``, folder or zip gives a whole set of images, or an error with words."""

from __future__ import annotations

import csv
import io
import shutil
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness.contest import ArraysSource, FolderSource, MedmnistSource
from harness.errors import SourceError
from harness.sources import arrays, folder, medmnist
from harness.sources.array_survey import survey_arrays
from harness.sources.image_set import ImageSet
from tests.fuzz.mutations import TEXT, damaged

pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")

CLASSES = ("basophil", "eosinophil", "platelet")
SHAPE = (6, 6, 3)
RNG = np.random.default_rng(9)


def plain_npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def pixels(n: int, side: int = 6) -> np.ndarray:
    return RNG.integers(0, 256, (n, side, side, 3), np.uint8)


WHOLE_ARRAYS = plain_npz(images=pixels(5), labels=np.arange(5)[:, None] % 3)
WHOLE_MEDMNIST = plain_npz(
    **{f"{split}_images": pixels(2, 28) for split in arrays.SPLITS},
    **{f"{split}_labels": np.arange(2, dtype=np.uint8)[:, None] for split in arrays.SPLITS},
)
SHAPES = st.one_of(
    st.sampled_from([(5, 6, 6, 3), (5,), (5, 1), (5, 3), (0, 6, 6, 3), (), (6, 6, 3), (5, 3, 6, 6)]),
    st.lists(st.sampled_from([0, 1, 3, 5, 6, 2**31, 2**63, 2**64, -1]), max_size=5).map(tuple),
)
DTYPES = st.sampled_from(["|u1", "<i8", ">i4", "<f8", "<f2", "|b1", "|O", "<U3", "<M8[s]", "<c8", "|V3", "|S0", "<f16"])
ODD_HEADERS = [
    b"{'descr': [('a', '|u1'), ('b', '|O')], 'fortran_order': False, 'shape': (5,)}",
    b"{'descr': '|u1', 'fortran_order': 1, 'shape': [5]}",
    b"{'descr': '|u1', 'fortran_order': False, 'shape': (5L,)}",
    b"{'descr': ('|u1', (6, 6, 3)), 'fortran_order': False, 'shape': (5,)}",
    b"(" * 90,
    b"(" * 9000,
    b"[" * 300 + b"]" * 300,
    b"-" * 9000 + b"1",
    b"'\\x00'" * 9,
    b"{1: 2}",
    b"",
    b"\xff\xfe",
    b"'''",
]
HEADERS = st.one_of(
    st.tuples(DTYPES, st.booleans(), SHAPES).map(
        lambda h: repr({"descr": h[0], "fortran_order": h[1], "shape": h[2]}).encode()
    ),
    st.sampled_from(ODD_HEADERS),
    st.binary(max_size=30),
)


@st.composite
def npy(draw: st.DrawFn) -> bytes:
    """Build a ``.npy`` file from a header that may be anything."""
    header = draw(HEADERS)
    major = draw(st.sampled_from([1, 1, 1, 2, 3, 9]))
    length = len(header).to_bytes(2 if major == 1 else 4, "little")
    content = draw(st.sampled_from([0, 5, 40, 540, 5 * 108 * 8]))
    return (
        b"\x93NUMPY" + bytes([major, 0]) + length + header + bytes(range(256)) * (content // 256) + bytes(content % 256)
    )


@st.composite
def npz(draw: st.DrawFn, keys: tuple[str, ...], whole: bytes) -> bytes:
    """Build an ``.npz`` with likely and unlikely arrays, then damage its bytes."""
    if draw(st.booleans()):
        return draw(damaged(whole))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))) as archive:
        for key in (*keys, draw(TEXT)):
            if draw(st.integers(0, 9)) == 0:
                continue
            if draw(st.booleans()):
                content = draw(npy())
            else:
                array = draw(st.sampled_from(LIKELY))
                one = io.BytesIO()
                np.save(one, array)
                content = one.getvalue()
            archive.writestr(zipfile.ZipInfo(f"{key}.npy"), content)
    return draw(st.just(buffer.getvalue()) | damaged(buffer.getvalue(), most=2))


LIKELY = (
    pixels(5),
    pixels(5).astype(np.float64),
    pixels(5) / 255,
    np.asfortranarray(pixels(5)),
    np.full((5, 6, 6, 3), np.nan, np.float16),
    np.full((5, 6, 6, 3), np.inf),
    np.full((5, 6, 6, 3), 300),
    np.arange(5)[:, None] % 3,
    np.arange(5) % 3,
    np.eye(3)[[0, 1, 2, 0, 1]],
    np.array([0.5, 1, 2, np.nan, np.inf]),
    np.array([2**64 - 1, 1, 2, 0, 1], np.uint64),
    np.array(["basophil"] * 5),
    np.zeros(5, bool),
    np.zeros(5, "M8[s]"),
    np.zeros(5, complex),
    np.float64(3),
)


def check(found: ImageSet) -> None:
    assert found.images.dtype == np.uint8
    assert len(found.images) == len(found.labels) == len(found.ids) > 0
    assert 0 <= found.labels.min() <= found.labels.max() < len(CLASSES)


@given(content=npz(("images", "labels"), WHOLE_ARRAYS))
def test_any_npz_of_arrays_is_read_or_refused_with_words(target, content):
    path = target.folder / "training_set.npz"
    path.write_bytes(content)
    with target.case():
        check(arrays.load(ArraysSource(), path, CLASSES, SHAPE))


@given(content=npz(("images", "labels", "class_names", "patient"), WHOLE_ARRAYS))
def test_any_npz_is_looked_over_or_refused_with_words(target, content):
    path = target.folder / "own.npz"
    path.write_bytes(content)
    with target.case():
        found = survey_arrays(path)
        assert found.classes and found.height and found.width


@given(content=npz(("train_images", "train_labels", "val_images"), WHOLE_MEDMNIST))
def test_any_npz_of_medmnist_is_read_or_refused_with_words(target, content):
    path = target.folder / "bloodmnist.npz"
    path.write_bytes(content)
    with target.case():
        check(medmnist.load(MedmnistSource(size=28), path, CLASSES, SHAPE, cache=target.folder / "cache"))
        assert not (target.folder / "cache").exists()


def encoded(mode: str, kind: str, side: int = 6) -> bytes:
    buffer = io.BytesIO()
    image = Image.new(mode, (side, side))
    image.save(buffer, kind)
    return buffer.getvalue()


IMAGES = [
    *(encoded(mode, "PNG") for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")),
    *(encoded(mode, "JPEG") for mode in ("RGB", "L", "CMYK")),
    encoded("RGB", "WEBP"),
    encoded("RGBA", "WEBP"),
    encoded("RGB", "PNG", 300),
    encoded("RGB", "TIFF"),
    encoded("RGB", "GIF"),
    b"",
    b"text",
]
FOLDERS = (
    st.sampled_from([*CLASSES, "Baso phil", "other", "top/basophil", "basophil/deeper", "__MACOSX", ".hidden"]) | TEXT
)
FILES = st.sampled_from(["a.png", "b.png", "c.jpg", "d.webp", "e.tif", "f.txt", "A.PNG", ".g.png"]) | TEXT.map(
    lambda text: f"{text}.png"
)


@st.composite
def class_folders(draw: st.DrawFn) -> dict[str, bytes]:
    """Draw files by path, below each class or anywhere."""
    files: dict[str, bytes] = {}
    for name in CLASSES:
        if draw(st.integers(0, 9)):
            files[f"{name}/{draw(FILES)}"] = draw(st.sampled_from(IMAGES[:13]))
    for _ in range(draw(st.integers(0, 3))):
        image = draw(st.sampled_from(IMAGES))
        files[f"{draw(FOLDERS)}/{draw(FILES)}"] = draw(st.just(image) | damaged(image, most=2, keep=8))
    return files


SETTINGS = st.builds(FolderSource, resize=st.booleans())


@given(source=SETTINGS, files=class_folders())
def test_any_folder_is_read_or_refused_with_words(target, source, files):
    root = target.folder / "images"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for name, content in files.items():
        path = root / name.replace("..", "__").lstrip("/")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError:  # a name that this system cannot have, or that is a file and a folder
            continue
    with target.case():
        check(folder.load(source, root, CLASSES, SHAPE))


@given(source=SETTINGS, files=class_folders(), data=st.data())
def test_any_zip_of_folders_is_read_or_refused_with_words(target, source, files, data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    path = target.folder / "cells.zip"
    path.write_bytes(data.draw(st.just(buffer.getvalue()) | damaged(buffer.getvalue())))
    with target.case():
        check(folder.load(source, path, CLASSES, SHAPE))


@given(source=SETTINGS, files=class_folders(), data=st.data())
def test_any_tar_of_folders_is_read_or_refused_with_words(target, source, files, data):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=data.draw(st.sampled_from(["w:", "w:gz"]))) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.type = data.draw(st.sampled_from([tarfile.REGTYPE] * 5 + [tarfile.SYMTYPE, tarfile.GNUTYPE_SPARSE]))
            archive.addfile(member, io.BytesIO(content) if member.isreg() else None)
    path = target.folder / "cells.tar"
    path.write_bytes(data.draw(st.just(buffer.getvalue()) | damaged(buffer.getvalue())))
    with target.case():
        check(folder.load(source, path, CLASSES, SHAPE))


CELLS = (
    st.sampled_from([*CLASSES, "0", "2", "3", "1.0", "train", "TEST", "p1", "a.png", "b", "images/c.png", ""]) | TEXT
)
HEADER = st.lists(st.sampled_from(["file", "label", "split", "patient", "id"]) | TEXT, max_size=5)


@given(header=HEADER, rows=st.lists(st.lists(CELLS, max_size=5), max_size=6), data=st.data())
def test_any_table_of_labels_is_read_or_refused_with_words(target, header, rows, data):
    root = target.folder / "table"
    shutil.rmtree(root, ignore_errors=True)
    (root / "images").mkdir(parents=True)
    for name in ("a.png", "b.png", "c.png"):
        (root / "images" / name).write_bytes(IMAGES[0])
    whole = [("file", "label"), ("a.png", CLASSES[0]), ("b", CLASSES[1]), ("images/c.png", CLASSES[2])]
    text = io.StringIO()
    csv.writer(text, delimiter=data.draw(st.sampled_from(",;\t"))).writerows(
        [*whole, *rows] if not header else [header, *rows]
    )
    content = text.getvalue().encode(data.draw(st.sampled_from(["utf-8", "utf-16"])), errors="replace")
    (root / "labels.csv").write_bytes(data.draw(st.just(content) | damaged(content)))
    with target.case():
        check(folder.load(FolderSource(), root, CLASSES, SHAPE))


@pytest.mark.parametrize("header", ODD_HEADERS)
def test_an_array_with_an_odd_header_is_refused(target, header):
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(540)
    with zipfile.ZipFile(target.folder / "a.npz", "w") as archive:
        archive.writestr("images.npy", content)
        archive.writestr("labels.npy", content)
    with pytest.raises(SourceError):
        arrays.load(ArraysSource(), target.folder / "a.npz", CLASSES, SHAPE)


def test_a_zip_with_a_nameless_file_is_refused(target):
    with zipfile.ZipFile(target.folder / "cells.zip", "w") as archive:
        archive.writestr("x", b"")
        archive.filelist[0].filename = ""
    with pytest.raises(SourceError, match="holds no image"):
        folder.load(FolderSource(), target.folder / "cells.zip", CLASSES, SHAPE)


def test_a_whole_source_is_read(target):
    """The counterpart: what the cases above are made of is accepted before it is damaged."""
    for name, content in (("a.npz", WHOLE_ARRAYS), ("m.npz", WHOLE_MEDMNIST)):
        (target.folder / name).write_bytes(content)
    check(arrays.load(ArraysSource(), target.folder / "a.npz", CLASSES, SHAPE))
    found = medmnist.load(MedmnistSource(size=28), target.folder / "m.npz", CLASSES, SHAPE, cache=target.folder)
    assert len(found) == 6
    with pytest.raises(SourceError, match="28 high and 28 wide"):
        arrays.load(ArraysSource(), target.folder / "m.npz", CLASSES, SHAPE)
