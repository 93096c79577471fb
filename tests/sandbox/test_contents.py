"""Which code beside ``.py`` files is named on the card, and that looking for it costs little whatever is there."""

from __future__ import annotations

import io
import json
import pickle
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from numpy._core import _multiarray_umath

from harness.contest import Limits
from harness.sandbox import contents
from harness.sandbox.contents import name_code
from harness.sandbox.outcome import Outcome
from harness.sandbox.run import run_entry

WEIGHTS = {"w": [1.0, 2.0]}


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def saved(array: object, save=np.save) -> bytes:
    buffer = io.BytesIO()
    save(buffer, array)
    return buffer.getvalue()


def joblib_bytes(compress: int) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(WEIGHTS, buffer, compress=compress)
    return buffer.getvalue()


def keras_config(**layer: object) -> bytes:
    dense = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}, "registered_name": None}
    model = {"module": "keras", "class_name": "Sequential", "config": {"layers": [dense, layer]}}
    return zipped(("metadata.json", b"{}"), ("config.json", json.dumps(model).encode()))


@pytest.fixture
def named(tmp_path):
    """Return a function that puts one file into a folder and gives the notes."""

    def look(name: str, content: bytes) -> tuple[str, ...]:
        path = tmp_path / "entry" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return name_code(tmp_path / "entry")

    return look


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_known_by_its_content_whatever_its_name(named, protocol):
    assert named("weights.bin", pickle.dumps(WEIGHTS, protocol)) == (f"{contents.PICKLE}: 'weights.bin'.",)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pkl", pickle.dumps(WEIGHTS, 0)),
        ("a.PICKLE", pickle.dumps(WEIGHTS, 1)),
        ("a.joblib", joblib_bytes(0)),
        ("a.joblib", joblib_bytes(3)),
        ("a.pkl.gz", b"\x1f\x8b\x08rest"),
        ("w.npy", saved(np.array([{}, None], object))),
        ("w.npy", saved(np.zeros(2, [("a", "u1"), ("b", object)]))),
        ("w.npz", saved(np.array([{}], object), np.savez)),
        ("w.npz", saved(np.array([{}], object), np.savez_compressed)),
        # What torch.save writes, legacy and now.
        ("w.pt", pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(WEIGHTS, 2)),
        ("w.pth", zipped(("w/data.pkl", pickle.dumps(WEIGHTS, 2)), ("w/data/0", bytes(64)), ("w/version", b"3"))),
    ],
)
def test_every_usual_file_of_pickles_is_named(named, name, content):
    (note,) = named(name, content)
    assert note.startswith(contents.PICKLE)
    assert name in note


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("w.npy", saved(np.zeros((3, 4), np.float32))),
        ("w.npz", saved(np.zeros((3, 4), np.float32), np.savez)),
        ("w.npz", saved(np.zeros(3), np.savez_compressed)),
        ("pickles.txt", b"a jar of pickles"),
        ("w.bin", bytes(range(256)) * 20),
        ("w.safetensors", b"\x40\x00\x00\x00\x00\x00\x00\x00{}"),
        ("model.onnx", b"\x08\x07\x12\x07pytorch"),
        ("empty", b""),
        ("model.keras", keras_config(module="keras.layers", class_name="ReLU", config={}, registered_name=None)),
        ("model.keras", keras_config(module="builtins", class_name="function", config="relu")),
    ],
)
def test_what_holds_numbers_alone_is_not_named(named, name, content):
    assert named(name, content) == ()


@pytest.mark.parametrize(
    ("layer", "word"),
    [
        ({"module": "keras.layers", "class_name": "Lambda", "config": {}}, "Lambda"),
        ({"class_name": "__lambda__", "config": {"code": "4wEA"}}, "Lambda"),
        ({"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {}}, "TorchModuleWrapper"),
        ({"module": None, "class_name": "Half", "config": {}, "registered_name": "mine>Half"}, "custom objects"),
        ({"module": "network", "class_name": "Block", "config": {}, "registered_name": "Block"}, "custom objects"),
        ({"module": "keras_tricks", "class_name": "Block", "config": {}}, "custom objects"),
    ],
)
def test_a_keras_file_with_code_of_its_own_is_named(named, layer, word):
    assert named("m/model.keras", keras_config(**layer)) == (f"{contents.KERAS}: 'm/model.keras' ({word}).",)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_keras_itself_writes_is_read_rightly(tmp_path):
    keras: Any = pytest.importorskip("keras")
    entry = tmp_path / "entry"
    entry.mkdir()

    @keras.saving.register_keras_serializable(package="tests")
    class Half(keras.layers.Layer):
        def call(self, x):
            return x / 2

    inputs = keras.Input((4, 4, 3))
    plain = keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(keras.layers.Conv2D(2, 1)(inputs)))
    models = {
        "plain": keras.Model(inputs, plain),
        "doubled": keras.Model(inputs, keras.layers.Lambda(lambda x: x * 2)(inputs)),
        "halved": keras.Model(inputs, Half()(inputs)),
    }
    models["plain"].compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    models["plain"].save_weights(entry / "plain.weights.h5")
    for name, model in models.items():
        model.save(entry / f"{name}.keras")
    models["plain"].save(entry / "plain.h5")
    models["doubled"].save(entry / "doubled.h5")
    assert name_code(entry) == (
        f"{contents.KERAS}: 'doubled.h5' (Lambda), 'doubled.keras' (Lambda), 'halved.keras' (custom objects).",
    )


def test_a_class_name_that_is_escaped_in_hdf5_hides_nothing(named):
    start = contents.HDF5_START + bytes(5000)
    assert named("a.h5", start + b'{"class_name": "\\u004cambda"}') == (
        f"{contents.KERAS}: 'a.h5' (an escaped class name).",
    )
    assert named("a.h5", start + b'{"class_name": "Dense", "name": "Lambda"}') == ()


@pytest.mark.parametrize("name", [Path(sys.executable).resolve(), Path(_multiarray_umath.__file__)])
def test_native_code_is_known_by_its_content(named, name):
    with name.open("rb") as file:
        content = file.read(20_000)
    assert named("weights.bin", content) == (f"{contents.NATIVE}: 'weights.bin'.",)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (zipped(("inner.zip", zipped(("a.pkl", b""))), method=zipfile.ZIP_STORED), "an archive"),
        (zipped(("a", b"text"), method=zipfile.ZIP_LZMA), "compressed in an unusual way"),
        (zipped(("a", b"text"))[:-30], "a damaged archive"),
        (zipped(("config.json", b"{")), "a damaged config.json"),
        (zipped(("config.json", b"[" * 100_000)), "a damaged config.json"),
        (b"\x1f\x8b\x08rest", "an archive"),
        (b"\x93NUMPY\x09\x00rest", "a damaged header"),
    ],
    ids=["nested", "lzma", "cut", "config", "deep-config", "gzip", "npy"],  # the bytes of a zip hold the time
)
def test_what_cannot_be_searched_is_named_too(named, content, why):
    (note,) = named("w.bin", content)
    assert note.startswith(contents.UNSEARCHED)
    assert why in note


@pytest.mark.parametrize(
    "bomb",
    [
        lambda: zipped(("config.json", bytes(300_000_000))),
        lambda: zipped(("config.json", b'{"a":' + b"[0," * 600_000)),
        lambda: zipped(*((f"a{i}", b"") for i in range(60_000))),
        lambda: zipped(*((f"a{i}.npy", bytes(20_000)) for i in range(14_000))),
    ],
    ids=["a huge config", "a nested config", "many members", "members that grow"],
)
def test_a_bomb_in_an_inner_archive_costs_seconds_at_most_however_often_it_is_there(named, tmp_path, bomb):
    content = bomb()
    for copy in range(20):
        (tmp_path / "entry").mkdir(exist_ok=True)
        (tmp_path / "entry" / f"{copy:02}.keras").write_bytes(content)
    started = time.process_time()
    (note,) = named("last.keras", content)
    assert time.process_time() - started < 60
    assert note.startswith(contents.UNSEARCHED)
    assert note.endswith("and 16 more.")


def test_names_are_printable_and_few(tmp_path):
    for number in range(9):
        (tmp_path / f"{number}\u2028{'x' * 200}.pkl").write_bytes(b"")
    (note,) = name_code(tmp_path)
    assert note.isprintable()
    assert note.endswith("and 4 more.")
    assert len(note) < 500


def test_an_entry_with_a_pickle_runs_isolated_and_the_card_says_so(images, tmp_path):
    model = (
        "import pickle\n"
        "class Model:\n"
        "    def __init__(self):\n"
        "        self.label = pickle.load(open('label.pkl', 'rb'))\n"
        "    def predict(self, X):\n"
        "        return [self.label] * len(X)\n"
    )
    path = tmp_path / "entry.zip"
    path.write_bytes(zipped(("model.py", model.encode()), ("label.pkl", pickle.dumps(5))))
    run = run_entry(path, images, 8, Limits(), scratch=tmp_path / "scratch", order=1)
    assert run.outcome is Outcome.SCORED
    assert f"{contents.PICKLE}: 'label.pkl'." in run.notes
    assert set(run.predictions["val"].tolist()) == {5}
