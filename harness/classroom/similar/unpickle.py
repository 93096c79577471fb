"""Arrays out of pickles, without what a pickle could run: every class and function that it names is a stand-in.

The pickle's own instructions are followed, but each thing that it would import is a `Named`, which keeps what it was
called with and does nothing.  Arrays of NumPy, tensors of PyTorch and what joblib writes beside its pickles are then
put together from what was kept.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

DEEPEST = 200_000  # objects looked through in one pickle
# Storages of PyTorch by what their elements are; bfloat16 is the upper half of a float32.
STORAGES = {
    *(("FloatStorage", "<f4"), ("DoubleStorage", "<f8"), ("HalfStorage", "<f2"), ("BFloat16Storage", "bf16")),
    *(("CharStorage", "<i1"), ("ByteStorage", "<u1"), ("ShortStorage", "<i2"), ("IntStorage", "<i4")),
    ("LongStorage", "<i8"),
}
Read = Callable[[str], bytes]


class Named:
    """An object of a class, or what a function returned, that a pickle names by `module` and `name`."""

    module = name = ""

    args: tuple[Any, ...]
    state: Any
    items: list[Any]

    def __new__(cls, *args: Any, **more: Any) -> Named:
        made = super().__new__(cls)
        made.args, made.state, made.items = args, None, []
        return made

    def __init__(self, *args: Any, **more: Any) -> None:
        """Take what the real class would; `__new__` has kept it."""

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def append(self, item: Any) -> None:
        self.items.append(item)

    def extend(self, items: Any) -> None:
        self.items.extend(items)

    add = append

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items.append({key: value})

    def __call__(self, *args: Any, **more: Any) -> Named:
        return type(self)(*args)


class Inert(pickle._Unpickler):
    """Follows a pickle and imports nothing; `storage` gives the bytes of a PyTorch storage by its key."""

    stack: list[Any]
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)

    def __init__(self, file: io.BytesIO, storage: Read | None = None) -> None:
        super().__init__(file, encoding="latin1")
        self.source, self.storage = file, storage

    def find_class(self, module: str, name: str) -> Any:
        return type(str(name).rpartition(".")[2] or "Named", (Named,), {"module": str(module), "name": str(name)})

    def persistent_load(self, pid: Any) -> Any:
        return pid

    def get_extension(self, code: int) -> None:
        raise pickle.UnpicklingError("it uses the registry of extensions")

    def load_build(self) -> None:
        super().load_build()  # type: ignore[misc]
        made = self.stack[-1]
        if isinstance(made, Named) and made.name == "NumpyArrayWrapper" and isinstance(made.state, dict):
            self.stack[-1] = self._after_wrapper(made.state)

    dispatch[pickle.BUILD[0]] = load_build

    def _after_wrapper(self, state: dict[str, Any]) -> Any:
        """Return the array that joblib has written, raw, behind the wrapper that describes it."""
        dtype = dtype_of(state["dtype"])
        if state.get("numpy_array_alignment_bytes") is not None:
            self.source.read(self.source.read(1)[0])
        if dtype.hasobject:
            return Inert(self.source).load()
        shape = tuple(map(int, state["shape"]))
        content = self.source.read(math.prod(shape) * dtype.itemsize)
        return np.frombuffer(content, dtype).reshape(shape, order="F" if state["order"] == "F" else "C")


def arrays_of(content: bytes, storage: Read | None = None) -> Iterator[tuple[str, NDArray]]:
    """Yield the arrays in a pickle, each with the last key or attribute on the way to it.

    Raises
    ------
    Exception
        It is damaged, or of a kind that is not known here.
    """
    seen: set[int] = set()
    waiting: list[tuple[str, Any]] = [("", Inert(io.BytesIO(content), storage).load())]
    while waiting and len(seen) < DEEPEST:
        name, value = waiting.pop()
        if isinstance(value, np.ndarray):
            yield name, value
        if id(value) in seen or not isinstance(value, dict | list | tuple | set | Named):
            continue
        seen.add(id(value))
        if isinstance(value, Named):
            found = array_of(value, storage)
            if found is not None:
                yield name, found
            else:
                waiting += [(name, one) for one in (value.args, value.state, value.items, vars(value))]
        elif isinstance(value, dict):
            waiting += [(str(key)[:200], one) for key, one in value.items()]
        else:
            waiting += [(name, one) for one in value]


def array_of(value: Named, storage: Read | None) -> NDArray | None:
    """Return the array that a call in a pickle stands for; None where it stands for something else."""
    if value.name == "_reconstruct" and isinstance(value.state, tuple):
        _, shape, dtype, in_columns, content = value.state
        if isinstance(content, Named) and content.name == "encode":  # how Python 2 is told of bytes
            content = content.args[0]
        content = content.encode("latin1") if isinstance(content, str) else content
        if not isinstance(content, bytes | bytearray):
            return None  # an array of objects
        return np.frombuffer(content, dtype_of(dtype)).reshape(tuple(shape), order="F" if in_columns else "C")
    if value.name == "_frombuffer":
        content, dtype, shape, order = value.args
        return np.frombuffer(content, dtype_of(dtype)).reshape(tuple(shape), order=order)
    if value.name == "_rebuild_tensor_v2" and storage is not None:
        (_, kind, key, *_), offset, size, stride, *_ = value.args
        return _strided(storage(str(key)), dict(STORAGES)[kind.name], int(offset), tuple(size), tuple(stride))
    return None


def dtype_of(value: Any) -> np.dtype:
    """Return the dtype that a pickle describes.

    Raises
    ------
    ValueError
        It is none of plain numbers.
    """
    if isinstance(value, Named) and value.name == "dtype":
        found = np.dtype(str(value.args[0]))
        if isinstance(value.state, tuple) and value.state[1] == ">":
            found = found.newbyteorder(">")
        if found.names is None:
            return found
    raise ValueError(f"it holds an array of {value!r:.50}")


def _strided(content: bytes, kind: str, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> NDArray:
    flat = widened(content) if kind == "bf16" else np.frombuffer(content, kind)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if min((offset, *size, *stride), default=0) < 0 or (0 not in size and last >= len(flat)):
        raise ValueError("a tensor lies outside its storage")
    if 0 in size:
        return np.empty(size, flat.dtype)
    strides = tuple(step * flat.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(flat[offset:], size, strides, writeable=False)


def widened(content: bytes) -> NDArray[np.float32]:
    """Return bfloat16 numbers as float32: they are its upper half.

    Examples
    --------
    >>> widened(b"\\x80\\x3f\\x00\\xc0").tolist()
    [1.0, -2.0]
    """
    return (np.frombuffer(content, "<u2").astype("<u4") << 16).view("<f4")
