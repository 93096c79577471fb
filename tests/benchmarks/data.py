"""Time freezing against only getting the images, and the search for near duplicates as the images grow in number."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.contest import EmbeddedSource, find_contest
from harness.freeze.signature import CELLS, nearest, reduced, signature
from harness.sources import ImageSet, embedded
from tests.benchmarks.page import Measured, in_turn, measured, seconds
from tests.benchmarks.verbs import contest_of, hemobench

DRAW = """
import sys
from harness.contest import find_contest
from harness.sources import load_source
load_source(find_contest(sys.argv[1]), None, cache=None)
"""
DECODE = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import numpy as np
from PIL import Image
def read(path):
    return np.asarray(Image.open(path).convert("RGB"))
paths = sorted(Path(sys.argv[1]).glob("*/*.jpg"))
with ThreadPoolExecutor(os.cpu_count()) as pool:
    images = np.stack(list(pool.map(read, paths)))
"""


def freeze(small: bool) -> Sequence[Measured]:
    with tempfile.TemporaryDirectory(prefix="hemobench-bench-") as name:
        folder = Path(name)
        named = str(contest_of(folder, 160)) if small else "blood-cells"
        contest = find_contest(named)

        def freeze_anew(*words: object) -> None:
            with tempfile.TemporaryDirectory(dir=folder) as workspace:
                hemobench(Path(workspace), "freeze", *words)

        def bare(code: str, *words: object) -> None:
            subprocess.run([sys.executable, "-c", code, *map(str, words)], check=True)

        source = EmbeddedSource(n_images=100 if small else 2000)
        drawn = embedded.load(source, contest.class_names, contest.image_shape)
        n = write_jpegs(drawn, folder / "cells")
        decoding = in_turn(
            1 if small else 5,
            lambda: freeze_anew("--contest", "blood-cells-folder", "--source", folder / "cells"),
            lambda: bare(DECODE, folder / "cells"),
        )
        drawing = in_turn(1 if small else 3, lambda: freeze_anew("--contest", named), lambda: bare(DRAW, named))
    return [
        ratio("the embedded contest", drawing, f"{contest.source.n_images:,} images"),
        ratio("a folder of JPEG files", decoding, f"{n:,} images of 96 × 96"),
    ]


def ratio(item: str, rounds: Sequence[tuple[float, ...]], note: str) -> Measured:
    ours, bare = (measured("", column).value for column in zip(*rounds, strict=True))
    return measured(item, [one / other for one, other in rounds], f"{note}; {ours:.1f} s against {bare:.1f}")


def write_jpegs(drawn: ImageSet, folder: Path) -> int:
    """Write each image in the eight positions of a square, none a copy of another, and return how many."""
    for name in drawn.class_names:
        (folder / name).mkdir(parents=True)

    def write(row: int) -> None:
        for turn in range(8):
            path = folder / drawn.class_names[drawn.labels[row]] / f"{row}-{turn}.jpg"
            turned = np.rot90(drawn.images[row][:, :: 1 if turn < 4 else -1], turn)
            Image.fromarray(turned).save(path, quality=95)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(write, range(len(drawn.labels))))
    return 8 * len(drawn.labels)


def duplicates(small: bool) -> Sequence[Measured]:
    sizes = (1_000, 10_000) if small else (10_000, 100_000)
    return growth(sizes, ("10,000", "100,000"), (1, 1) if small else (5, 1))


def million(small: bool) -> Sequence[Measured]:
    _, *rows = growth((1_000, 10_000) if small else (100_000, 1_000_000), ("100,000", "1,000,000"), (1, 1))
    return rows


def growth(sizes: tuple[int, int], names: tuple[str, str], rounds: tuple[int, int]) -> list[Measured]:
    """Search among so many signatures, so many times, and return the seconds and the exponent of their growth."""
    rows = []
    for n, name, times in zip(sizes, names, rounds, strict=True):
        points = drawn_signatures(n, np.random.default_rng(0))
        found: list[int] = []
        took = [seconds(lambda: found.append(len(nearest(points, points)))) for _ in range(times)]  # noqa: B023
        rows.append(measured(f"{name} signatures", took, f"{found[-1]:,} candidates"))
    few, many = rows
    exponent = math.log(many.value / few.value) / math.log(sizes[1] / sizes[0])
    return [*rows, measured(f"exponent from {names[0]} to {names[1]}", [exponent])]


def drawn_signatures(n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return signatures of shape (n, 48): drawn cells and what lies between two of them, with noise.

    One in a hundred is that of another one, but for a little.
    """
    contest = find_contest("blood-cells")
    drawn = embedded.load(EmbeddedSource(n_images=400), contest.class_names, contest.image_shape)
    cells = signature(reduced(drawn.images, CELLS))
    share = rng.random((n, 1))
    points = share * cells[rng.integers(0, len(cells), n)] + (1 - share) * cells[rng.integers(0, len(cells), n)]
    points += rng.normal(0, 12, points.shape)
    near = n // 100
    points[:near] = points[-near:] + rng.normal(0, 2, (near, points.shape[1]))
    return np.clip(np.rint(points), -511, 511).astype(np.float32)
