"""Any folder, zip, tar or table of images becomes a source, and nothing of it is left out without a word."""

import bz2
import csv
import gzip
import importlib.util
import io
import lzma
import os
import random
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from PIL import Image

from harness.contest import SHIPPED, Columns, FolderSource, read_contest
from harness.errors import SourceError
from harness.sources import load_source
from harness.sources.containers import entries_of
from harness.sources.folder import load
from harness.sources.image_set import ImageSet
from harness.sources.survey import survey

pytestmark = pytest.mark.usefixtures("reads_in_one_process")

CLASSES = ("disc", "square", "Plättchen")
SHAPE = (8, 8, 3)
BARE = FolderSource()


def pixels(seed: int, height: int = 8, width: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(array: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


def put(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def files(top: str = "", each: int = 2, names: tuple[str, ...] = CLASSES) -> dict[str, bytes]:
    """Images by path: `each` of every class, no two alike."""
    return {
        f"{top}{name}/{i}.png": encoded(pixels(1000 * len(top) + 10 * label + i))
        for label, name in enumerate(names)
        for i in range(each)
    }


def taken(path: Path, source: FolderSource = BARE, **options: Any) -> ImageSet:
    return load(source, path, CLASSES, SHAPE, **options)


def image_of(got: ImageSet, name: str) -> np.ndarray:
    return got.images[got.ids.index(name)]


def refusal(path: Path, source: FolderSource = BARE, **options: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        taken(path, source, **options)
    assert caught.value.hint, "a refusal says what to do"
    return caught.value


def table(rows: list[tuple[str, ...]], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue().encode(encoding)


# Names


def test_the_published_blood_cells_freeze_by_the_shipped_contest_alone(tmp_path):
    contest = read_contest(SHIPPED / "blood-cells-folder.toml")
    published = ("basophil", "eosinophil", "erythroblast", "ig", "lymphocyte", "monocyte", "neutrophil", "platelet")
    for label, name in enumerate(published):
        put(tmp_path, {f"PBC_dataset_normal_DIB/{name}/{name}_{label}.jpg": encoded(pixels(label, 363, 360), "JPEG")})
    put(tmp_path, {"PBC_dataset_normal_DIB/neutrophil/.DS_169665.jpg": encoded(pixels(1, 363, 360), "JPEG")})
    got = load_source(contest, tmp_path, cache=tmp_path)
    assert got.images.shape == (8, 96, 96, 3)
    assert "immature_granulocyte/ig_3.jpg" in got.ids
    assert got.ignored == {"hidden, or left behind by a system": ("PBC_dataset_normal_DIB/neutrophil/.DS_169665.jpg",)}


def test_an_alias_and_its_class_are_one_name_and_an_alias_of_no_class_is_refused(tmp_path):
    put(tmp_path, files(names=("Disk", "square", "Plättchen")))
    assert "'Disk' is none" in refusal(tmp_path).message
    source = FolderSource(aliases={"disk": "disc"})
    assert taken(tmp_path, source).ids[0] == "Plättchen/0.png"
    put(tmp_path, {"disc/9.png": encoded(pixels(9))})
    assert "are both the class disc" in refusal(tmp_path, source).message
    text = (SHIPPED / "blood-cells-folder.toml").read_text(encoding="utf-8")
    (tmp_path / "a.toml").write_text(text.replace('= "immature_granulocyte"', '= "immature"'), encoding="utf-8")
    with pytest.raises(Exception, match="'ig' stands for 'immature', which is none of class_names"):
        read_contest(tmp_path / "a.toml")


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKD"])
@pytest.mark.parametrize("kind", ["folder", "zip", "zip without flag", "tar", "table"])
def test_spellings_of_unicode_are_one_name_wherever_they_stand(tmp_path, form, kind):
    spelt = unicodedata.normalize(form, "Plättchen")
    lying = {unicodedata.normalize(form, name): data for name, data in files().items()}
    match kind:
        case "folder":
            got = taken(put(tmp_path, lying))
        case "zip" | "zip without flag":
            with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
                for name, data in lying.items():
                    archive.writestr(name, data)
            data = (tmp_path / "a.zip").read_bytes()
            if kind == "zip without flag":  # as many programs write it
                for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
                    for at in [i for i in range(len(data)) if data[i : i + 4] == start]:
                        bits = struct.unpack_from("<H", data, at + flags)[0] & ~0x800
                        data = data[: at + flags] + struct.pack("<H", bits) + data[at + flags + 2 :]
                (tmp_path / "a.zip").write_bytes(data)
            got = taken(tmp_path / "a.zip")
        case "tar":
            got = taken(tarred(tmp_path / "a.tar", lying))
        case _:
            rows = [("file", "label"), *((f"{i}.png", spelt if i > 1 else CLASSES[i]) for i in range(4))]
            put(tmp_path, {f"{i}.png": encoded(pixels(i)) for i in range(4)} | {"labels.csv": table(rows)})
            got = taken(tmp_path)
    assert 2 in got.labels and all(name == unicodedata.normalize("NFC", name) for name in got.ids)


def test_two_files_that_differ_in_their_spelling_alone_are_named(tmp_path):
    put(tmp_path, files() | {unicodedata.normalize(f, "disc/ä.png"): encoded(pixels(5)) for f in ("NFC", "NFD")})
    assert "in two spellings of Unicode" in refusal(tmp_path).message


def test_classes_that_differ_in_their_spelling_alone_are_refused(tmp_path):
    put(tmp_path, files())
    with pytest.raises(SourceError, match="have one name but for case"):
        load(BARE, tmp_path, ("disc", "Disc"), SHAPE)


# Folders


@pytest.mark.parametrize(
    ("names", "known"),
    [
        (("train", "val", "test"), ("train", "val", "test")),
        (("Training", "VALIDATION", "testing"), ("train", "val", "test")),
        (("seg_train/seg_train", "seg_test/seg_test"), ("train", "test")),
        (("data/train_set", "data/dev", "data/Test"), ("train", "val", "test")),
    ],
)
def test_splits_above_the_class_folders_are_known_and_kept_or_pooled(tmp_path, names, known):
    for name in names:
        put(tmp_path, files(f"{name}/"))
    got = taken(tmp_path)
    assert len(got) == 6 * len(names)
    assert [name.startswith("test/") for name in got.ids] == got.official_hidden.tolist()
    assert got.official_hidden.sum() == 6
    assert {name.split("/")[0] for name in got.ids} == set(known)
    assert "test 6" in got.provenance["splits of the source"]
    assert "hidden test" in got.provenance["splits of the source"]
    pooled = taken(tmp_path, FolderSource(splits="pool"))
    assert pooled.official_hidden is None and pooled.ids == got.ids
    assert "all are split anew" in pooled.provenance["splits of the source"]


def test_a_class_that_is_called_like_a_split_is_a_class(tmp_path):
    put(tmp_path, files(names=("test", "square", "Plättchen")))
    got = load(BARE, tmp_path, ("test", "square", "Plättchen"), SHAPE)
    assert got.official_hidden is None and got.ids[-1] == "test/1.png"


def test_what_lies_beside_the_splits_or_has_no_class_is_refused_until_it_is_ignored(tmp_path):
    put(tmp_path, files("train/") | {f"test/{i}.png": encoded(pixels(i)) for i in range(3)})
    assert refusal(tmp_path).message.startswith("The image test/0.png lies in no class folder")
    got = taken(tmp_path, FolderSource(ignore=("test",)))
    assert len(got) == 6 and len(got.ignored["named in ignore"]) == 3
    put(tmp_path, {"extra/disc/1.png": encoded(pixels(1))})
    assert "'extra' lies beside" in refusal(tmp_path).message
    put(tmp_path, files("Training/"))
    assert "are both one split" in refusal(tmp_path).message


@pytest.mark.parametrize(
    ("words", "left"), [(("unsure",), 2), (("Un-Sure",), 2), (("unsure/*",), 2), (("*/0.png", "unsure"), 5)]
)
def test_folders_and_files_are_left_out_as_the_contest_file_says_and_a_word_without_use_is_refused(
    tmp_path, words, left
):
    put(tmp_path, files() | {f"unsure/{i}.png": encoded(pixels(i)) for i in range(2)})
    error = refusal(tmp_path)
    assert 'ignore = ["unsure"]' in error.hint and "Did you mean" not in error.hint
    got = taken(tmp_path, FolderSource(ignore=words))
    assert len(got.ignored["named in ignore"]) == left and len(got) == 8 - left
    assert "'unsrue', which is nowhere" in refusal(tmp_path, FolderSource(ignore=("unsrue",))).message


# Content


@pytest.mark.parametrize("name", ["9.jpg", "9", "9.DAT", "9.png.bak", "9.jfif", "9.JPE"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
def test_an_image_is_known_by_its_first_bytes_whatever_it_is_called(tmp_path, kind, name):
    put(tmp_path, files() | {f"disc/{name}": encoded(np.full(SHAPE, 90, np.uint8), kind)})
    got = taken(tmp_path)
    row = got.ids.index(f"disc/{name}")
    assert np.abs(got.images[row].astype(int) - 90).max() <= 3
    assert not got.ignored


@pytest.mark.parametrize("options", [{"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}, {}])
@pytest.mark.parametrize("mode", ["RGB", "L", "I;16"])
def test_tiff_is_read_packed_and_not_and_of_several_pages_the_first(tmp_path, options, mode):
    image = Image.fromarray(pixels(1)).convert("L" if mode != "RGB" else "RGB")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 256 + 255)
    put(tmp_path, files())
    image.save(tmp_path / "disc" / "9.tif", save_all=True, append_images=[Image.new(image.mode, (8, 8))], **options)
    got = taken(tmp_path)
    expected = Image.fromarray(pixels(1)).convert("L" if mode != "RGB" else "RGB").convert("RGB")
    np.testing.assert_array_equal(image_of(got, "disc/9.tif"), np.asarray(expected))
    assert got.provenance["first frame taken"] == "of 1 image with several"


def test_of_a_moving_gif_the_first_frame_is_taken(tmp_path):
    put(tmp_path, files())
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (200, 0, 90)]
    frames[0].save(tmp_path / "disc" / "9.gif", save_all=True, append_images=frames[1:])
    assert image_of(taken(tmp_path), "disc/9.gif").max() == 200


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("notes.txt", b"P3 is the third patient", "a text"),
        ("BMI.txt", b"BMI of all patients", "a text"),
        ("scan.pdf", b"%PDF-1.7", "a PDF"),
        ("model.bin", b"\x01\x02\xff\xfe" * 9, "no image"),
        ("empty.dat", b"", "an empty file"),
        ("more.zip", b"PK\x03\x04", "a zip"),
        ("movie.mp4", b"\0\0\0\x18ftypmp42", "a video (MP4 or MOV)"),
        ("sizes.csv", b"height,width\n1,2\n", "a table without a column for files"),
    ],
)
def test_what_is_no_image_is_left_out_with_the_reason(tmp_path, name, data, reason):
    put(tmp_path, files() | {f"disc/{name}": data})
    got = taken(tmp_path)
    assert got.ignored == {reason: (f"disc/{name}",)}
    assert f"1 {reason} (disc/{name})" in got.provenance["files ignored"]


def test_a_raw_file_of_a_camera_is_not_taken_for_its_small_preview(tmp_path):
    put(tmp_path, files() | {"disc/9.NEF": encoded(pixels(1), "TIFF")})
    assert "it is a camera's raw file" in refusal(tmp_path).message


# Depth and size


def deep(values: np.ndarray, kind: int = 0) -> bytes:
    """Return a PNG of 16 bits from values of shape (h, w, c)."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    height, width = values.shape[:2]
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)), (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


@pytest.mark.parametrize("bits", [9, 10, 12, 14])
@pytest.mark.parametrize("form", ["grey PNG", "RGB PNG", "RGBA PNG", "grey TIFF", "RGB PPM"])
def test_images_of_fewer_than_sixteen_bits_are_never_black_without_a_word(tmp_path, bits, form):
    channels = {"RGB PNG": 3, "RGBA PNG": 4, "RGB PPM": 3}.get(form, 1)
    values = np.random.default_rng(1).integers(0, 2**bits, (8, 8, channels), dtype=np.uint16)
    values[0, 0, 0] = 2**bits - 1
    if channels == 4:
        values[..., 3] = 65535
    put(tmp_path, files())
    if form == "grey TIFF":
        Image.fromarray(values[..., 0]).save(tmp_path / "disc" / "9.png", "TIFF")
    elif form == "RGB PPM":
        (tmp_path / "disc" / "9.png").write_bytes(b"P6 8 8 65535\n" + values.astype(">u2").tobytes())
    else:
        (tmp_path / "disc" / "9.png").write_bytes(deep(values, {1: 0, 3: 2, 4: 6}[channels]))
    error = refusal(tmp_path)
    assert f"{bits} of 16 bits are used" in error.message and f"levels = {2**bits}" in error.hint
    got = taken(tmp_path, FolderSource(levels=2**bits))
    expected = values[..., :3].astype(np.int64) * 256 // 2**bits
    np.testing.assert_array_equal(image_of(got, "disc/9.png"), np.broadcast_to(expected, SHAPE))
    assert got.provenance["16-bit values"] == f"v became floor(256 v / {2**bits})"
    as_they_are = taken(tmp_path, FolderSource(levels=65536))
    np.testing.assert_array_equal(image_of(as_they_are, "disc/9.png"), np.broadcast_to(values[..., :3] >> 8, SHAPE))


def test_a_netpbm_image_that_states_its_largest_value_needs_no_levels(tmp_path):
    values = np.random.default_rng(1).integers(0, 4096, (8, 8, 3), dtype=np.uint16)
    put(tmp_path, files())
    for magic, channels in ((b"P5", 1), (b"P6", 3)):
        (tmp_path / "disc" / "9.ppm").write_bytes(
            magic + b" 8 8 4095\n" + values[..., :channels].astype(">u2").tobytes()
        )
        got = image_of(taken(tmp_path), "disc/9.ppm")
        assert np.abs(got.astype(int) - values[..., :channels] // 16).max() <= 1
    (tmp_path / "disc" / "9.ppm").write_bytes(b"P3 1 1 4095\n1 2 3\n")
    assert "written in digits" in refusal(tmp_path, FolderSource(resize=True)).message


def test_images_of_full_sixteen_bits_need_nothing_stated(tmp_path):
    values = np.full((8, 8, 1), 50_000, np.uint16)
    put(tmp_path, files() | {"disc/9.png": deep(values)})
    assert image_of(taken(tmp_path), "disc/9.png").max() == 50_000 >> 8


def test_a_large_photograph_is_reduced_while_it_is_decoded_or_refused_with_its_setting(tmp_path):
    photograph = np.kron(np.arange(96, dtype=np.uint8).reshape(8, 12), np.ones((150, 150), np.uint8))  # 2.2 megapixels
    large = np.repeat(photograph[..., np.newaxis], 3, axis=2)
    put(tmp_path, files() | {"disc/9.jpg": encoded(large, "JPEG")})
    assert "1800 wide and 1200 high" in refusal(tmp_path, FolderSource(megapixels=1)).message
    whole, reduced = (taken(tmp_path, FolderSource(resize=True, megapixels=mega)) for mega in (3, 1))
    assert np.abs(image_of(whole, "disc/9.jpg").astype(int) - image_of(reduced, "disc/9.jpg")).max() <= 2
    assert "reduced while decoding" in reduced.provenance and "reduced while decoding" not in whole.provenance
    put(tmp_path, {"disc/9.jpg": encoded(large)})
    error = refusal(tmp_path, FolderSource(resize=True, megapixels=1))
    assert "is 1800 × 1200 pixels, expected at most 1 million" in error.message and "megapixels = 3" in error.hint


# Tars


def tarred(path: Path, lying: dict[str, bytes], special: tuple[tarfile.TarInfo, ...] = ()) -> Path:
    packed = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}.get(path.suffix, open)
    with packed(path, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
        for member in special:
            archive.addfile(member)
        for name, data in lying.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz.gz"])
def test_a_tar_gives_what_its_folder_gives_in_whatever_order_it_was_made(tmp_path, suffix):
    lying = files("cells/", each=9)
    folder = taken(put(tmp_path / "folder", lying))
    shuffled = sorted(lying, key=lambda name: name[::-1])
    got = taken(tarred(tmp_path / f"a{suffix}", {f"./{name}": lying[name] for name in shuffled}))
    assert got.ids == folder.ids
    np.testing.assert_array_equal(got.images, folder.images)
    assert len(got.provenance["sha256"]) == 64
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", "folder"]  # nothing was unpacked


def special(name: str, kind: bytes, to: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, to
    return member


def test_links_and_devices_in_a_tar_are_named_and_never_followed(tmp_path):
    odd = (
        special("notes", tarfile.SYMTYPE, "/etc/passwd"), special("hard", tarfile.LNKTYPE, "disc/0.png"),
        special("pipe", tarfile.FIFOTYPE), special("null", tarfile.CHRTYPE),
    )  # fmt: skip
    got = taken(tarred(tmp_path / "a.tar.gz", files(), odd))
    assert got.ignored == {"a link": ("hard", "notes"), "a pipe": ("pipe",), "a device": ("null",)}
    link = special("disc/9.png", tarfile.SYMTYPE, "/etc/passwd")
    assert refusal(tarred(tmp_path / "b.tar", files(), (link,))).message.startswith("disc/9.png cannot be read: a link")


@pytest.mark.parametrize("name", ["../disc/9.png", "/disc/9.png", "disc/\x1b[2J.png"])
def test_names_in_a_tar_that_leave_the_folder_or_control_a_terminal_are_refused(tmp_path, name):
    error = refusal(tarred(tmp_path / "a.tar", files() | {name: encoded(pixels(1))}))
    assert "is no name for an image" in error.message and "\x1b" not in error.message


def test_a_tar_that_holds_a_name_twice_is_refused(tmp_path):
    lying = files()
    assert "twice" in refusal(tarred(tmp_path / "a.tar", lying | {"./disc/0.png": lying["disc/0.png"]})).message


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz", ".tar.bz2"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.85])
def test_a_tar_that_was_cut_is_refused_and_not_read_in_part(tmp_path, suffix, share):
    path = tarred(
        tmp_path / f"a{suffix}",
        {f"{name}.{i}": os.urandom(9000) if i else data for name, data in files().items() for i in range(3)},
    )
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert refusal(path).message.startswith(f"a{suffix} is ")


def test_any_damage_to_a_header_of_a_tar_is_read_whole_or_refused(tmp_path):
    path = tarred(tmp_path / "a.tar", files())
    whole, dice = path.read_bytes(), random.Random(5)
    all_there = {entry.path for batch in entries_of(path) for entry in batch}
    headers = [at for at in range(0, len(whole), 512) if whole[at + 257 : at + 262] == b"ustar"]
    for _ in range(60):
        data = bytearray(whole)
        data[dice.choice(headers) + dice.randrange(148, 156)] ^= 1 << dice.randrange(7)  # its sum
        path.write_bytes(data)
        try:
            found = {entry.path for batch in entries_of(path) for entry in batch}
        except SourceError as error:
            assert "tar" in error.message or "expected a folder" in error.message
        else:
            assert found == all_there


def test_a_bomb_in_a_tar_is_refused_before_it_is_unpacked(tmp_path):
    huge = tarfile.TarInfo("disc/9.png")
    huge.size = 3_000_000_000
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(huge.tobuf()))
    assert "200-fold" in refusal(tmp_path / "a.tar.gz").message


# Other containers


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("x.npy", b"\x93NUMPY\x01\0", "a NumPy array"),
        ("x.h5", b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        ("x.pkl", b"\x80\x04\x95", "a pickle"),
        ("x.7z", b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
        ("x.rar", b"Rar!\x1a\x07", "a RAR archive"),
        ("x.tar.zst", b"\x28\xb5\x2f\xfd", "a Zstandard file"),
        ("x.jpg", b"\xff\xd8\xff\xe0", "a JPEG"),
        ("x.html", b"<!DOCTYPE html>", "a web page"),
    ],
)
def test_what_is_no_folder_and_no_archive_is_named_by_its_first_bytes(tmp_path, name, data, what):
    (tmp_path / name).write_bytes(data)
    error = refusal(tmp_path / name)
    assert error.message.startswith(f"{name} is {what}, expected a folder, a zip or a tar")


def test_a_zip_of_deflate64_is_named_with_the_way_out(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, data in files().items():
            archive.writestr(name, data)
    packed = bytearray((tmp_path / "a.zip").read_bytes())
    packed[packed.index(b"PK\x01\x02") + 10] = 9
    (tmp_path / "a.zip").write_bytes(packed)
    error = refusal(tmp_path / "a.zip")
    assert "Deflate64" in error.message and "not damaged" in error.message and "name the folder" in error.hint


# Tables


NAMES = [f"{i}.png" for i in range(6)]
ROWS = [("file", "label"), *zip(NAMES, [*CLASSES, *CLASSES], strict=True)]


def lying_flat(root: Path, top: str = "images/") -> Path:
    return put(root, {f"{top}{name}": encoded(pixels(i)) for i, name in enumerate(NAMES)})


@pytest.mark.parametrize(
    "header", [("file", "label"), ("image_id", "dx"), ("Filename", "Class"), ("path", "target"), ("id", "label")]
)
@pytest.mark.parametrize("form", ["csv", "semicolons", "tsv", "utf-16", "cp1252", "bom"])
def test_a_table_gives_the_labels_whatever_it_is_written_in(tmp_path, header, form):
    rows = [header, *ROWS[1:]]
    data = {
        "csv": table(rows), "semicolons": table(rows, ";"), "tsv": table(rows, "\t"),
        "utf-16": table(rows, "\t", "utf-16"), "cp1252": table(rows, ";", "cp1252"),
        "bom": table(rows, ",", "utf-8-sig"),
    }[form]  # fmt: skip
    lying_flat(tmp_path)
    put(tmp_path, {"labels.tsv" if form == "tsv" else "labels.csv": data})
    got = taken(tmp_path)
    assert got.ids == tuple(f"images/{name}" for name in NAMES)
    assert got.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert header[0] in got.provenance["labels"] and header[1] in got.provenance["labels"]
    assert got.groups is None and not got.ignored


@pytest.mark.parametrize("spell", ["{}", "images/{}", "./images/{}", "images\\{}", "/home/a/data/images/{}", "stem"])
def test_a_row_names_its_file_by_path_by_name_or_without_its_suffix(tmp_path, spell):
    rows = [(name[:-4] if spell == "stem" else spell.format(name), label) for name, label in ROWS[1:]]
    put(lying_flat(tmp_path), {"labels.csv": table([ROWS[0], *rows])})
    assert taken(tmp_path).labels.tolist() == [0, 1, 2, 0, 1, 2]


def test_the_table_may_be_the_source_and_lie_beside_the_images_in_folder_zip_or_tar(tmp_path):
    lying = {f"images/{name}": encoded(pixels(i)) for i, name in enumerate(NAMES)} | {"labels.csv": table(ROWS)}
    put(tmp_path / "folder", lying | {"other.csv": table(ROWS)})
    assert "stand in labels.csv and in other.csv" in refusal(tmp_path / "folder").message
    beside = taken(tmp_path / "folder" / "labels.csv")
    named = taken(tmp_path / "folder", FolderSource(table="labels.csv"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, data in lying.items():
            archive.writestr(name, data)
    for got in (beside, named, taken(tmp_path / "a.zip"), taken(tarred(tmp_path / "a.tar.gz", lying))):
        assert got.ids == tuple(f"images/{name}" for name in NAMES)
        np.testing.assert_array_equal(got.images, beside.images)


def test_rows_without_a_file_and_files_without_a_row_are_named(tmp_path):
    rows = [*ROWS, ("gone.png", "disc"), ("lost.png", "square")]
    put(lying_flat(tmp_path), {"labels.csv": table(rows), "images/new.png": encoded(pixels(9))})
    got = taken(tmp_path)
    assert got.ignored == {
        "a row of labels.csv without a file": ("gone.png", "lost.png"),
        "no row in labels.csv": ("images/new.png",),
    }
    put(tmp_path, {"labels.csv": table([ROWS[0], *((f"x{name}", label) for name, label in ROWS[1:])])})
    assert "No row of labels.csv names an image that is there" in refusal(tmp_path).message


def test_labels_may_be_numbers_in_the_order_of_the_classes_or_aliases(tmp_path):
    lying_flat(tmp_path)
    for labels in (("0", "1", "2"), ("0.0", "1.0", "2.0"), ("Disk", "square", "plättchen")):
        rows = list(zip(NAMES, 2 * labels, strict=True))
        put(tmp_path, {"labels.csv": table([ROWS[0], *rows])})
        assert taken(tmp_path, FolderSource(aliases={"disk": "disc"})).labels.tolist() == [0, 1, 2, 0, 1, 2]
    put(tmp_path, {"labels.csv": table([ROWS[0], *zip(NAMES, "123123", strict=True)])})
    error = refusal(tmp_path)
    assert "'3' (2 rows)" in error.message and "numbers from 0 to 2" in error.message


def test_odd_labels_are_named_with_their_counts_and_can_be_ignored(tmp_path):
    rows = [*ROWS[:-1], (NAMES[5], "unsure")]
    put(lying_flat(tmp_path), {"labels.csv": table(rows)})
    assert "'unsure' (1 rows)" in refusal(tmp_path).message
    put(tmp_path, {"labels.csv": table([*rows, ("6.png", "")]), "images/6.png": encoded(pixels(7))})
    got = taken(tmp_path, FolderSource(ignore=("unsure",)))
    assert got.ignored == {
        "labelled unsure, which is named in ignore": ("images/5.png",),
        "no label in labels.csv": ("images/6.png",),
    }


def test_splits_and_groups_of_a_table_are_kept(tmp_path):
    splits = ("train", "Training", "val", "TEST", "test", "train")
    groups = ("p1", "p1", "p2", "p3", "p3", "")
    rows = [(*row, s, g) for row, s, g in zip(ROWS[1:], splits, groups, strict=True)]
    put(lying_flat(tmp_path), {"labels.csv": table([("file", "label", "fold", "patient_id"), *rows])})
    got = taken(tmp_path)
    assert got.official_hidden.tolist() == [False, False, False, True, True, False]
    assert got.groups == groups
    assert taken(tmp_path, FolderSource(splits="pool")).official_hidden is None


def test_a_column_may_be_called_anything_where_the_contest_file_names_it(tmp_path):
    rows = [(name, label, "x", "s1") for name, label in ROWS[1:]]
    put(lying_flat(tmp_path), {"labels.csv": table([("datei", "klasse", "file", "bogen"), *rows])})
    source = FolderSource(columns=Columns(file="datei", label="klasse"))
    got = taken(tmp_path, source, group="bogen")
    assert got.labels.tolist() == [0, 1, 2, 0, 1, 2] and set(got.groups) == {"s1"}
    assert "no column 'klase'" in refusal(tmp_path, FolderSource(columns=Columns(label="klase"))).message
    assert "no column 'patient'" in refusal(tmp_path, source, group="patient").message
    error = refusal(tmp_path, FolderSource(columns=Columns(file="datei", label="klasse", split="file")))
    assert "holds 'x', expected train, val or test" in error.message


def test_a_table_without_labels_adds_groups_to_class_folders(tmp_path):
    lying = files()
    rows = [(name, f"p{i % 3}") for i, name in enumerate(lying)]
    put(tmp_path, lying | {"patients.csv": table([("file", "patient"), *rows])})
    got = taken(tmp_path)
    assert got.groups == tuple(dict(rows)[name] for name in got.ids)
    put(tmp_path, {"labels.csv": table([("file", "label"), ("0.png", "disc")])})
    assert list(taken(tmp_path).ignored) == ["a table beside class folders: to take it, write table under [source]"]


def test_tables_named_after_the_splits_are_taken_together(tmp_path):
    lying_flat(tmp_path)
    put(tmp_path, {"train.csv": table(ROWS[:4]), "test.csv": table([ROWS[0], *ROWS[4:]])})
    assert taken(tmp_path).official_hidden.tolist() == [False] * 3 + [True] * 3


def test_a_row_that_fits_two_files_and_two_rows_that_disagree_are_named(tmp_path):
    put(lying_flat(tmp_path), {"labels.csv": table([*ROWS, (NAMES[0], "square")])})
    assert "says two things of images/0.png" in refusal(tmp_path).message
    put(tmp_path, {"labels.csv": table([*ROWS, ROWS[1]])})
    assert taken(tmp_path).ignored == {"a second row of labels.csv": ("0.png",)}
    put(tmp_path, {"labels.csv": table(ROWS), "more/0.png": encoded(pixels(1))})
    assert "fits images/0.png and more/0.png" in refusal(tmp_path).message


@pytest.mark.parametrize(
    "data", [b"\0" * 40, b'file,label\n"a', b"", b"\xff\xfe\x00", b"file,label\n" + b"a" * 200_000]
)
def test_a_table_that_is_none_is_refused_in_words(tmp_path, data):
    put(lying_flat(tmp_path), {"labels.csv": data})
    refusal(tmp_path)


def test_a_table_whose_columns_are_not_known_is_named_where_labels_are_missed(tmp_path):
    rows = [("datei", "klasse"), *ROWS[1:]]
    put(lying_flat(tmp_path), {"labels.csv": table(rows)})
    assert "The table labels.csv has the columns datei, klasse" in refusal(tmp_path).hint
    put(lying_flat(tmp_path, ""), {})
    assert "[source.columns]" in refusal(tmp_path).hint


def test_a_table_beside_the_folder_is_named_where_labels_are_missed_and_taken_as_the_source(tmp_path):
    put(lying_flat(tmp_path), {"labels.csv": table(ROWS)})
    assert "labels.csv lies beside it" in refusal(tmp_path / "images").hint
    assert taken(tmp_path / "labels.csv").labels.tolist() == [0, 1, 2, 0, 1, 2]


def test_parquet_without_its_library_is_said(tmp_path):
    lying_flat(tmp_path)
    if importlib.util.find_spec("pyarrow") is None:
        put(tmp_path, {"labels.parquet": b"PAR1"})
        error = refusal(tmp_path)
        assert "PyArrow, which reads it, is not installed" in error.message and "pip install" in error.hint
        return
    pandas.DataFrame(ROWS[1:], columns=list(ROWS[0])).to_parquet(tmp_path / "labels.parquet")
    assert taken(tmp_path).labels.tolist() == [0, 1, 2, 0, 1, 2]


# Broken images


def test_all_broken_images_are_named_in_one_run_and_left_out_by_one_word(tmp_path):
    whole = encoded(pixels(1), "JPEG")
    broken = {"disc/7.jpg": whole[:-60], "square/8.png": b"", "Plättchen/9.webp": b"not found"}
    put(tmp_path, files() | broken)
    message = refusal(tmp_path).message
    assert all(name in message for name in broken)
    got = taken(tmp_path, leave_out_broken=True)
    assert set(got.broken) == set(broken) and len(got) == 9
    put(tmp_path, {"disc/6.png": encoded(pixels(1, 9, 9))})  # whole, and of another size
    assert refusal(tmp_path, leave_out_broken=True).message.startswith("disc/6.png is 9 wide and 9 high")
    assert "it is empty" in got.broken["square/8.png"] and "it is a text" in got.broken["Plättchen/9.webp"]


# Before there is a contest


def test_a_survey_tells_what_a_contest_needs_to_know(tmp_path):
    put(tmp_path, files("train/") | files("test/", each=1) | {"train/README.md": b"cells"})
    put(tmp_path, {"train/disc/9.jpg": encoded(pixels(1, 20, 30), "JPEG"), "train/disc/8.png": b"x"})
    found = survey(tmp_path)
    assert found.classes == {"Plättchen": 3, "disc": 5, "square": 3} and found.images == 11
    assert found.splits == {"test": 3, "train": 8}
    assert found.sizes == ((8, 8, 9), (30, 20, 1))
    assert not found.grey and found.levels == 0 and found.megapixels == 1
    assert found.ignored == {"a text": ("train/README.md",)}
    assert list(found.broken) == ["train/disc/8.png"]


def test_a_survey_states_the_megapixels_only_of_what_is_not_made_smaller_while_it_is_decoded(tmp_path):
    large = np.zeros((1200, 1800, 3), np.uint8)
    put(tmp_path, files() | {"disc/9.jpg": encoded(large, "JPEG")})
    assert survey(tmp_path).megapixels == 1
    put(tmp_path, {"disc/8.png": encoded(large)})
    assert survey(tmp_path).megapixels == 3


def test_a_survey_of_a_table_and_of_deep_grey_images(tmp_path):
    values = np.random.default_rng(1).integers(0, 4096, (8, 8, 1), dtype=np.uint16)
    values[0] = 4095
    put(tmp_path, {f"images/{name}": deep(values) for name in NAMES} | {"labels.csv": table(ROWS)})
    found = survey(tmp_path)
    assert (found.table, found.levels, found.grey) == ("labels.csv", 4096, True)
    assert found.modes == {"L;16": 6} and found.classes == {"Plättchen": 2, "disc": 2, "square": 2}


def test_a_survey_of_images_that_nothing_labels_finds_no_class(tmp_path):
    found = survey(lying_flat(tmp_path))
    assert not found.classes and len(found.ignored["in no class folder"]) == 6
