"""Plant changed copies among real images, and count which are found: the tables of ``docs/leaks.md``.

python -m tests.benchmarks.leaks pbc96.zip --images 3000 --copies 100
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from harness.contest import Cleaning
from harness.format import interval, percent
from harness.freeze.draft import draft_contest
from harness.freeze.fingerprint import pixel_hashes
from harness.freeze.near import find_near
from harness.score.stats import wilson_interval
from harness.sources import load_source

Pixels = NDArray[np.uint8]
Change = Callable[[Pixels, np.random.Generator], Pixels]
MOST = 0.1  # of the side, of moves and zooms


def turned(image: Pixels, rng: np.random.Generator) -> Pixels:
    turn = int(rng.integers(1, 8))
    return np.rot90(image[:, ::-1] if turn >= 4 else image, turn % 4)


def moved(image: Pixels, rng: np.random.Generator) -> Pixels:
    reach = int(MOST * len(image))
    down, across = (int(step) for step in rng.integers(-reach, reach + 1, 2))
    fill = ("constant", "edge", "reflect")[rng.integers(3)]
    wide = np.pad(image, ((reach, reach), (reach, reach), (0, 0)), fill)  # type: ignore[call-overload]
    return wide[reach + down : reach + down + len(image), reach + across : reach + across + image.shape[1]]


def boxed(image: Pixels, share: float, down: float, across: float) -> Pixels:
    height, width = image.shape[:2]
    left, top = across * share * width, down * share * height
    box = (left, top, left + width * (1 - share), top + height * (1 - share))
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC, box=box))


def cropped(image: Pixels, rng: np.random.Generator) -> Pixels:
    return boxed(image, rng.uniform(0.02, MOST), rng.random(), rng.random())


def zoomed(image: Pixels, rng: np.random.Generator) -> Pixels:
    share = rng.uniform(0.02, MOST)
    if rng.integers(2):
        return boxed(image, share, 0.5, 0.5)
    height, width = image.shape[:2]
    edge = int(share / 2 * height) + 1, int(share / 2 * width) + 1
    wide = Image.fromarray(np.pad(image, ((edge[0],) * 2, (edge[1],) * 2, (0, 0)), "reflect"))
    return np.asarray(wide.resize((width, height), Image.Resampling.BICUBIC))


def lit(enhance: Callable[[Image.Image], ImageEnhance._Enhance]) -> Change:
    def change(image: Pixels, rng: np.random.Generator) -> Pixels:
        factor = 1 + rng.uniform(0.05, 0.2) * (1 if rng.integers(2) else -1)
        return np.asarray(enhance(Image.fromarray(image)).enhance(factor))

    return change


def saved(image: Pixels, rng: np.random.Generator) -> Pixels:
    packed = io.BytesIO()
    Image.fromarray(image).save(packed, "JPEG", quality=30)
    return np.asarray(Image.open(packed))


def halved(image: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = image.shape[:2]
    small = Image.fromarray(image).resize((width // 2, height // 2), Image.Resampling.BICUBIC)
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


CHANGES: dict[str, Change] = {
    "turned or mirrored": turned,
    "moved to 10 %": moved,
    "cropped to 10 %": cropped,
    "zoomed to 10 %": zoomed,
    "brightness to 20 %": lit(ImageEnhance.Brightness),
    "contrast to 20 %": lit(ImageEnhance.Contrast),
    "JPEG 30": saved,
    "half the size and back": halved,
}


def planted(images: Pixels, copies: int, rng: np.random.Generator) -> Iterator[tuple[str, int, Pixels]]:
    """Yield copies of the first images: the kind, the row of the original, the pixels."""
    for row in range(copies):
        for kind, change in CHANGES.items():
            yield kind, row, change(images[row], rng)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--copies", type=int, default=100)
    words = parser.parse_args()
    rng = np.random.default_rng(2026)
    draft = draft_contest(Path("none"), "planted", words.source)
    whole = load_source(draft.contest, words.source, cache=Path("none"))
    base = whole.images[rng.permutation(len(whole))[: words.images]]
    kinds, origin, pixels = zip(*planted(base, words.copies, rng), strict=True)
    images = np.concatenate([base, np.stack(pixels)])
    of = [*range(len(base)), *origin]
    hashes = pixel_hashes(images)
    rows = sorted(range(len(images)), key=lambda row: hashes[row])
    begun = time.perf_counter()
    pairs = [(rows[pair.first], rows[pair.second]) for pair in find_near(images[rows], Cleaning())]
    seconds = time.perf_counter() - begun
    found = {max(pair) for pair in pairs if of[pair[0]] == of[pair[1]] == min(pair)}
    found |= {row for row in range(len(base), len(images)) if hashes[row] == hashes[of[row]]}
    print("| planted | n | found | 95 % interval |\n|---|---:|---:|---:|")
    for kind in CHANGES:
        hits = sum(len(base) + at in found for at, one in enumerate(kinds) if one == kind)
        low, high = wilson_interval(hits, words.copies)
        print(f"| {kind} | {words.copies} | {percent(hits / words.copies, 1)} % | {interval(low, high)} |")
    false = sum(of[one] != of[other] for one, other in pairs)
    print(f"\n{len(images):,} images in {seconds:.0f} s; pairs of different originals: {false}.")


if __name__ == "__main__":
    main()
