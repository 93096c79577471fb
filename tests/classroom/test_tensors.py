"""Tensors are read from whatever wrote them, by content; nothing that a file asks for is run."""

import contextlib
import gzip
import io
import json
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict

import h5py
import joblib
import numpy as np
import pytest

from harness.classroom.similar.tensors import tensors_in
from harness.classroom.similar.unpickle import Inert, arrays_of

RNG = np.random.default_rng(1)
KERNEL = RNG.normal(size=(12, 5)).astype(np.float32)
OTHER = RNG.normal(size=(3, 4, 2))


def read(content):
    return {name: (array, layout) for name, array, layout in tensors_in(content)}


def arrays(content):
    return [array for array, _ in read(content).values()]


def written(write, *things, **more):
    file = io.BytesIO()
    write(file, *things, **more)
    return file.getvalue()


def hdf5():
    file = io.BytesIO()
    with h5py.File(file, "w") as made:
        made["layers/dense/vars/0"] = KERNEL
        made["optimizer/vars/0"] = OTHER
        made["names"] = [b"a", b"b"]
    return file.getvalue()


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in members.items():
            made.writestr(name, content)
    return file.getvalue()


def safetensors():
    head = {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F32", "shape": [12, 5], "data_offsets": [0, 240]},
        "b": {"dtype": "BF16", "shape": [2], "data_offsets": [240, 244]},
        "c": {"dtype": "I64", "shape": [0], "data_offsets": [244, 244]},
    }
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + KERNEL.tobytes() + b"\x80\x3f\x00\xc0"


def field(number, value):
    """Write a field of Protocol Buffers."""

    def varint(n):
        out = b""
        while n > 127:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def onnx():
    tensor = field(1, 12) + field(1, 5) + field(2, 1) + field(8, b"kernel") + field(9, KERNEL.tobytes())
    packed = field(1, bytes([3, 4, 2])) + field(2, 11) + field(8, b"constant") + field(9, OTHER.tobytes())
    node = field(4, b"Constant") + field(5, field(1, b"value") + field(5, packed))
    return field(1, 8) + field(2, b"test") + field(7, field(1, node) + field(5, tensor)) + field(8, field(2, 17))


def torch_archive(monkeypatch):
    """What torch.save writes of a state dict, with stand-ins for its functions and classes."""

    def _rebuild_tensor_v2(*words):
        raise AssertionError("run")

    class FloatStorage:
        pass

    class Tensor:
        def __init__(self, storage, offset, size, stride):
            self.words: tuple = (storage, offset, size, stride, False, OrderedDict())

        def __reduce__(self):
            return _rebuild_tensor_v2, self.words

    fake, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for module, thing in ((fake, FloatStorage), (utils, _rebuild_tensor_v2)):
        thing.__module__, thing.__qualname__ = module.__name__, thing.__name__
        setattr(module, thing.__name__, thing)
    monkeypatch.setitem(sys.modules, "torch", fake)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    class Writer(pickle.Pickler):
        def persistent_id(self, thing):
            return (
                ("storage", FloatStorage, thing[1], "cpu", 60)
                if isinstance(thing, tuple) and thing[:1] == ("S",)
                else None
            )

    state = OrderedDict(
        [("fc.weight", Tensor(("S", "0"), 0, (12, 5), (5, 1))), ("fc.turned", Tensor(("S", "0"), 5, (5, 11), (1, 5)))]
    )
    file = io.BytesIO()
    Writer(file, 2).dump({"epoch": 3, "model": state})
    return zipped(**{"net/data.pkl": file.getvalue(), "net/data/0": KERNEL.tobytes(), "net/version": "3"})


class Layer:
    """Keeps its weights as a class of one's own would."""

    def __init__(self):
        self.kernel, self.more = KERNEL, [{"other": OTHER}]


CONTENTS = {
    "npy": lambda: written(np.save, KERNEL),
    "npy in columns": lambda: written(np.save, np.asfortranarray(KERNEL)),
    "npz": lambda: written(np.savez_compressed, kernel=KERNEL),
    "hdf5": hdf5,
    "keras": lambda: zipped(**{"config.json": "{}", "metadata.json": "{}", "model.weights.h5": hdf5()}),
    "pickle": lambda: pickle.dumps({"kernel": KERNEL, "epochs": 3}),
    "pickle of protocol 2": lambda: pickle.dumps(KERNEL, protocol=2),
    "pickle of protocol 5": lambda: pickle.dumps([KERNEL, "text", None], protocol=5),
    "pickle of a class": lambda: pickle.dumps(Layer()),
    "npy of objects": lambda: written(np.save, np.array({"kernel": KERNEL}), allow_pickle=True),
    "joblib": lambda: written(lambda file, thing: joblib.dump(thing, file), {"kernel": KERNEL, "steps": [1, 2]}),
    "joblib, compressed": lambda: written(lambda file, thing: joblib.dump(thing, file, compress=3), [KERNEL]),
    "pickle in gzip": lambda: gzip.compress(pickle.dumps(KERNEL)),
    "safetensors": safetensors,
    "onnx": onnx,
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_the_kernel_is_read(kind):
    found = arrays(CONTENTS[kind]())
    assert any(one.dtype == KERNEL.dtype and np.array_equal(one, KERNEL) for one in found)


def test_what_an_optimizer_keeps_is_no_weight():
    assert list(read(hdf5())) == ["layers/dense/vars/0"]


def test_a_constant_of_a_graph_and_numbers_of_half_a_word_are_read():
    assert np.array_equal(read(onnx())["constant"][0], OTHER)
    assert read(safetensors())["b"][0].tolist() == [1.0, -2.0]


def test_tensors_of_pytorch_are_read_with_their_strides(monkeypatch):
    kernel, turned = arrays(torch_archive(monkeypatch))[::-1]
    assert np.array_equal(kernel, KERNEL) and np.array_equal(turned, KERNEL.ravel()[5:].reshape(11, 5).T)


def test_a_network_of_scikit_learn_is_read():
    from sklearn.neural_network import MLPClassifier

    X, y = RNG.normal(size=(40, 6)), np.arange(40) % 3
    made = MLPClassifier((5,), max_iter=2, random_state=1)
    with pytest.warns(UserWarning):
        made.fit(X, y)
    for content in (pickle.dumps(made), written(lambda file, thing: joblib.dump(thing, file), made)):
        found = arrays_of(content)
        shapes = [array.shape for _, array in found if array.dtype.kind == "f"]
        assert {(6, 5), (5, 3)} <= set(shapes)


class Bomb:
    def __reduce__(self):
        return print, ("run",)


def test_nothing_that_a_pickle_names_is_imported_or_called(capsys, tmp_path):
    program = b"cos\nsystem\n(S'touch %s'\ntR." % str(tmp_path / "run").encode()
    assert list(arrays_of(program)) == []
    assert next(iter(arrays_of(pickle.dumps([Bomb(), KERNEL]))))[1].shape == KERNEL.shape
    assert capsys.readouterr().out == "" and not list(tmp_path.iterdir())
    assert Inert(io.BytesIO(b"cbuiltins\nexec\n.")).load() is not exec
    assert "antigravity" not in sys.modules and list(arrays_of(b"cantigravity\nx\n.")) == []
    assert "antigravity" not in sys.modules


def test_a_tensor_outside_its_storage_is_refused(monkeypatch):
    whole = torch_archive(monkeypatch)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        short = {name: archive.read(name) for name in archive.namelist()} | {"net/data/0": KERNEL.tobytes()[:-4]}
    with pytest.raises(ValueError, match="outside"):
        arrays(zipped(**short))


@pytest.mark.parametrize("kind", CONTENTS)
def test_what_is_damaged_is_read_in_part_or_refused(kind):
    content = CONTENTS[kind]()
    rng = np.random.default_rng(len(content))
    for _ in range(25):
        broken = bytearray(content)
        for at in rng.integers(0, len(broken), 6):
            broken[at] = int(rng.integers(256))
        for part in (bytes(broken), content[: int(rng.integers(len(content)))]):
            with contextlib.suppress(Exception):  # the process does not end, hang, or grow
                for _ in tensors_in(part):
                    pass


def test_other_files_hold_none():
    for content in (b"", b"import numpy as np\n", b"\x89PNG\r\n\x1a\n", b"\x08\x01", json.dumps({"a": 1}).encode()):
        found = {}
        with contextlib.suppress(IndexError):  # it began like a graph
            found = read(content)
        assert found == {}
