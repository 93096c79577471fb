"""An .npz is read in any layout and number type, or refused with the place of the fault and what repairs it."""

import contextlib
import gzip
import pickle
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.contest import ArraysSource
from harness.errors import SourceError
from harness.sources.arrays import load
from harness.sources.image_set import ImageSet

pytestmark = pytest.mark.usefixtures("reads_in_one_process")

CLASSES = ("basophil", "eosinophil", "platelet")
SHAPE = (6, 5, 3)
N = 230  # more than two pieces


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {
        "images": rng.integers(0, 256, (N, *SHAPE), dtype=np.uint8),
        "labels": rng.integers(0, 3, (N, 1), dtype=np.uint8),
    }


def saved(path: Path, arrays: dict[str, np.ndarray], compressed: bool = False) -> Path:
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    return path


def read(folder: Path, arrays: dict[str, np.ndarray], **source: object) -> ImageSet:
    return load(ArraysSource(**source), saved(folder / "a.npz", arrays), CLASSES, SHAPE)


def refusal(path: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        load(ArraysSource(), path, CLASSES, SHAPE)
    assert caught.value.hint, "a refusal says what to do"
    return caught.value


@pytest.mark.parametrize("dtype", ["u1", "i2", "<i8", ">i4", "f2", "f4", "<f8", ">f8"])
@pytest.mark.parametrize("compressed", [False, True])
def test_whole_values_from_0_to_255_are_read_in_any_number_type(tmp_path, arrays, dtype, compressed):
    typed = {key: array.astype(dtype) for key, array in arrays.items()}
    got = load(ArraysSource(), saved(tmp_path / "a.npz", typed, compressed), CLASSES, SHAPE)
    np.testing.assert_array_equal(got.images, arrays["images"])
    np.testing.assert_array_equal(got.labels, arrays["labels"][:, 0])
    assert got.ids[0] == "00000"
    assert got.ids[-1] == "00229"
    assert got.official_hidden is None


def test_labels_may_be_one_column_or_flat(tmp_path, arrays):
    flat = arrays | {"labels": arrays["labels"][:, 0]}
    np.testing.assert_array_equal(
        load(ArraysSource(), saved(tmp_path / "a.npz", flat), CLASSES, SHAPE).labels,
        load(ArraysSource(), saved(tmp_path / "b.npz", arrays), CLASSES, SHAPE).labels,
    )


def test_arrays_in_fortran_order_are_read_alike(tmp_path, arrays):
    fortran = {key: np.asfortranarray(array.astype(float)) for key, array in arrays.items()}
    got = load(ArraysSource(), saved(tmp_path / "a.npz", fortran), CLASSES, SHAPE)
    np.testing.assert_array_equal(got.images, arrays["images"])
    np.testing.assert_array_equal(got.labels, arrays["labels"][:, 0])


def test_a_missing_key_is_named_with_those_found(tmp_path, arrays):
    arrays["image"] = arrays.pop("images")
    error = refusal(saved(tmp_path / "a.npz", arrays))
    assert error.message == "a.npz has no array 'images'; it holds image, labels."
    assert "Did you mean image?" in error.hint


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-1.0, "-1.0"), (256.0, "256.0")])
def test_a_value_that_is_no_grey_level_is_refused_with_its_image(tmp_path, arrays, value, shown):
    images = arrays["images"].astype(np.float32)
    images[[207, 220], 3, 2, 1] = value
    error = refusal(saved(tmp_path / "a.npz", arrays | {"images": images}))
    assert f"Image 207 of images in a.npz has a pixel of value {shown}, " in error.message


def test_fractions_between_grey_levels_are_rounded(tmp_path, arrays):
    images = arrays["images"] + np.where(arrays["images"] < 255, 0.25, 0)
    got = read(tmp_path, arrays | {"images": images})
    np.testing.assert_array_equal(got.images, arrays["images"])


def test_an_integer_beyond_a_byte_is_refused_not_wrapped(tmp_path, arrays):
    images = arrays["images"].astype(np.int64)
    images[4, 0, 0, 0] = 256 + 7
    assert "value 263" in refusal(saved(tmp_path / "a.npz", arrays | {"images": images})).message


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_images_of_0_to_1_become_0_to_255(tmp_path, arrays, dtype):
    got = read(tmp_path, arrays | {"images": (arrays["images"] / 255).astype(dtype)})
    np.testing.assert_array_equal(got.images, arrays["images"])
    assert got.provenance["values"] == "0 to 1 became 0 to 255"


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64])
def test_black_and_white_becomes_0_and_255(tmp_path, arrays, dtype):
    bits = arrays["images"] > 127
    np.testing.assert_array_equal(read(tmp_path, arrays | {"images": bits.astype(dtype)}).images, 255 * bits)


def test_sixteen_bits_lose_their_lower_byte_as_in_folders(tmp_path, arrays):
    images = np.random.default_rng(6).integers(0, 65536, arrays["images"].shape, dtype=np.uint16)
    got = read(tmp_path, arrays | {"images": images})
    np.testing.assert_array_equal(got.images, images >> 8)
    assert got.provenance["values"] == "0 to 65535 became 0 to 255"


@pytest.mark.parametrize(
    ("highest", "levels", "dtype"), [(15, 16, np.uint8), (16, 17, np.float64), (4000, 4096, np.uint16)]
)
def test_images_that_would_be_all_but_black_ask_for_their_levels(tmp_path, arrays, highest, levels, dtype):
    """As scikit-learn has its digits, 0 to 16, and a camera of 12 bits its images."""
    images = (arrays["images"] * (highest / 255)).astype(np.uint16)
    images[0] = highest
    images = images.astype(dtype)
    error = refusal(saved(tmp_path / "a.npz", arrays | {"images": images}))
    assert f"between 0 and {highest}" in error.message
    assert f"levels = {levels} under [source]" in error.hint
    got = read(tmp_path, arrays | {"images": images}, levels=levels)
    np.testing.assert_array_equal(got.images, images.astype(int) * 256 // levels)


def test_images_of_minus_1_to_1_are_refused_with_the_call_that_repairs_them(tmp_path, arrays):
    images = arrays["images"] / 127.5 - 1
    error = refusal(saved(tmp_path / "a.npz", arrays | {"images": images}))
    repaired = eval(error.hint.removeprefix("Save ").removesuffix(" instead."), {"np": np, "images": images})
    np.testing.assert_array_equal(repaired, arrays["images"])


GREY = np.random.default_rng(4).integers(0, 256, (N, 6, 5), dtype=np.uint8)
LAYOUTS = {
    "grey": GREY,
    "one channel": GREY[..., None],
    "one channel first": GREY[:, None],
    "flat rows": GREY.reshape(N, 30),
    "opaque": np.stack([GREY, GREY, GREY, np.full_like(GREY, 255)], axis=3),
    "opaque, channels first": np.stack([GREY, GREY, GREY, np.full_like(GREY, 255)], axis=1),
    "channels first": np.stack([GREY, GREY, GREY], axis=1),
    "Fortran's order": np.asfortranarray(np.stack([GREY, GREY, GREY], axis=1)),
    "floats, channels first": np.stack([GREY, GREY, GREY], axis=1) / 255,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_images_and_is_named(tmp_path, arrays, layout):
    got = read(tmp_path, arrays | {"images": LAYOUTS[layout]})
    np.testing.assert_array_equal(got.images, GREY[..., None].repeat(3, axis=3))
    assert got.provenance["layout"].startswith(("grey", "RGB"))


def test_channels_first_keep_their_colours(tmp_path, arrays):
    got = read(tmp_path, arrays | {"images": arrays["images"].transpose(0, 3, 1, 2)})
    np.testing.assert_array_equal(got.images, arrays["images"])


def test_transparency_lies_on_white_as_in_a_folder(tmp_path, arrays):
    alpha = np.random.default_rng(5).integers(0, 256, (N, 6, 5, 1), dtype=np.uint8)
    alpha[0], alpha[1] = 0, 255
    got = read(tmp_path, arrays | {"images": np.concatenate([arrays["images"], alpha], axis=3)})
    assert (got.images[0] == 255).all()
    np.testing.assert_array_equal(got.images[1], arrays["images"][1])
    mixed = (arrays["images"] * (alpha / 255) + 255 * (1 - alpha / 255)).round()
    assert abs(got.images - mixed).max() <= 1


def test_another_size_is_refused_unless_the_contest_resizes(tmp_path, arrays):
    images = np.random.default_rng(6).integers(0, 256, (N, 12, 10, 1), dtype=np.uint8)
    error = refusal(saved(tmp_path / "a.npz", arrays | {"images": images}))
    assert "12 high and 10 wide" in error.message and "resize = true" in error.hint
    got = read(tmp_path, arrays | {"images": images}, resize=True)
    expected = Image.fromarray(images[7, ..., 0]).resize((5, 6), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(got.images[7], np.asarray(expected.convert("RGB")))
    assert got.provenance["resized"].startswith("from 12 × 10: ")


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((N, 7), np.uint8),
        np.zeros((N, 90), np.uint8),
        np.zeros((N, 6, 5, 2), np.uint8),
        np.zeros((6, 5, 3, N), np.uint8),
        np.zeros((N, 4, 6, 5, 3), np.uint8),
        np.zeros((N, 0, 5, 3), np.uint8),
    ],
    ids=lambda images: str(images.shape),
)
def test_what_holds_no_images_is_refused_with_its_shape(tmp_path, arrays, images):
    error = refusal(saved(tmp_path / "a.npz", arrays | {"images": images}))
    assert f"images in a.npz has shape {images.shape}" in error.message


@pytest.mark.parametrize(
    "images", [np.arange(90 * N).reshape(N, 90) % 251, np.arange(90 * N).reshape(6, 5, 3, N) % 251]
)
def test_the_call_that_repairs_a_shape_works(tmp_path, arrays, images):
    images = images.astype(np.uint8)
    error = refusal(saved(tmp_path / "a.npz", arrays | {"images": images}))
    repaired = eval(error.hint.split("Save ")[1].split(" instead")[0], {"np": np, "images": images})
    assert read(tmp_path, arrays | {"images": repaired}).images.shape == (N, *SHAPE)


def test_a_file_without_images_is_refused(tmp_path):
    empty = {"images": np.empty((0, *SHAPE), np.uint8), "labels": np.empty((0, 1), np.uint8)}
    assert "holds no image" in refusal(saved(tmp_path / "a.npz", empty)).message


@pytest.mark.parametrize("key", ["images", "labels"])
def test_objects_are_refused_without_being_unpickled(tmp_path, arrays, key):
    marker = tmp_path / "unpickled"

    class Bomb:
        def __reduce__(self) -> tuple:
            return Path.touch, (marker,)

    objects = np.empty(N, object)
    objects[:] = [Bomb() for _ in range(N)]
    error = refusal(saved(tmp_path / "a.npz", arrays | {key: objects}))
    assert f"{key} in a.npz holds Python objects" in error.message
    assert not marker.exists()


@pytest.mark.parametrize("images", [np.full((N, *SHAPE), "7"), np.zeros((N, *SHAPE), complex)])
def test_what_is_no_number_is_refused_by_its_dtype(tmp_path, arrays, images):
    assert f"has dtype {images.dtype}" in refusal(saved(tmp_path / "a.npz", arrays | {"images": images})).message


@pytest.mark.parametrize("value", [3, -1, 0.5, np.nan])
def test_a_label_that_is_no_class_is_refused_with_its_place(tmp_path, arrays, value):
    labels = arrays["labels"].astype(float)
    labels[17] = value
    message = refusal(saved(tmp_path / "a.npz", arrays | {"labels": labels})).message
    assert f"Label 17 of labels in a.npz is {float(value)}, expected a whole number from 0 to 2" in message


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.bool_])
def test_one_hot_rows_are_labels(tmp_path, arrays, dtype):
    one_hot = np.eye(3, dtype=dtype)[arrays["labels"][:, 0]]
    np.testing.assert_array_equal(read(tmp_path, arrays | {"labels": one_hot}).labels, arrays["labels"][:, 0])


@pytest.mark.parametrize("row", [[0, 1, 1], [0, 0, 0], [0.2, 0.8, 0]])
def test_rows_of_several_classes_or_of_shares_are_refused(tmp_path, arrays, row):
    one_hot = np.eye(3)[arrays["labels"][:, 0]]
    one_hot[9] = row
    assert "Row 9 of labels in a.npz is " in refusal(saved(tmp_path / "a.npz", arrays | {"labels": one_hot})).message


@pytest.mark.parametrize("spelling", [str, str.upper, lambda name: f" {name}", lambda name: name.encode()])
def test_labels_may_be_the_names_of_the_classes(tmp_path, arrays, spelling):
    words = np.array([spelling(CLASSES[label]) for label in arrays["labels"][:, 0]])
    np.testing.assert_array_equal(read(tmp_path, arrays | {"labels": words}).labels, arrays["labels"][:, 0])
    np.testing.assert_array_equal(read(tmp_path, arrays | {"labels": words[:, None]}).labels, arrays["labels"][:, 0])


def test_words_that_are_no_class_are_all_named_and_taken_by_an_alias(tmp_path, arrays):
    words = np.array(["baso", "eosinophil", "plt"])[arrays["labels"][:, 0]]
    error = refusal(saved(tmp_path / "a.npz", arrays | {"labels": words}))
    assert "holds 'baso', 'plt', none of the contest's classes: basophil, eosinophil, platelet" in error.message
    assert '[source.aliases] of the contest file: "baso" = ' in error.hint
    got = read(tmp_path, arrays | {"labels": words}, aliases={"baso": "basophil", "PLT": "platelet"})
    np.testing.assert_array_equal(got.labels, arrays["labels"][:, 0])


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_other_numbers_are_taken_by_an_alias(tmp_path, arrays, dtype):
    numbers = np.array([3, 8, -1])[arrays["labels"][:, 0]].astype(dtype)
    aliases = {"3": "basophil", "8": "eosinophil", "-1": "platelet"}
    got = read(tmp_path, arrays | {"labels": numbers}, aliases=aliases)
    np.testing.assert_array_equal(got.labels, arrays["labels"][:, 0])


def test_labels_from_1_are_called_so(tmp_path, arrays):
    error = refusal(saved(tmp_path / "a.npz", arrays | {"labels": arrays["labels"] + 1}))
    assert "save labels - 1 instead" in error.hint


def test_arrays_have_the_names_that_the_contest_gives(tmp_path, arrays):
    renamed = {"X": arrays["images"], "y": arrays["labels"], "patient": np.arange(N)}
    got = read(tmp_path, renamed, images="X", labels="y")
    np.testing.assert_array_equal(got.images, arrays["images"])
    assert got.provenance["arrays not read"] == "patient"


@pytest.mark.parametrize(
    ("form", "images", "labels"), [("{split}_{key}", "images", "labels"), ("{key}_{split}", "x", "y")]
)
def test_a_file_with_splits_keeps_its_test_split_hidden(tmp_path, arrays, form, images, labels):
    cut = {"train": slice(0, 100), "val": slice(100, 130), "test": slice(130, N)}
    parts = {
        form.format(split=split, key=key): arrays[what][rows]
        for split, rows in cut.items()
        for key, what in ((images, "images"), (labels, "labels"))
    }
    got = read(tmp_path, parts, images=images, labels=labels)
    np.testing.assert_array_equal(got.images, arrays["images"])
    np.testing.assert_array_equal(got.labels, arrays["labels"][:, 0])
    np.testing.assert_array_equal(got.official_hidden, np.arange(N) >= 130)
    assert (got.ids[0], got.ids[-1]) == ("train-00000", "test-00099")
    assert got.provenance["images"] == "train 100, val 30, test 100"
    assert read(tmp_path, parts, images=images, labels=labels, splits="pool").official_hidden is None


@pytest.mark.parametrize("groups", [np.arange(N) // 10, np.array([f"p{row // 10}" for row in range(N)])[:, None]])
def test_the_groups_of_images_are_an_array_that_the_contest_names(tmp_path, arrays, groups):
    path = saved(tmp_path / "a.npz", arrays | {"patient": groups})
    got = load(ArraysSource(), path, CLASSES, SHAPE, group="patient")
    assert got.groups[:11] == (*[str(groups.flat[0])] * 10, str(groups.flat[10]))
    assert load(ArraysSource(), path, CLASSES, SHAPE).groups is None
    with pytest.raises(SourceError, match="no array 'slide'"):
        load(ArraysSource(), path, CLASSES, SHAPE, group="slide")
    parts = {
        f"{split}_{key}": array[rows]
        for split, rows in (("train", slice(100)), ("test", slice(100, N)))
        for key, array in (arrays | {"patient": groups}).items()
    }
    got = load(ArraysSource(), saved(tmp_path / "b.npz", parts), CLASSES, SHAPE, group="patient")
    assert got.groups[-1] == str(groups.flat[-1])
    with pytest.raises(SourceError, match=r"shape \(7,.*one for each of 230"):
        load(
            ArraysSource(), saved(tmp_path / "c.npz", arrays | {"patient": groups[:7]}), CLASSES, SHAPE, group="patient"
        )


def test_splits_are_scaled_alike(tmp_path, arrays):
    """By the highest of all: a test split of dark images is not lit up."""
    images = (arrays["images"] / 255).astype(np.float32)
    parts = {"train_images": images[:100], "test_images": images[100:] / 4}
    parts |= {"train_labels": arrays["labels"][:100], "test_labels": arrays["labels"][100:]}
    np.testing.assert_array_equal(read(tmp_path, parts).images[100:], np.rint(255 * (images[100:] / 4).astype(float)))


@pytest.mark.parametrize("key", ["class_names", "classes", "target_names"])
def test_class_names_of_the_file_are_compared(tmp_path, arrays, key):
    assert read(tmp_path, arrays | {key: np.array(CLASSES)}).labels[0] == arrays["labels"][0, 0]
    for theirs in (("eosinophil", "basophil", "platelet"), ("basophil", "eosinophil"), (*CLASSES[:2], "monocyte")):
        error = refusal(saved(tmp_path / "a.npz", arrays | {key: np.array(theirs)}))
        assert f"names the classes {', '.join(theirs)}; the contest file names {', '.join(CLASSES)}" in error.message
        assert ("in another order" in error.message) == (set(theirs) == set(CLASSES))


def test_the_order_of_names_is_free_where_labels_are_words_and_numbers_name_no_class(tmp_path, arrays):
    words = {"labels": np.array(CLASSES)[arrays["labels"][:, 0]], "classes": np.array(CLASSES[::-1])}
    np.testing.assert_array_equal(read(tmp_path, arrays | words).labels, arrays["labels"][:, 0])
    for other in (np.arange(3), np.array(3), np.array("three"), np.array([f"{row}.png" for row in range(N)])):
        assert read(tmp_path, arrays | {"classes": other}).provenance["arrays not read"] == "classes"
    numbered = {"labels": arrays["labels"] + 1, "classes": np.array(CLASSES[::-1])}
    got = read(tmp_path, arrays | numbered, aliases={str(3 - at): name for at, name in enumerate(CLASSES)})
    np.testing.assert_array_equal(got.labels, 2 - arrays["labels"][:, 0])


@pytest.mark.parametrize("key", ["images", "labels"])
def test_a_single_value_is_no_array_of_images_or_labels(tmp_path, arrays, key):
    refusal(saved(tmp_path / "a.npz", arrays | {key: np.array(7)}))


def test_fewer_labels_than_images_are_refused(tmp_path, arrays):
    error = refusal(saved(tmp_path / "a.npz", arrays | {"labels": arrays["labels"][:-1]}))
    assert "has shape (229, 1), expected (230,) or (230, 1)" in error.message


@pytest.mark.parametrize("compressed", [False, True])
def test_a_flipped_bit_is_found(tmp_path, arrays, compressed):
    path = saved(tmp_path / "a.npz", arrays, compressed)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert "images in a.npz is damaged" in refusal(path).message


def test_a_file_that_was_cut_is_refused(tmp_path, arrays):
    path = saved(tmp_path / "a.npz", arrays)
    path.write_bytes(path.read_bytes()[:-30])
    assert "a.npz is no whole .npz" in refusal(path).message


OTHERS = {
    "x.npy": (b"\x93NUMPY\x01\x00", "one NumPy array", "np.load('x.npy')"),
    "x.h5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file", "h5py.File('x.h5')"),
    "x73.mat": (b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n", "HDF5", "h5py.File('x73.mat')"),
    "x.mat": (b"MATLAB 5.0 MAT-file, Platform", "a MATLAB file", "scipy.io.loadmat('x.mat')"),
    "x.pkl": (pickle.dumps({"data": b"", "labels": []}, 4), "a pickle", "np.load('x.pkl', allow_pickle=True)"),
    "train-images": (b"\0\0\x08\x03" + bytes(12), "IDX", "'train-images'"),
    "x.parquet": (b"PAR1" + bytes(20), "a Parquet table", "pd.read_parquet('x.parquet')"),
    "x.csv": (b"label,pixel0\n1,0\n", "a text", "pd.read_csv('x.csv')"),
    "x.tar.gz": (gzip.compress(b"x"), "a gzip file", "tar -xzf"),
    "x.html": (b"<!DOCTYPE html><html>", "a web page", "fetch"),
    "x.gif": (b"GIF89a", "a GIF", "folder"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_file_is_named_by_its_first_bytes_with_the_call_that_converts_it(tmp_path, name):
    content, what, call = OTHERS[name]
    (tmp_path / name).write_bytes(content)
    error = refusal(tmp_path / name)
    assert error.message.startswith(f"{name} is ") and what in error.message and "expected an .npz" in error.message
    assert call in error.hint
    for code in re.findall(r'python -c "(.*?)"', error.hint):
        compile(code, name, "exec")


def test_the_calls_for_npy_and_pickle_make_an_npz_that_is_read(tmp_path, arrays):
    np.save(tmp_path / "x.npy", arrays["images"])
    np.save(tmp_path / "LABELS.npy", arrays["labels"])
    (tmp_path / "y.pkl").write_bytes(pickle.dumps({"data": arrays["images"], "labels": arrays["labels"]}))
    for name in ("x.npy", "y.pkl"):
        (code,) = re.findall(r'python -c "(.*?)"$', refusal(tmp_path / name).hint)
        with contextlib.chdir(tmp_path):
            exec(code, {})
        got = load(ArraysSource(), tmp_path / f"{name[0]}.npz", CLASSES, SHAPE)
        np.testing.assert_array_equal(got.images, arrays["images"])


def test_a_folder_and_a_zip_of_a_folder_are_named_with_their_kind(tmp_path):
    (tmp_path / "cells").mkdir()
    with zipfile.ZipFile(tmp_path / "cells.zip", "w") as archive:
        archive.writestr("disc/a.png", b"")
    for name in ("cells", "cells.zip"):
        error = refusal(tmp_path / name)
        assert "expected an .npz" in error.message
        assert 'kind = "folder"' in error.hint


def test_a_method_that_python_lacks_is_named_and_not_called_damage(tmp_path, arrays):
    path = saved(tmp_path / "a.npz", arrays, compressed=True)
    data = path.read_bytes()
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        pieces = data.split(mark)
        data = mark.join([pieces[0], *(p[: offset - 4] + b"\x09\0" + p[offset - 2 :] for p in pieces[1:])])
    path.write_bytes(data)
    error = refusal(path)
    assert "Deflate64" in error.message
    assert "7z x a.npz" in error.hint


def test_a_header_that_promises_more_than_there_is_is_refused_before_memory_is_set_aside(tmp_path, arrays):
    path = saved(tmp_path / "a.npz", arrays)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data.replace(b"(230, 6, 5, 3), }       ", b"(2300000000, 6, 5, 3), }"))
    message = refusal(path).message
    assert "images in a.npz is damaged: its header promises 207000000000 bytes, it has 20700" in message


PEAK = """
import resource, sys
from pathlib import Path
from harness.contest import ArraysSource
from harness.sources.arrays import load
from harness.sources.image_set import ImageSet
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
got = load(ArraysSource(), Path(sys.argv[1]), ("a", "b", "c"), (96, 96, 3))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / got.images.nbytes)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss counts other units elsewhere")
def test_images_saved_as_float64_need_memory_for_their_result_and_not_for_the_file(tmp_path):
    n = 1000
    images = np.tile(np.arange(96.0), (n, 96, 3)).reshape(n, 96, 96, 3)
    path = saved(tmp_path / "a.npz", {"images": images, "labels": np.zeros(n)})
    peak = subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True).stdout
    assert float(peak) < 4, "the file is 8 times the result"
