"""The course's .npz is read as it was saved, in whatever number type, or refused with the place of the fault."""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness.errors import SourceError
from harness.sources.an2dl import load

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


def refusal(path: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        load(path, CLASSES, SHAPE)
    assert caught.value.hint, "a refusal says what to do"
    return caught.value


@pytest.mark.parametrize("dtype", ["u1", "i2", "<i8", ">i4", "f2", "f4", "<f8", ">f8"])
@pytest.mark.parametrize("compressed", [False, True])
def test_whole_values_from_0_to_255_are_read_in_any_number_type(tmp_path, arrays, dtype, compressed):
    typed = {key: array.astype(dtype) for key, array in arrays.items()}
    got = load(saved(tmp_path / "a.npz", typed, compressed), CLASSES, SHAPE)
    np.testing.assert_array_equal(got.images, arrays["images"])
    np.testing.assert_array_equal(got.labels, arrays["labels"][:, 0])
    assert got.ids[0] == "an2dl-00000"
    assert got.ids[-1] == "an2dl-00229"
    assert got.official_hidden is None


def test_labels_may_be_one_column_or_flat(tmp_path, arrays):
    flat = arrays | {"labels": arrays["labels"][:, 0]}
    np.testing.assert_array_equal(
        load(saved(tmp_path / "a.npz", flat), CLASSES, SHAPE).labels,
        load(saved(tmp_path / "b.npz", arrays), CLASSES, SHAPE).labels,
    )


def test_arrays_in_fortran_order_are_read_alike(tmp_path, arrays):
    fortran = {key: np.asfortranarray(array.astype(float)) for key, array in arrays.items()}
    got = load(saved(tmp_path / "a.npz", fortran), CLASSES, SHAPE)
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


def test_a_fraction_is_refused_with_its_image(tmp_path, arrays):
    images = arrays["images"].astype(np.float64)
    images[9, 0, 0, 0] = 12.5
    assert (
        "Image 9 of images in a.npz has a pixel of value 12.5"
        in refusal(saved(tmp_path / "a.npz", arrays | {"images": images})).message
    )


def test_an_integer_beyond_a_byte_is_refused_not_wrapped(tmp_path, arrays):
    images = arrays["images"].astype(np.int64)
    images[4, 0, 0, 0] = 256 + 7
    assert "value 263" in refusal(saved(tmp_path / "a.npz", arrays | {"images": images})).message


def test_images_scaled_to_0_1_are_called_so(tmp_path, arrays):
    for scaled in (arrays["images"] / 255, (arrays["images"] > 127).astype(np.uint8)):
        error = refusal(saved(tmp_path / "a.npz", arrays | {"images": scaled}))
        assert "lie between 0 and 1, expected 0 to 255" in error.message
        assert "* 255" in error.hint


@pytest.mark.parametrize("shape", [(N, 6, 6, 3), (N, 3, 6, 5), (N, 90), (N, 6, 5, 1)])
def test_images_of_another_shape_are_refused(tmp_path, arrays, shape):
    error = refusal(saved(tmp_path / "a.npz", arrays | {"images": np.zeros(shape, np.uint8)}))
    assert f"images in a.npz has shape {shape}, expected (n, 6, 5, 3)" in error.message


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


@pytest.mark.parametrize(
    "images", [np.full((N, *SHAPE), "7"), np.zeros((N, *SHAPE), bool), np.zeros((N, *SHAPE), complex)]
)
def test_what_is_no_number_is_refused_by_its_dtype(tmp_path, arrays, images):
    assert f"has dtype {images.dtype}" in refusal(saved(tmp_path / "a.npz", arrays | {"images": images})).message


@pytest.mark.parametrize("value", [3, -1, 0.5, np.nan])
def test_a_label_that_is_no_class_is_refused_with_its_place(tmp_path, arrays, value):
    labels = arrays["labels"].astype(float)
    labels[17] = value
    message = refusal(saved(tmp_path / "a.npz", arrays | {"labels": labels})).message
    assert f"Label 17 of labels in a.npz is {float(value)}, expected a whole number from 0 to 2" in message


def test_one_hot_labels_are_called_so(tmp_path, arrays):
    one_hot = np.eye(3)[arrays["labels"][:, 0]]
    error = refusal(saved(tmp_path / "a.npz", arrays | {"labels": one_hot}))
    assert "one column for each class" in error.message
    assert "argmax" in error.hint


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


def test_a_file_that_was_cut_or_is_no_npz_is_refused(tmp_path, arrays):
    path = saved(tmp_path / "a.npz", arrays)
    path.write_bytes(path.read_bytes()[:-30])
    assert "a.npz is no whole .npz" in refusal(path).message
    np.save(tmp_path / "b.npy", arrays["images"])
    assert "b.npy is no whole .npz" in refusal(tmp_path / "b.npy").message


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
from harness.sources.an2dl import load
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
got = load(Path(sys.argv[1]), ("a", "b", "c"), (96, 96, 3))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / got.images.nbytes)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss counts other units elsewhere")
def test_images_saved_as_float64_need_memory_for_their_result_and_not_for_the_file(tmp_path):
    n = 1000
    images = np.tile(np.arange(96.0), (n, 96, 3)).reshape(n, 96, 96, 3)
    path = saved(tmp_path / "a.npz", {"images": images, "labels": np.zeros(n)})
    peak = subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True).stdout
    assert float(peak) < 4, "the file is 8 times the result"
