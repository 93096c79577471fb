"""What a file of arrays is that is no ``.npz``: told by its first bytes, with the call that makes an ``.npz`` of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.errors import SourceError
from harness.sources.other_formats import kind_of, what_is

START = 1024  # bytes that tell
SAVE = "np.savez('NEW.npz', images={images}, labels={labels})"
TRUSTED = "If you trust who made it, since reading it can run any program: "
UNPACKED = "Unpack it first: {unpack} OLD; then name what comes out of it."


def _call(modules: str, opened: str, images: str, labels: str) -> str:
    save = SAVE.format(images=images, labels=labels)
    return f'python -c "import numpy as np{modules}; {opened}; {save}"'


_NPY = _call("", "x = np.load('OLD')", "x", "np.load('LABELS.npy')")
_HDF = _call(", h5py", "f = h5py.File('OLD')", "f['images'][:]", "f['labels'][:]")
_MAT = _call(", scipy.io", "f = scipy.io.loadmat('OLD')", "f['images']", "f['labels']")
_PICKLE = TRUSTED + _call("", "f = np.load('OLD', allow_pickle=True)", "f['data']", "f['labels']")
_TORCH = TRUSTED + _call(", torch", "f = torch.load('OLD')", "f['images'].numpy()", "f['labels'].numpy()")
_IDX = _call(
    "",
    "x, y = (np.frombuffer(open(name, 'rb').read(), 'u1') for name in ('OLD', 'LABELS'))",
    "x[16:].reshape(-1, *x[4:16].view('>i4')[1:])",
    "y[8:]",
)
_TABLE = (
    "A table of pixels: python -c \"import numpy as np, pandas as pd; f = pd.read_{reader}('OLD'); "
    "np.savez('NEW.npz', images=f.drop(columns='label').to_numpy().reshape(-1, HEIGHT, WIDTH), labels=f['label'])\"; "
    'a table of file names is a source of kind = "folder".'
)

# First bytes, where they stand, what they are of, and the way to an .npz.
MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\x93NUMPY", "one NumPy array (.npy)", _NPY),
    (0, b"\x89HDF\r\n", "an HDF5 file", _HDF),
    (512, b"\x89HDF\r\n", "a MATLAB file of version 7.3, which is HDF5", _HDF),
    (0, b"MATLAB 5.0 MAT-file", "a MATLAB file", _MAT),
    *((0, bytes([0x80, protocol]), "a pickle", _PICKLE) for protocol in range(2, 6)),
    (0, b"\0\0\x08\x03", "a file of images in the IDX form of MNIST", _IDX),
    (0, b"\0\0\x08\x01", "a file of labels in the IDX form of MNIST", _IDX.replace("OLD", "IMAGES")),
    (0, b"PAR1", "a Parquet table", _TABLE.format(reader="parquet")),
    (0, b"ARROW1", "an Arrow table", _TABLE.format(reader="feather")),
    (0, b"SQLite format 3\0", "an SQLite database", "Read its table with pandas.read_sql, and np.savez the columns."),
    (0, b"\x1f\x8b", "a gzip file", UNPACKED.format(unpack="gunzip -k, or tar -xzf where it is a .tar.gz:")),
    (257, b"ustar", "a tar archive", UNPACKED.format(unpack="tar -xf")),
)
ZIPS = (b"PK\x03\x04", b"PK\x05\x06")
FOLDER = 'For class folders of images put kind = "folder" under [source] of the contest file.'


def refuse_other(path: Path, names: Sequence[str] = ()) -> None:
    """Say what a file is that cannot be an ``.npz``, or a zip with `names` that holds no array; else nothing.

    Raises
    ------
    SourceError
        What it is, and the call that makes an ``.npz`` of it.
    """
    if path.is_dir():
        raise SourceError(f"{path.name or path} is a folder, expected an .npz of arrays.", FOLDER)
    if not path.is_file():  # a pipe would never end
        raise SourceError(f"{path.name} is no file, expected an .npz.", "Name the file.")
    if names:
        torch = any(name.endswith("data.pkl") for name in names)
        what = "a PyTorch file" if torch else f"a zip without arrays; it holds {', '.join(sorted(names)[:3])}"
        raise SourceError(f"{path.name} is {what}, expected an .npz.", _of(path, _TORCH) if torch else FOLDER)
    with path.open("rb") as file:
        start = file.read(START)
    if start.startswith(ZIPS):
        return
    if found := array_file(path, start):
        raise SourceError(f"{path.name} is {found[0]}, expected an .npz.", found[1])
    if image := what_is(start, path.name):
        raise SourceError(f"{path.name} is {image}, expected an .npz.", FOLDER)
    if (kind := kind_of(start)) is None:
        return
    way = kind.way if kind.name in ("a web page", "a Git-LFS pointer") else FOLDER
    if kind.name == "a text":
        way = _of(path, _TABLE.format(reader="csv"))
    raise SourceError(f"{path.name} is {kind.name}, expected an .npz.", way)


def array_file(path: Path, start: bytes) -> tuple[str, str] | None:
    """Return what a file of arrays is by its first bytes, and the call that makes an ``.npz`` of it; None of others.

    Examples
    --------
    >>> array_file(Path("x.parquet"), b"PAR1")[0], array_file(Path("x.png"), b"BM")
    ('a Parquet table', None)
    """
    for place, magic, what, way in MAGIC:
        if start[place : place + len(magic)] == magic:
            return what, _of(path, way)
    return None


def _of(path: Path, way: str) -> str:
    """Put the file's name into a command, where no shell minds it."""
    if not re.fullmatch(r"[\w.-]+", path.name):
        return way
    return way.replace("OLD", path.name).replace("NEW", path.name.partition(".")[0])
