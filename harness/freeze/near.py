"""Find near duplicates: one image, turned, mirrored, moved, zoomed, in other light, or saved again.

Three steps, from cheap and many to dear and few:

1. *Candidates*, by signatures that hardly change by all that (`harness.freeze.signature`).
2. *Registration*.  Turn and shift by correlating the fine structure at low resolution, then shift and zoom by least
   squares at a higher one.
3. *Verdict*.  Drawings of one shape may be made to lie on each other; a copy also has the grain of its original
   (`harness.freeze.grain`).  Then what is left between the two, in the same light: structure (`near_bits`) and grey
   levels (`near_difference`), see `harness.contest.Cleaning`.

Sums of products are sums of integers small enough to be exact in floating point, so that a link depends neither on
the processor nor on how a library orders its sums.  Positions are rounded to a lattice before anything is decided.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from harness.contest import Cleaning
from harness.freeze.grain import grain
from harness.freeze.register import FINE, INNER, INSIDE, LATTICE, ZOOM_UNIT, likeness, registered, sample
from harness.freeze.signature import CELLS, ZOOMS, box, candidates, reduced, turned

CHUNK = 32  # pairs at once: what is derived from them stays in the processor's cache
SHIFT = 3  # cells that an image may have moved: an eighth of its side
CORE = CELLS - 2 * SHIFT
ALIKE = 0.67  # cosine of fine structure at low resolution, from which a pair is registered further
FIRST_STEPS, STEPS = 2, 3  # of the least squares, before and after a look at the fine structure
LIKELY = 0.6  # correlation of it, from which a pair is registered further
GAIN = 1.7  # largest ratio of contrasts
AS_WELL, SYMMETRIC = 0.06, 0.8  # of other turns: cosine behind that of the best, and least; their grain then decides
EQUAL = 4.0  # grey levels of the mean difference of two images that are the same in place
OTHER_GRAIN, SAME_GRAIN = 0.12, 0.5  # correlation of grain: below, two images are different; from here, one
BLOCK = 6  # cells of FINE: the parts of an image whose difference is judged


class NearPair(msgspec.Struct, frozen=True):
    """Two images that are copies of one another, and how the second is to be changed to lie on the first.

    Attributes
    ----------
    first, second : int
        Rows, `first` < `second`.
    turn : int
        Quarter turns counter-clockwise, 0 to 3; 4 more where it is mirrored from left to right before.
    zoom : float
        Side of the part of the second that covers the same part of the first, as a ratio.
    shift : float
        How far it is moved, as a share of the side.
    gain : float
        Ratio of the contrasts.
    difference : float
        Grey levels, 0-255, by which the part that differs most differs in the root mean square.
    bits : float
        Bits of a 256-bit difference hash of fine structure that would differ.
    level : float
        Mean difference in grey levels, 0-255, before anything is done about the light.
    grain : float or None
        Correlation of their grain, see `harness.freeze.grain.grain`; None where they have none in common.
    """

    first: int
    second: int
    turn: int
    zoom: float
    shift: float
    gain: float
    difference: float
    bits: float
    level: float
    grain: float | None

    @property
    def moved(self) -> bool:
        return self.shift >= 0.015

    @property
    def zoomed(self) -> bool:
        return abs(self.zoom - 1) >= 0.015

    @property
    def relit(self) -> bool:
        return abs(self.gain - 1) >= 0.04

    @property
    def share(self) -> float:
        """What share of the limits holds: the more was fitted, the better different images may be made to agree."""
        if self.zoomed and self.relit:
            return 0.5
        return 0.75 if self.moved or self.zoomed or self.relit else 1.0

    def within(self, rules: Cleaning) -> bool:
        """Whether it is a copy: the same grain, or the same in place and no other grain; and little is left over."""
        same = not (self.moved or self.zoomed or self.relit) and self.level <= EQUAL
        alike = same if self.grain is None else self.grain >= (OTHER_GRAIN if same else SAME_GRAIN)
        limit = self.share
        return alike and self.bits <= limit * rules.near_bits and self.difference <= limit * rules.near_difference

    @property
    def kind(self) -> str:
        """What was done to a copy, in words; empty where only its pixels differ a little."""
        words = ["mirrored"] if self.turn >= 4 else []
        words += [f"turned by {90 * (self.turn % 4)}°"] if self.turn % 4 else []
        words += [f"moved by {100 * self.shift:.0f} %"] if self.moved else []
        words += [f"zoomed by {100 * abs(self.zoom - 1):.0f} %"] if self.zoomed else []
        words += ["other light"] if self.relit else []
        return ", ".join(words)


# The matrix products here are small: several threads in each would wait for one another, seven times as long.
one_thread = threadpool_limits.wrap(limits=1, user_api="blas")


@one_thread
def find_near(images: NDArray[np.uint8], rules: Cleaning) -> list[NearPair]:
    """Return the pairs of near duplicates among images of shape (n, h, w, 3), uint8, in order of their rows.

    Rows should come in an order that follows from what the images hold, such as that of their pixel hashes: which
    candidates are compared depends on it, where signatures are as near as others.
    """
    if len(images) < 2:
        return []
    return judge(images, candidates(images), rules)


# ---- Registration -----------------------------------------------------------------------------------------------


def _structure(grids: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the fine structure of brightness on a grid, whole numbers of shape (n, 24, 24), -127 to 127."""
    grey = grids.sum(axis=3, keepdims=True)
    fine = (25 * grey - box(grey, 2))[..., 0]
    spread = np.sqrt((fine * fine).mean(axis=(1, 2)))
    return np.clip(np.rint(fine * (30 / np.maximum(spread, 1))[:, None, None]), -127, 127).astype(np.float32)


_AT = np.arange(CELLS * CELLS, dtype=np.int64).reshape(1, CELLS, CELLS, 1)
# For each turn and each shift of a window, the cells of an image in the order of those of the core they lie on.
_WINDOWS = np.concatenate(
    [
        np.lib.stride_tricks.sliding_window_view(turned(_AT, turn)[0, ..., 0], (CORE, CORE)).reshape(-1, CORE * CORE)
        for turn in range(8)
    ]
)


def _rough(images: NDArray[np.uint8], directed: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (row, zoom, whole row, turn, down, across) of the pairs that look alike at low resolution.

    Each once, or once for each turn where several do about as well.

    The whole one is turned; then its part that lies `down` and `across` cells from the middle is what the zoomed one's
    core shows.
    """
    if not len(directed):
        return np.empty((0, 6), np.int64)
    whole = _structure(reduced(images, CELLS))
    core = slice(SHIFT, SHIFT + CORE)
    cores = [_structure(reduced(images, CELLS, percent))[:, core, core].reshape(len(images), -1) for percent in ZOOMS]
    order = np.lexsort((directed[:, 1], directed[:, 0], directed[:, 2]))
    directed = directed[order]
    lengths = [_length(part) for part in cores]
    starts = np.flatnonzero(np.diff(directed[:, 2], prepend=-1))

    def likest(pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        windows = whole[pairs[0, 2]].ravel()[_WINDOWS]
        parts = np.stack([cores[zoom][row] for row, zoom in pairs[:, :2]])
        products = (parts @ windows.T).astype(np.float64)  # 324 products below 2**14 in a sum: exact in float32
        sizes = np.sqrt([lengths[zoom][row] for row, zoom in pairs[:, :2]])
        cosine = products / (sizes[:, None] * np.sqrt(_length(windows))[None])
        cosine = cosine.reshape(len(pairs), 8, -1)
        heights = cosine.max(axis=2)
        row, turn = np.nonzero(_open(heights, heights.max(axis=1, keepdims=True)))
        down, across = np.divmod(cosine[row, turn].argmax(axis=1), 2 * SHIFT + 1)
        return np.column_stack([pairs[row], turn, down - SHIFT, across - SHIFT, np.rint(2**20 * heights[row, turn])])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(likest, np.split(directed, starts[1:])))
    table = np.concatenate(found).astype(np.int64)
    # Of both directions and all zooms, the best of each turn; of turns, those that do about as well as the best.
    low, high = np.sort(table[:, [0, 2]], axis=1).T
    back = np.array([0, 3, 2, 1, 4, 5, 6, 7])  # the turn of the first one, where the second is the whole one
    turn = np.where(table[:, 0] > table[:, 2], back[table[:, 3]], table[:, 3])
    order = np.lexsort((table[:, 1], table[:, 0], -table[:, 6], turn, low, high))
    table, key = table[order], np.column_stack([low, high, turn])[order]
    fresh = np.any(np.diff(key, axis=0, prepend=-1) != 0, axis=1)
    table, key = table[fresh], key[fresh]
    _, pair = np.unique(key[:, :2], axis=0, return_inverse=True)
    best = np.zeros(len(table), np.int64)
    np.maximum.at(best, pair.ravel(), table[:, 6])
    return table[_open(table[:, 6] / 2**20, best[pair.ravel()] / 2**20), :6]


def _open(heights: NDArray[np.float64], best: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which turns of a pair are registered further, by their cosines and the best of them."""
    return (heights >= ALIKE) & ((heights == best) | (heights >= np.maximum(best - AS_WELL, SYMMETRIC)))


def _length(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the sum of squares of each row, at least 1; exact, see `_structure`."""
    return np.maximum(np.einsum("ij,ij->i", rows, rows).astype(np.float64), 1)


# ---- Verdict ----------------------------------------------------------------------------------------------------


@one_thread
def judge(images: NDArray[np.uint8], directed: NDArray[np.int64], rules: Cleaning) -> list[NearPair]:
    """Return the near duplicates among candidates, as `candidates` gives them, in order of their rows."""
    rough = _rough(images, directed)
    rows, place = np.unique(rough[:, [0, 2]], return_inverse=True)
    place = place.reshape(-1, 2)
    grey = np.empty((len(rows), FINE, FINE, 1), np.float32)
    for start in range(0, len(rows), CHUNK):
        colour = _smooth(reduced(images[rows[start : start + CHUNK]], FINE))
        grey[start : start + CHUNK] = np.floor(colour.sum(axis=3, keepdims=True) / 48)
    sides = np.array([100 * ZOOM_UNIT // percent for percent in ZOOMS])
    at = np.stack([sides[rough[:, 1]], *(rough[:, 4:6] * (LATTICE * FINE // CELLS)).T], axis=1)

    def near(start: int) -> list[NearPair]:
        part = slice(start, start + CHUNK)
        one, other = (grey[side].astype(np.float64) for side in place[part].T)
        other = _each_turned(other, rough[part, 3])
        placed = registered(one, other, at[part], FIRST_STEPS)
        rows = rough[part]
        for steps in (STEPS, 0):
            inner = one[:, INSIDE, INSIDE], sample(other, placed)
            grains = grain(*inner)
            alike = likeness(*(_fine(planes) for planes in inner)) >= LIKELY
            likely = np.flatnonzero(alike & ~(grains < OTHER_GRAIN))
            if not len(likely):
                return []
            one, other, rows, placed = one[likely], other[likely], rows[likely], placed[likely]
            if steps:
                placed = registered(one, other, placed, steps)
        return [pair for pair in _judged(images, rows, placed, grains[likely]) if pair.within(rules)]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [pair for pairs in pool.map(near, range(0, len(rough), CHUNK)) for pair in pairs]
    found.sort(key=lambda pair: (pair.first, pair.second, pair.difference))
    best = {(pair.first, pair.second): pair for pair in reversed(found)}  # of several turns, what leaves least
    return [best[rows] for rows in sorted(best)]


def every_pair(rows: Sequence[int], others: Iterable[int]) -> NDArray[np.int64]:
    """Return all candidates of `rows` and `others`, at every zoom and both ways, for `judge`."""
    pairs = [
        (a, zoom, b)
        for row in rows
        for other in others
        if row != other
        for a, b in ((row, other), (other, row))
        for zoom in range(len(ZOOMS))
    ]
    return np.array(sorted(set(pairs)), np.int64).reshape(-1, 3)


def _each_turned(planes: NDArray[np.float64], turns: NDArray[np.int64]) -> NDArray[np.float64]:
    out = np.empty_like(planes)
    for turn in np.unique(turns):
        out[turns == turn] = turned(planes[turns == turn], int(turn))
    return out


def _fine(planes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 25 times the difference from the mean of 5 × 5 cells."""
    return 25 * planes - box(planes, 2)


def _judged(
    images: NDArray[np.uint8], rough: NDArray[np.int64], at: NDArray[np.int64], grains: NDArray[np.float64]
) -> list[NearPair]:
    """Measure what is left between pairs, in colour; those whose contrasts are too unlike are left out."""
    one, whole = (np.floor(_smooth(reduced(images[side], FINE)) / 16) for side in rough[:, [0, 2]].T)
    one, whole = one[:, INSIDE, INSIDE], sample(_each_turned(whole, rough[:, 3]), at)
    gain, difference, bits = _left_over(one, whole)
    level = np.abs(one - whole).mean(axis=(1, 2, 3)) / 16
    pairs = []
    for k, (a, _, b, turn, *_) in enumerate(rough.tolist()):
        if 1 / GAIN <= gain[k] <= GAIN:
            ratio, ways = at[k, 0] / ZOOM_UNIT, turn
            if a > b:
                ratio, ways = 1 / ratio, turn if turn >= 4 else -turn % 4
            moved = math.hypot(*at[k, 1:]) / (LATTICE * FINE)
            pairs.append(
                NearPair(
                    min(a, b), max(a, b), ways, round(float(ratio), 3), round(moved, 3),
                    round(float(gain[k] if a < b else 1 / gain[k]), 3),
                    round(float(difference[k]), 2), round(float(bits[k]), 2),
                    round(float(level[k]), 2), None if np.isnan(grains[k]) else round(float(grains[k]), 3),
                )
            )  # fmt: skip
    return pairs


def _smooth(grids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 16 times the means by weights 1, 2, 1 both ways, which interpolation between cells changes little."""
    for axis in (1, 2):
        lines = grids.swapaxes(1, axis)
        ends = np.concatenate([lines[:, :1], lines, lines[:, -1:]], axis=1)
        grids = (ends[:, :-2] + 2 * lines + ends[:, 2:]).swapaxes(1, axis)
    return grids


def _left_over(
    one: NDArray[np.float64], other: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return gain, difference and bits, see `NearPair`, of pairs that lie on each other, each of shape (n,).

    The one of less contrast is put into the light of the other: grey levels are multiplied and shifted as those tell
    that neither image has clipped, and clipped as it has.
    """
    top = 255 * 16
    axes = (1, 2, 3)
    usable = (np.minimum(one, other) > 0.02 * top) & (np.maximum(one, other) < 0.98 * top)
    usable |= usable.mean(axis=axes, keepdims=True) < 0.25
    n = usable.sum(axis=axes).astype(np.float64)
    sums = [(part * usable).sum(axis=axes) for part in (one, other)]
    squares = [
        n * (part * part * usable).sum(axis=axes) - total**2 for part, total in zip((one, other), sums, strict=True)
    ]
    product = n * (one * other * usable).sum(axis=axes) - sums[0] * sums[1]
    swap = (squares[0] < squares[1])[:, None, None, None]
    target, source = np.where(swap, other, one), np.where(swap, one, other)
    flat = swap[:, 0, 0, 0]
    gain = product / np.maximum(np.minimum(*squares), 1)
    level = (np.where(flat, sums[1], sums[0]) - gain * np.where(flat, sums[0], sums[1])) / n
    lit = np.clip(np.rint(gain[:, None, None, None] * source + level[:, None, None, None]), 0, top)
    rest = (target - lit)[:, 1:-1, 1:-1]
    parts = (INNER - 2) // BLOCK
    blocks = (rest * rest).reshape(len(rest), parts, BLOCK, parts, BLOCK, 3).sum(axis=(2, 4, 5))
    difference = np.sqrt(blocks.max(axis=(1, 2)) / (3 * BLOCK**2)) / 16
    alike = likeness(_fine(target), _fine(lit))
    bits = 256 / np.pi * np.arccos(np.clip(alike, -1, 1))
    return np.where(flat, 1 / np.maximum(gain, 1e-9), gain), difference, bits
