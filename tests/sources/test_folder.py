"""A folder or zip of class folders becomes the same images, or a sentence that says what to repair."""

import contextlib
import io
import itertools
import os
import random
import shutil
import signal
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.contest import FolderSource
from harness.errors import SourceError
from harness.limited import Reader
from harness.sources.arrange import arrange
from harness.sources.containers import entries_of
from harness.sources.decoding import Decoded, ImageFile, decode
from harness.sources.folder import decoded, faulty, labelled, load
from harness.sources.shared import shared_memory, view

pytestmark = pytest.mark.usefixtures("reads_in_one_process")

CLASSES = ("basophil", "immature_granulocyte", "platelet")
SHAPE = (8, 8, 3)
STRICT, RESIZE = FolderSource(), FolderSource(resize=True)


def pixels(seed: int, height: int = 8, width: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(array: np.ndarray, suffix: str = "png", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, {"jpg": "JPEG"}.get(suffix, suffix), **options)
    return buffer.getvalue()


def png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG file from its chunks, for what Pillow does not write."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


@pytest.fixture
def cells(tmp_path) -> Path:
    """A folder with two images for each class."""
    root = tmp_path / "cells"
    for label, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for i in range(2):
            (root / name / f"{i}.png").write_bytes(encoded(pixels(10 * label + i)))
    return root


def zipped(root: Path, target: Path, top: str = "", members: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(root.rglob("*"), reverse=True):
            archive.write(path, top + path.relative_to(root).as_posix())
        for name, data in (members or {}).items():
            archive.writestr(name, data)
    return target


def files_of(path: Path, source: FolderSource = STRICT) -> tuple[ImageFile, ...]:
    """Do what `layout_of` does in another process."""
    entries = [entry for batch in entries_of(path) for entry in batch]
    files = labelled(arrange(entries, [], source, CLASSES, what=path.name), CLASSES, source)
    return tuple(sorted(files, key=lambda file: file.row))


def load_here(source: FolderSource, path: Path) -> np.ndarray:
    """Do what `load` does in another process, for tests with many cases."""
    with shared_memory() as fd:
        files = files_of(path, source)
        done = list(decode(path, files, fd, len(files), SHAPE, source, 2))
        if faults := [(file.id, one) for file, one in zip(files, done, strict=True) if one.fault]:
            raise faulty(faults)
        return view(fd, (len(files), *SHAPE))


def refusal(path: Path, source: FolderSource = STRICT) -> SourceError:
    with pytest.raises(SourceError) as caught:
        load(source, path, CLASSES, SHAPE)
    assert caught.value.hint, "a refusal says what to do"
    return caught.value


def test_images_come_with_their_pixels_labels_and_names_in_order_of_id(cells):
    got = load(STRICT, cells, CLASSES, SHAPE)
    assert got.ids == tuple(f"{name}/{i}.png" for name in CLASSES for i in range(2))
    assert got.labels.tolist() == [0, 0, 1, 1, 2, 2]
    np.testing.assert_array_equal(got.images, [pixels(10 * label + i) for label in range(3) for i in range(2)])
    assert got.official_hidden is None
    assert got.provenance["images per class"] == "basophil 2, immature_granulocyte 2, platelet 2"


def test_a_zip_gives_what_its_folder_gives_with_or_without_enclosing_folders(cells, tmp_path):
    folder = load(STRICT, cells, CLASSES, SHAPE)
    for top in ("", "cells/", "a/b c/"):
        archive = load(STRICT, zipped(cells, tmp_path / "cells.zip", top), CLASSES, SHAPE)
        assert archive.ids == folder.ids
        np.testing.assert_array_equal(archive.images, folder.images)
        np.testing.assert_array_equal(archive.labels, folder.labels)
    assert len(archive.provenance["sha256"]) == 64


def test_the_order_of_members_in_a_zip_does_not_matter(cells, tmp_path):
    files = list(cells.rglob("*.png"))
    sets = []
    for i, order in enumerate(itertools.islice(itertools.permutations(files), 0, 720, 180)):
        with zipfile.ZipFile(tmp_path / f"{i}.zip", "w") as archive:
            for path in order:
                archive.write(path, path.relative_to(cells))
        sets.append(load(STRICT, tmp_path / f"{i}.zip", CLASSES, SHAPE))
    for other in sets[1:]:
        assert other.ids == sets[0].ids
        np.testing.assert_array_equal(other.images, sets[0].images)


def test_class_folders_match_with_case_spaces_dashes_and_underscores_folded(cells):
    (cells / "immature_granulocyte").rename(cells / "Immature-Granulocyte ")
    (cells / "basophil").rename(cells / "BASOPHIL")
    got = load(STRICT, cells, CLASSES, SHAPE)
    assert got.ids[0] == "basophil/0.png"
    assert got.labels.tolist() == [0, 0, 1, 1, 2, 2]


def test_what_systems_leave_behind_is_passed_over_and_other_files_are_named(cells, tmp_path):
    (cells / "README.md").write_text("cells")
    (cells / ".DS_Store").write_bytes(b"x")
    (cells / ".thumbnails").mkdir()
    (cells / ".thumbnails" / "a.png").write_bytes(b"x")
    (cells / "docs").mkdir()
    (cells / "docs" / "licence.txt").write_text("CC BY 4.0")
    extra = {"__MACOSX/cells/basophil/0.png": b"x"}
    for path in (cells, zipped(cells, tmp_path / "cells.zip", members=extra)):
        got = load(STRICT, path, CLASSES, SHAPE)
        assert len(got) == 6
        assert got.ignored == {
            "hidden, or left behind by a system": (
                ".DS_Store",
                ".thumbnails",
                *(["__MACOSX"] if path != cells else []),
            ),
            "a text": ("README.md", "docs/licence.txt"),
        }
        assert "2 a text (README.md, docs/licence.txt)" in got.provenance["files ignored"]


def test_images_below_a_class_folder_keep_their_path_in_the_id(cells):
    (cells / "platelet" / "slide 1").mkdir()
    (cells / "platelet" / "0.png").rename(cells / "platelet" / "slide 1" / "0.png")
    assert load(STRICT, cells, CLASSES, SHAPE).ids[-2:] == ("platelet/1.png", "platelet/slide 1/0.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_png_jpeg_and_webp_are_decoded_whatever_the_case_of_their_suffix(cells, suffix):
    data = encoded(np.full(SHAPE, (200, 120, 40), np.uint8), suffix)
    (cells / "basophil" / f"2.{suffix.upper()}").write_bytes(data)
    got = load(STRICT, cells, CLASSES, SHAPE)
    assert np.abs(got.images[2].astype(int) - (200, 120, 40)).max() <= 3


@pytest.mark.parametrize(
    ("image", "suffix", "rgb", "mode"),
    [
        (Image.new("L", (8, 8), 90), "png", (90, 90, 90), "L"),
        (Image.new("1", (8, 8), 1), "png", (255, 255, 255), "1"),
        (Image.new("RGBA", (8, 8), (10, 20, 30, 255)), "png", (10, 20, 30), "RGBA"),
        (Image.new("RGBA", (8, 8), (10, 20, 30, 0)), "png", (255, 255, 255), "RGBA"),
        (Image.new("RGBA", (8, 8), (10, 20, 30, 0)), "webp", (255, 255, 255), "RGBA"),
        (Image.new("LA", (8, 8), (0, 51)), "png", (204, 204, 204), "LA"),
        (Image.new("RGB", (8, 8), (10, 200, 30)).quantize(4), "png", (10, 200, 30), "P"),
        (Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "jpg", (255, 0, 0), "CMYK"),
        (Image.fromarray(np.full((8, 8), 0x90FF, np.uint16)), "png", (0x90, 0x90, 0x90), "L;16"),
    ],
)
def test_other_colour_modes_become_rgb_and_are_counted(cells, image, suffix, rgb, mode):
    image.save(cells / "basophil" / f"2.{suffix}")
    got = load(STRICT, cells, CLASSES, SHAPE)
    assert np.abs(got.images[2].astype(int) - rgb).max() <= 2
    assert got.provenance["converted to RGB"] == f"1 of {mode}"


def test_a_palette_with_a_clear_colour_lies_on_white(cells):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.save(cells / "basophil" / "2.png", transparency=b"\xff\x00")
    assert (load(STRICT, cells, CLASSES, SHAPE).images[2] == 255).all()


@pytest.mark.parametrize(("levels", "rgb"), [(65536, [0x10, 0x20, 0x30]), (0x4000, [67, 128, 195])])
def test_sixteen_bits_a_channel_are_scaled_by_the_levels_stated(cells, levels, rgb):
    row = b"\x00" + struct.pack(">HHH", 0x10FF, 0x2001, 0x30FF) * 8
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(row * 8)),
        (b"IEND", b""),
    ]
    (cells / "basophil" / "2.png").write_bytes(png(chunks))
    got = load(FolderSource(levels=levels), cells, CLASSES, SHAPE)
    assert got.images[2, 0, 0].tolist() == rgb
    assert got.provenance["converted to RGB"] == "1 of RGB;16"
    assert "levels = 16384" in refusal(cells).hint
    assert "levels = 4096 are 0 to 4095" in refusal(cells, FolderSource(levels=4096)).message


@pytest.mark.parametrize("turn", range(10))
def test_an_image_is_turned_upright_as_its_exif_data_say(cells, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    (cells / "basophil" / "2.png").write_bytes(encoded(pixels(2), exif=exif))
    got = load(STRICT, cells, CLASSES, SHAPE)
    flipped = pixels(2)[:, ::-1]
    upright = {
        2: flipped, 3: pixels(2)[::-1, ::-1], 4: pixels(2)[::-1], 5: pixels(2).transpose(1, 0, 2),
        6: np.rot90(pixels(2), -1), 7: np.rot90(flipped, -1), 8: np.rot90(pixels(2)),
    }  # fmt: skip
    np.testing.assert_array_equal(got.images[2], upright.get(turn, pixels(2)))
    assert got.provenance.get("turned upright", "").startswith("1 image") == (turn in upright)


def test_the_size_that_counts_is_that_of_the_image_turned_upright(cells):
    for kind in ("png", "tiff", "jpg", "webp"):
        exif = Image.Exif()
        exif[0x0112] = 6
        (cells / "basophil" / f"2.{kind}").write_bytes(encoded(pixels(2, 8, 12), kind, exif=exif))
        assert "is 8 wide and 12 high" in refusal(cells).message
        got = load(RESIZE, cells, CLASSES, SHAPE)
        if kind in ("png", "tiff"):  # without loss
            np.testing.assert_array_equal(got.images[2], np.rot90(pixels(2, 8, 12), -1)[2:10])
        (cells / "basophil" / f"2.{kind}").unlink()


def test_the_first_image_of_another_size_is_named_with_the_way_out(cells):
    (cells / "immature_granulocyte" / "9.png").write_bytes(encoded(pixels(0, 10, 12)))
    (cells / "platelet" / "9.png").write_bytes(encoded(pixels(0, 20, 20)))
    error = refusal(cells)
    assert error.message.startswith("immature_granulocyte/9.png is 12 wide and 10 high")
    assert "resize = true" in error.hint


def test_with_resize_the_centre_square_is_taken_then_resized_bicubically(cells):
    wide, high = pixels(0, 10, 14), pixels(1, 15, 11)
    (cells / "basophil" / "2.png").write_bytes(encoded(wide))
    (cells / "basophil" / "3.png").write_bytes(encoded(high))
    got = load(RESIZE, cells, CLASSES, SHAPE)
    for row, square in ((2, wide[:, 2:12]), (3, high[2:13])):
        expected = Image.fromarray(square).resize((8, 8), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(got.images[row], np.asarray(expected))
    np.testing.assert_array_equal(got.images[0], pixels(0))  # one of the right size stays as it is
    assert got.provenance["resized"].startswith("2 images: ")


def test_a_missing_class_folder_is_named(cells):
    shutil.rmtree(cells / "platelet")
    error = refusal(cells)
    assert error.message == "There is no folder for the class 'platelet'."
    assert "basophil, immature_granulocyte" in error.hint


def test_an_unknown_class_folder_is_named_with_the_nearest_class(cells):
    (cells / "platelet").rename(cells / "Platlet")
    error = refusal(cells)
    assert "'Platlet' is none of the contest's 3 classes" in error.message
    assert error.hint.startswith("Did you mean platelet?") and 'ignore = ["Platlet"]' in error.hint


def test_an_empty_class_folder_is_named(cells, tmp_path):
    for file in (cells / "platelet").iterdir():
        file.unlink()
    for path in (cells, zipped(cells, tmp_path / "cells.zip", "top/")):
        assert refusal(path).message == "The class folder 'platelet' holds no image."


def test_two_folders_for_one_class_are_refused(cells):
    (cells / "Platelet ").mkdir()
    (cells / "Platelet " / "5.png").write_bytes(encoded(pixels(5)))
    assert "are both the class platelet" in refusal(cells).message


def test_an_image_outside_the_class_folders_is_named(cells):
    (cells / "sheet.png").write_bytes(encoded(pixels(5)))
    assert "sheet.png lies in no class folder" in refusal(cells).message


@pytest.mark.parametrize("name", ["5.jp2", "5.png", "5", "5.data"])
def test_an_image_in_a_format_that_is_not_read_is_an_error_not_a_stray_file(cells, name):
    Image.fromarray(pixels(5)).save(cells / "platelet" / name, "JPEG2000")
    assert f"platelet/{name} cannot be decoded: it is a JPEG 2000 image" in refusal(cells).message


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "images.npy").write_bytes(b"x")
    error = refusal(tmp_path)
    assert "holds no image" in error.message
    assert ".npz" in error.hint


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "header only"])
def test_the_first_undecodable_image_is_named(cells, suffix, damage):
    whole = encoded(pixels(3), suffix)
    data = {"truncated": whole[: len(whole) * 2 // 3], "empty": b"", "text": b"no image", "header only": whole[:30]}
    for name in ("basophil/7", "platelet/0"):
        (cells / f"{name}.{suffix}").write_bytes(data[damage])
    error = refusal(cells)
    assert error.message.startswith(f"basophil/7.{suffix} cannot be decoded: ")
    assert "object at 0x" not in error.message
    (cells / f"basophil/7.{suffix}").write_bytes(whole)
    (cells / f"platelet/0.{suffix}").write_bytes(whole)
    assert load(STRICT, cells, CLASSES, SHAPE).ids[2] == f"basophil/7.{suffix}"


def test_any_damage_to_an_image_is_decoded_or_refused_in_words(cells):
    dice = random.Random(7)
    for suffix in ("png", "jpg", "webp"):
        whole = encoded(pixels(3), suffix)
        for _ in range(60):
            data = bytearray(whole)
            for _ in range(dice.randint(1, 4)):
                data[dice.randrange(len(data))] = dice.randrange(256)
            (cells / "platelet" / f"0.{suffix}").write_bytes(data)
            try:
                load_here(RESIZE, cells)
            except SourceError as error:
                assert error.message.startswith(f"platelet/0.{suffix} ")
        (cells / "platelet" / f"0.{suffix}").write_bytes(whole)


@pytest.mark.parametrize(
    ("width", "height", "words"),
    [
        (6000, 5000, "is 6000 × 5000 pixels, expected at most 25 million"),
        (20_000, 10_000, "is 20000 × 10000 pixels, expected at most 25 million"),
    ],
)
def test_a_decompression_bomb_is_refused_before_it_is_decoded(cells, width, height, words):
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(1000))),
        (b"IEND", b""),
    ]
    (cells / "platelet" / "0.png").write_bytes(png(chunks))
    assert words in refusal(cells, RESIZE).message


def test_a_class_folder_may_be_a_link(cells, tmp_path):
    (cells / "platelet").rename(tmp_path / "elsewhere")
    (cells / "platelet").symlink_to(tmp_path / "elsewhere")
    assert len(load(STRICT, cells, CLASSES, SHAPE)) == 6


def test_an_image_that_cannot_be_read_is_named(cells):
    (cells / "platelet" / "0.png").unlink()
    (cells / "platelet" / "0.png").symlink_to(cells / "nowhere.png")
    assert "0.png cannot be read: No such file" in refusal(cells).message


@pytest.mark.parametrize(
    "name", ["../platelet/7.png", "/platelet/7.png", "platelet/\x1b[2J.png", "platelet\\..\\7.png"]
)
def test_names_in_a_zip_that_leave_the_folder_or_control_a_terminal_are_refused(cells, tmp_path, name):
    error = refusal(zipped(cells, tmp_path / "cells.zip", members={name: encoded(pixels(5))}))
    assert "is no name for an image" in error.message
    assert "\x1b" not in error.message


def test_backslashes_in_a_zip_are_read_as_slashes(cells, tmp_path):
    path = zipped(cells, tmp_path / "cells.zip", members={"platelet\\7.png": encoded(pixels(5))})
    assert load(STRICT, path, CLASSES, SHAPE).ids[-1] == "platelet/7.png"


def test_a_name_that_a_zip_holds_twice_is_refused(cells, tmp_path):
    path = zipped(cells, tmp_path / "cells.zip")
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("platelet/0.png", encoded(pixels(5)))
    assert refusal(path).message.startswith("platelet/0.png is in cells.zip twice")


def test_a_damaged_member_of_a_zip_is_named(cells, tmp_path):
    path = zipped(cells, tmp_path / "cells.zip")
    data = bytearray(path.read_bytes())
    needle = (cells / "basophil" / "1.png").read_bytes()
    at = data.index(needle)
    data[at + len(needle) // 2] ^= 1
    path.write_bytes(data)
    assert refusal(path).message.startswith("basophil/1.png in the zip is damaged: Bad CRC-32")


@pytest.mark.filterwarnings("ignore:Duplicate name", "ignore:Overlapped")
def test_any_damage_to_a_zip_is_read_or_refused_in_words(cells, tmp_path):
    (cells / "platelet" / "0.png").rename(cells / "platelet" / "é.png")
    path = zipped(cells, tmp_path / "cells.zip")
    whole, dice = path.read_bytes(), random.Random(11)
    directory = whole.index(b"PK\x01\x02")
    for _ in range(250):
        data = bytearray(whole)
        data[dice.randrange(dice.choice((0, directory)), len(data))] = dice.randrange(256)
        path.write_bytes(data)
        with contextlib.suppress(SourceError):
            load_here(STRICT, path)


def test_an_encrypted_member_of_a_zip_is_named(cells, tmp_path):
    path = zipped(cells, tmp_path / "cells.zip")
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        local = archive.getinfo("platelet/1.png").header_offset
    central = data.rindex(b"platelet/1.png") - 46
    data[local + 6] |= 1
    data[central + 8] |= 1
    path.write_bytes(data)
    assert refusal(path).message == "platelet/1.png in the zip is encrypted."


def test_a_zip_that_was_cut_is_refused(cells, tmp_path):
    path = zipped(cells, tmp_path / "cells.zip")
    path.write_bytes(path.read_bytes()[:-100])
    assert "neither a folder nor a whole zip" in refusal(path).message


def test_the_file_is_left_as_it_was(cells, tmp_path):
    path = zipped(cells, tmp_path / "cells.zip")
    before = path.read_bytes()
    path.chmod(0o400)
    load(STRICT, path, CLASSES, SHAPE)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cells", "cells.zip"]


OTHERS = {
    "ICO": "an ICO image",
    "JPEG2000": "a JPEG 2000 image",
}
BYTES = {
    b"8BPS\0\1": "a Photoshop file (PSD)",
    b"\0\0\0\x18ftypheic\0\0": "a HEIC image",
    b"\0\0\0\x18ftypavif\0\0": "an AVIF image",
    b"%PDF-1.7": "a PDF",
    b"<!DOCTYPE html><html>": "a web page",
    b"PK\x03\x04": "a zip",
    b"version https://git-lfs.github.com/spec/v1": "a Git-LFS pointer",
    b"\0" * 128 + b"DICM": "a DICOM file",
    b"<svg xmlns='x'/>": "an SVG drawing",
    b"not found": "a text",
}


def contents():
    for kind, name in OTHERS.items():
        buffer = io.BytesIO()
        try:
            Image.fromarray(pixels(3, 16, 16)).save(buffer, kind)
        except (OSError, KeyError):  # this Pillow cannot write it
            continue
        yield pytest.param(buffer.getvalue(), name, id=kind)
    for data, name in BYTES.items():
        yield pytest.param(data, name, id=name)


@pytest.mark.parametrize(("data", "name"), list(contents()))
def test_another_format_under_the_suffix_of_an_image_is_named_with_what_to_do(cells, data, name):
    (cells / "platelet" / "0.png").write_bytes(data)
    with pytest.raises(SourceError) as caught:
        load_here(STRICT, cells)
    assert f"platelet/0.png cannot be decoded: it is {name}, expected PNG" in caught.value.message
    assert len(caught.value.hint) > 20


def test_one_run_names_all_broken_images_and_none_of_the_drop_list_is_decoded(cells, monkeypatch):
    monkeypatch.undo()  # a process of its own, whose memory is fresh: what is not decoded stays black
    whole = encoded(pixels(3, 64, 64), "jpg")
    broken = ("basophil/7.jpg", "immature_granulocyte/7.jpg", "platelet/7.jpg")
    for name in broken:
        (cells / name).write_bytes(whole[: len(whole) // 2])
    (cells / "platelet" / "8.png").write_bytes(b"GIF89a")
    (cells / "platelet" / "9.png").write_bytes(encoded(pixels(3, 9, 9)))
    message = refusal(cells).message
    assert all(name in message for name in (*broken, "platelet/8.png", "platelet/9.png"))
    assert "9 wide" in message and "GIF" in message and "/0.png" not in message
    got = load(STRICT, cells, CLASSES, SHAPE, drop=(*broken, "platelet/8.png", "platelet/9.png", "basophil/0.png"))
    assert len(got) == 11
    assert [name for name, image in zip(got.ids, got.images, strict=True) if not image.any()] == sorted(
        (*broken, "platelet/8.png", "platelet/9.png", "basophil/0.png")
    )


def test_of_hundreds_of_broken_images_the_first_are_named(cells):
    for number in range(100, 300):
        (cells / "platelet" / f"{number}.png").write_bytes(b"GIF89a")
    error = refusal(cells)
    assert "platelet/129.png" in error.message and "more" in error.message
    assert len(error.message) < 2000


def test_an_image_that_crashes_its_decoder_is_named_and_the_others_are_decoded(cells, tmp_path):
    """An image whose name says so stands for one that Pillow cannot survive: the process that decodes it is killed."""
    for name in ("basophil/crash.png", "platelet/crash.png"):
        (cells / name).write_bytes(encoded(pixels(3)))
    with shared_memory() as fd, Reader(pass_fds=(fd,)) as reader:
        files = files_of(cells)
        done = list(decoded(reader, fd, cells, files, SHAPE, STRICT, crashing))
        images = view(fd, (len(files), *SHAPE)).copy()
    assert [file.id for file, one in zip(files, done, strict=True) if one.fault] == [
        "basophil/crash.png",
        "platelet/crash.png",
    ]
    assert [bool(image.any()) for image in images] == [not one.fault for one in done]


def crashing(
    path: Path, files: tuple[ImageFile, ...], fd: int, n: int,
    image_shape: tuple[int, int, int], source: FolderSource, threads: int,
) -> Iterator[Decoded]:  # fmt: skip
    for file in files:
        if "crash" in file.name:
            os.kill(os.getpid(), signal.SIGSEGV)
        yield from decode(path, (file,), fd, n, image_shape, source, threads)


@pytest.mark.parametrize("kind", ["pipe", "device", "out", "nowhere"])
def test_an_image_that_is_no_plain_file_is_named_and_never_opened(cells, tmp_path, kind):
    path = cells / "platelet" / "0.png"
    path.rename(tmp_path / "secret.png")
    match kind:
        case "pipe":
            os.mkfifo(path)
        case _:
            path.symlink_to({"device": "/dev/zero", "out": tmp_path / "secret.png", "nowhere": "none.png"}[kind])
    assert refusal(cells).message.startswith("platelet/0.png cannot be read: ")


def test_special_files_that_are_no_images_are_left_out_and_said(cells):
    os.mkfifo(cells / "queue")
    (cells / "platelet" / "again").symlink_to("..")
    got = load(STRICT, cells, CLASSES, SHAPE)
    assert len(got) == 6
    assert got.ignored == {"a link to a folder that it lies in": ("platelet/again",), "a pipe": ("queue",)}


def test_a_source_that_is_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "cells.zip")
    assert "neither a folder nor a file" in refusal(tmp_path / "cells.zip").message
