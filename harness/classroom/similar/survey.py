"""What a zip holds that can be compared with others: its weights, its code, and files that are read by nobody here."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.classroom.similar.code import fingerprints
from harness.classroom.similar.tensors import Tensor, tensors_in
from harness.classroom.similar.weights import View, Weights, weights_of
from harness.contest import Limits
from harness.errors import HarnessError
from harness.freeze.frozen import read_arrays
from harness.limited import Bounds, Reader
from harness.sandbox.unpack import open_submission
from harness.words import printable

TEXT = {".py", ".md", ".txt", ".toml", ".json", ".yaml", ".yml", ".cfg", ".csv", ".rst", ""}
LEAST = 1000  # bytes of a file that says something when it is the same
CODE_BYTES = 2_000_000  # of one file of Python
BOUNDS = Bounds(cpu_s=300, wall_s=3000, memory_mb=6000)


@dataclass(frozen=True)
class Found:
    """What a process of its own says of a zip; the arrays of `views` lie in a file.

    Attributes
    ----------
    names, digests, sizes : tuple
        See `harness.classroom.similar.weights.Weights`.
    views : tuple of (tensor, units, fan-in)
    unread : tuple of str
        Files that could not be read, and why.
    files : dict of str to str
        Names of other files than code and text, by their SHA-256, whose tensors are not read.
    code : tuple of int
        Fingerprints.
    """

    names: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    views: tuple[tuple[int, int, int], ...] = ()
    unread: tuple[str, ...] = ()
    files: dict[str, str] | None = None
    code: tuple[int, ...] = ()


@dataclass(frozen=True)
class Survey:
    """What a zip holds: see `Found`."""

    weights: Weights
    unread: tuple[str, ...] = ()
    files: dict[str, str] | None = None
    code: frozenset[int] = frozenset()


NOTHING = Weights((), (), (), ())


class Surveyor:
    """Surveys zips, one after the other, in a process of its own.

    Parameters
    ----------
    limits : Limits
    n_classes : int
    n_images : sequence of int
        Sizes of the public splits.
    """

    def __init__(self, limits: Limits, n_classes: int, n_images: Sequence[int]) -> None:
        self.terms = (limits, n_classes, tuple(n_images))
        self.reader = Reader(BOUNDS)

    def __enter__(self) -> Surveyor:
        return self

    def __exit__(self, *words: object) -> None:
        self.reader.end()

    def look(self, path: Path) -> Survey:
        """Survey a zip, or one file of weights; what cannot be read at all is named as such."""
        with tempfile.TemporaryDirectory(prefix="hemobench-similar-") as folder:
            arrays = Path(folder) / "views.npz"
            try:
                found = self.reader.call(path.name, survey, path, arrays, *self.terms)
            except HarnessError as error:
                return Survey(NOTHING, (f"{path.name}: {error.message}",), {})
            kept = read_arrays(arrays)
        views = tuple(
            View(*facts, rows=kept[f"rows{at}"].astype(np.intp), matrix=kept[f"matrix{at}"])
            for at, facts in enumerate(found.views)
        )
        weights = Weights(found.names, found.digests, found.sizes, views)
        return Survey(weights, found.unread, found.files or {}, frozenset(found.code))


def survey(path: Path, arrays: Path, limits: Limits, n_classes: int, n_images: tuple[int, ...]) -> Found:
    """Read a zip, or one file of weights, and write what its layers are compared by to the file `arrays`.

    Raises
    ------
    RefusedZip
        The zip check refuses it.
    """
    sources: list[str] = []
    tensors: list[Tensor] = []
    unread: list[str] = []
    files: dict[str, str] = {}
    for name, content in _contents(path, limits):
        if name.endswith(".py"):
            sources.append(content[:CODE_BYTES].decode("utf-8", "replace"))
            continue
        found: list[Tensor] = []
        try:
            found = list(tensors_in(content))
        except Exception as error:  # whatever a library says to a stranger's file
            unread.append(printable(f"{name}: {type(error).__name__}: {error}")[:200])
        tensors += found
        if not found and len(content) >= LEAST and Path(name).suffix.lower() not in TEXT:
            files[hashlib.sha256(content).hexdigest()] = name
    weights = weights_of(tensors, n_classes, n_images)
    kept = {f"rows{at}": view.rows.astype(np.int64) for at, view in enumerate(weights.views)}
    np.savez(
        arrays, allow_pickle=False, **kept, **{f"matrix{at}": view.matrix for at, view in enumerate(weights.views)}
    )
    return Found(
        weights.names,
        weights.digests,
        weights.sizes,
        tuple((view.tensor, view.units, view.fan_in) for view in weights.views),
        tuple(unread),
        files,
        tuple(fingerprints(sources)),
    )


def _contents(path: Path, limits: Limits) -> list[tuple[str, bytes]]:
    """Return the files of an entry, the largest first left out where they are more than an entry may hold."""
    if path.suffix != ".zip":
        return [(path.name, path.read_bytes())]
    with open_submission(path, limits) as submission:
        room, found = limits.unpacked_mb * 1_000_000, []
        for name, info in sorted(submission.files.items()):
            if info.file_size <= room:
                with submission.archive.open(info) as member:
                    found.append((name, member.read(info.file_size)))
                room -= info.file_size
        return found
