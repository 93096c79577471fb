"""The tensors in an entry's files, whatever wrote them, by content and not by suffix; nothing of an entry is run.

Read are NumPy's arrays and archives, HDF5 and Keras's archives, pickles of NumPy, scikit-learn and joblib, PyTorch's
archives, safetensors and ONNX.  To be called in a process of its own (`harness.limited`): a parser of HDF5 is a large
body of C.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.classroom.similar.unpickle import arrays_of, widened

LARGEST = 1_000_000_000  # bytes that come out of a compressed pickle
# Which axis of a kernel counts units: the last one in Keras, the first one in PyTorch; "" is not known.
Layout = Literal["last", "first", ""]
Tensor = tuple[str, NDArray, Layout]
SAFE = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I8": "<i1"}
ONNX = {1: "<f4", 3: "<i1", 10: "<f2", 11: "<f8"}  # data types of TensorProto


def tensors_in(content: bytes) -> Iterator[Tensor]:
    """Yield the tensors in a file, with their names; none where it is of a kind that holds none, or is not known.

    Raises
    ------
    Exception
        It is damaged; of which kind is up to the library that finds out.
    """
    if content.startswith(b"PK"):
        yield from _in_zip(content)
    elif content.startswith(b"\x89HDF\r\n\x1a\n"):
        yield from _in_hdf5(content)
    elif content.startswith(b"\x93NUMPY"):
        yield from _in_npy("", content)
    elif content[:1] == b"\x80" and content[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        yield from ((name, array, "") for name, array in arrays_of(content))
    elif content.startswith((b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")):
        inner = zlib.decompressobj(wbits=47).decompress(content, LARGEST)
        yield from tensors_in(inner) if inner[:1] in (b"\x80", b"\x93") else ()
    elif len(content) > 8 and content[8:9] == b"{" and int.from_bytes(content[:8], "little") < len(content):
        yield from _in_safetensors(content)
    elif content[:1] == b"\x08" and b"\x3a" in content[:4096]:
        yield from _in_onnx(memoryview(content))


def is_known(content: bytes) -> bool:
    """Say whether a file begins as one whose tensors can be read."""
    starts = (b"PK", b"\x89HDF", b"\x93NUMPY", b"\x80\2", b"\x80\3", b"\x80\4", b"\x80\5")
    return content.startswith(starts) or content[8:9] == b"{" or content[:1] == b"\x08"


def _in_zip(content: bytes) -> Iterator[Tensor]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        pickles = [name for name in names if name.endswith("/data.pkl") or name == "data.pkl"]
        for name in names:
            if name.endswith(".npy"):
                yield from _in_npy(name.removesuffix(".npy"), archive.read(name))
            elif name.endswith((".h5", ".hdf5")):
                yield from _in_hdf5(archive.read(name))
        for name in pickles:
            folder = name.removesuffix("data.pkl")
            found = arrays_of(archive.read(name), lambda key, at=folder: archive.read(f"{at}data/{key}"))  # type: ignore[misc]
            yield from ((at, array, "first") for at, array in found)


def _in_npy(name: str, content: bytes) -> Iterator[Tensor]:
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    if read(file)[2].hasobject:
        yield from ((at or name, array, "") for at, array in arrays_of(file.read()))
    else:
        yield name, np.lib.format.read_array(io.BytesIO(content), allow_pickle=False), ""


def _in_hdf5(content: bytes) -> Iterator[Tensor]:
    import h5py  # comes with Keras

    with h5py.File(io.BytesIO(content), "r") as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        for name in names:
            item = file[name]
            if "optimizer" not in name and item.dtype.kind in "fi" and item.nbytes <= LARGEST:
                yield name, item[()], "last"


def _in_safetensors(content: bytes) -> Iterator[Tensor]:
    start = 8 + int.from_bytes(content[:8], "little")
    for name, facts in json.loads(content[8:start]).items():
        if name == "__metadata__" or facts["dtype"] not in (*SAFE, "BF16"):
            continue
        low, high = facts["data_offsets"]
        part = content[start + low : start + high]
        flat = widened(part) if facts["dtype"] == "BF16" else np.frombuffer(part, SAFE[facts["dtype"]])
        yield name, flat.reshape(facts["shape"]), "first"


def _in_onnx(content: memoryview) -> Iterator[Tensor]:
    """Yield the initializers of a model, and the values of its constants.

    Notes
    -----
    Fields by their numbers in onnx.proto: ModelProto.graph 7; GraphProto.node 1, initializer 5; NodeProto.attribute 5;
    AttributeProto.t 5; TensorProto.dims 1, data_type 2, float_data 4, name 8, raw_data 9.
    """
    for number, graph in _fields(content):
        if number != 7 or not isinstance(graph, memoryview):
            continue
        for field, part in _fields(graph):
            if field == 5 and isinstance(part, memoryview):
                yield from _onnx_tensor(part)
            elif field == 1 and isinstance(part, memoryview):
                for at, attribute in _fields(part):
                    if at == 5 and isinstance(attribute, memoryview):
                        for inner, tensor in _fields(attribute):
                            if inner == 5 and isinstance(tensor, memoryview):
                                yield from _onnx_tensor(tensor)


def _onnx_tensor(content: memoryview) -> Iterator[Tensor]:
    dims: list[int] = []
    kind, name, data = 0, "", b""
    for number, value in _fields(content):
        if number == 1:
            dims += [value] if isinstance(value, int) else list(_varints(value))
        elif number == 2 and isinstance(value, int):
            kind = value
        elif isinstance(value, memoryview) and number == 8:
            name = bytes(value).decode("utf-8", "replace")
        elif isinstance(value, memoryview) and number in (4, 9):
            data += bytes(value)
    if kind in ONNX and data:
        yield name, np.frombuffer(data, ONNX[kind]).reshape(dims), "first" if len(dims) > 2 else ""


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the fields of a message of Protocol Buffers: their numbers, and a number or bytes."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(content, at)
            yield number, value
        elif wire in (1, 2, 5):
            size, at = _varint(content, at) if wire == 2 else ({1: 8, 5: 4}[wire], at)
            if at + size > len(content):
                raise ValueError("it ends within a field")
            yield number, content[at : at + size]
            at += size
        else:
            raise ValueError("it is no message of Protocol Buffers")


def _varints(content: memoryview) -> Iterator[int]:
    at = 0
    while at < len(content):
        value, at = _varint(content, at)
        yield value


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("a number in it does not end")
