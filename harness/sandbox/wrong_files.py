"""Files of an entry that are not what their names say: a pointer, a web page, a notebook, a text in UTF-16, nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from harness.python_source import LARGEST, not_source
from harness.sandbox.outcome import EntryRun, Outcome
from harness.sources.other_formats import START, kind_of
from harness.words import printable

ZIP, HDF5, NUMPY, PICKLE = b"PK\x03\x04", b"\x89HDF", b"\x93NUMPY", b"\x80"
# How files of weights begin; of the others many ways are right.
BEGINS = {".keras": ZIP, ".npz": ZIP, ".npy": NUMPY, ".h5": HDF5, ".hdf5": HDF5}
WEIGHTS = (*BEGINS, ".pt", ".pth", ".ckpt", ".safetensors", ".onnx", ".tflite", ".pkl", ".pickle", ".joblib", ".bin")
PICKLES = (".pkl", ".pickle", ".joblib", ".bin")  # may be texts
BY_KERAS = (".keras", ".h5", ".hdf5")  # read by their suffix
END_OF_ZIP, TAIL = b"PK\x05\x06", 66_000
LONGEST = 40  # characters of a text that are quoted
POINTER = "a Git-LFS pointer"
OF_NOTEBOOK = re.compile(r"name '(get_ipython|display)' is not defined|No module named '(google|IPython)\b")
MAGIC = re.compile(r"^\s+(?:[%!?]{1,2}\w|[\w.]+\?{1,2}$)", re.MULTILINE)  # a line that a traceback shows
NOTEBOOK_LINE = "That line is a notebook's, which no script knows: take it out."
FETCH = "The download went wrong: fetch the file itself."


@dataclass(frozen=True)
class WrongFile:
    """A file by its name in the entry, what it is, and the way to the right one.

    `encoding` is that of a Python file which only has to be saved anew.
    """

    name: str
    what: str
    way: str
    encoding: str = ""


def wrong_files(folder: Path) -> tuple[WrongFile, ...]:
    """Return the files below an unpacked entry that cannot be what they are called, by their first bytes."""
    return tuple(_wrong_files(folder))


def _wrong_files(folder: Path) -> Iterator[WrongFile]:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name, suffix = path.relative_to(folder).as_posix(), path.suffix.casefold()
        with path.open("rb") as file:
            head = file.read(LARGEST if suffix == ".py" else START)
        if suffix == ".py":
            # A package's __init__.py may be empty.
            if (head.strip() or name == "model.py") and (wrong := not_source(head)):
                yield WrongFile(name, wrong.what, wrong.way, wrong.encoding)
        elif suffix in WEIGHTS:
            if found := _no_weights(path, suffix, head):
                yield WrongFile(name, *found)
        elif (kind := kind_of(head)) and kind.name == POINTER:
            yield WrongFile(name, kind.name, kind.way)


def _no_weights(path: Path, suffix: str, head: bytes) -> tuple[str, str] | None:
    """Return what a file of weights is, and what to do, where it is none."""
    if not head:
        return "empty", "Save the weights again, and pack them again."
    if not any(head) and not _rest(path, START).strip(b"\0"):
        return "nothing but zeros", "A copy or a download of it broke off: fetch the file again."
    expected = BEGINS.get(suffix, b"")
    if expected and head.startswith(expected):
        if expected == ZIP and suffix not in BY_KERAS and END_OF_ZIP not in _rest(path, -TAIL):
            return f"cut short, at {path.stat().st_size:,} bytes", "Copy or download it again."
        return None
    kind = kind_of(head)
    if kind is None or (kind.name == "a text" and suffix in PICKLES):
        return None
    if kind.name == POINTER:
        return kind.name, kind.way
    if kind.name == "a text":
        first = printable(head.decode("latin-1").strip().partition("\n")[0].strip())
        return f"a text, {first[:LONGEST]!r}", FETCH
    if kind.name in ("a web page", "an XML file"):
        return kind.name, FETCH
    if suffix in BY_KERAS:
        return kind.name, f"Save it again as {suffix}, or rename it here and in model.py."
    return None


def _rest(path: Path, start: int) -> bytes:
    """Return the first part of a file behind `start`, or its end where `start` is below 0."""
    with path.open("rb") as file:
        file.seek(start if start >= 0 else max(0, path.stat().st_size + start))
        return file.read(TAIL)


def explained(run: EntryRun, wrong: Sequence[WrongFile]) -> EntryRun:
    """Return a run that failed with the file in its hint that it failed of, as far as can be told."""
    if run.outcome not in (Outcome.IMPORT_FAILED, Outcome.LOAD_FAILED):
        return run
    if OF_NOTEBOOK.search(run.message) or (run.code == "syntax_error" and MAGIC.search(run.log)):
        return replace(run, hint=NOTEBOOK_LINE)
    if run.code == "module_missing":
        return run
    said = f"{run.message} {run.subject} {run.log}"
    named = [one for one in wrong if PurePosixPath(one.name).name in said]
    others = [one for one in wrong if one.name == "model.py" or run.outcome is Outcome.LOAD_FAILED]
    for one in (*named, *others):
        return replace(run, hint=f"{one.name} is {one.what}. {one.way}")
    return run
