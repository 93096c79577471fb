"""Whether two entries hold the same weights: by hash, else up to an order of units, small noise and what was cut off.

A trained network is one of very many that do as well.  Two that were trained apart have hidden units that have nothing
to do with one another, whatever the recipe; a copy has the same ones, under other names, in another order, a little
changed.  So units are compared by direction: the weights that lead into one, centred and scaled to length one.

What says nothing is left out: tensors of few numbers; rows of data; a basis that public data alone give (principal
components); kernels that lead to the classes, which a convex fit finds again from any seed; and whatever the baselines
and the files named as common hold, too.

References
----------
That hidden units can be reordered without a change of the function, and that matching their weights finds the order:
S. K. Ainsworth, J. Hayase, S. Srinivasa, "Git Re-Basin: merging models modulo permutation symmetries", ICLR 2023, who
solve an assignment layer by layer; here a match must be mutual, and a layer is only entered through one that matched.
That copies betray themselves by their weights while independent trainings do not: H. Jia, H. Chen, J. Guan,
A. S. Shamsabadi, N. Papernot, "A zest of LIME: towards architecture-independent model distances", ICLR 2022, section 2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.classroom.similar.tensors import Layout, Tensor

SMALLEST = 64  # numbers in a tensor that says anything
DISTINCT = 16  # different ones among them
UNITS = 4  # of a layer that says anything
FAN_IN = 12  # weights that lead into each of them
ALIKE = 0.95  # cosine of two units' weights from which on they are one: noise of a third of their size
HALF = 0.5  # share of a layer's units that are
SHARE = 0.2  # of the smaller entry's weights, in matched layers, from which on it is no accident
NUMBERS = 128  # weights in matched layers, at least
BASIS = 1e-3  # by which rows of an orthonormal basis may miss it
ROUNDS = 20  # layers deep that an order of units is followed
# What is kept of a layer: the longest rows, and evenly spaced columns; and of an entry, its first layers.
ROWS, COLUMNS, KEPT = 512, 1024, 1_000_000
GLANCE = (64, 256)  # rows and columns by which most pairs are told apart
GLANCED = 0.3  # share of the rows of a glance from which on a pair is looked at

Units = NDArray[np.intp]


@dataclass(frozen=True)
class View:
    """A tensor read as units and the weights that lead into each.

    Attributes
    ----------
    tensor : int
        Its number in `Weights`.
    units, fan_in : int
        The whole layer's shape.
    rows : ndarray of shape (k,), intp
        The units that are kept, in order.
    matrix : ndarray of shape (k, d), float16
        Their weights; d < `fan_in` where only some are kept.
    """

    tensor: int
    units: int
    fan_in: int
    rows: Units
    matrix: NDArray[np.float16]

    @property
    def whole(self) -> bool:
        """Whether all weights of a unit are kept, so that their order can be changed."""
        return self.matrix.shape[1] == self.fan_in

    @property
    def directions(self) -> NDArray[np.float32]:
        """The rows scaled to one length, less what all have in common, as inputs that are always bright give."""
        rows = _directions(self.matrix.astype(np.float32))
        return rows - rows.mean(axis=0)

    @cached_property
    def glance(self) -> NDArray[np.float32]:
        """The directions of the longest rows, by some of their weights."""
        lengths = np.linalg.norm(self.matrix.astype(np.float32), axis=1)
        longest = np.sort(np.argsort(-lengths, kind="stable")[: GLANCE[0]])
        return _directions(self.directions[longest][:, :: -(-self.matrix.shape[1] // GLANCE[1])])


@dataclass(frozen=True)
class Weights:
    """The tensors of one entry that may say something, and how they are compared.

    Attributes
    ----------
    names : tuple of str
    digests : tuple of str
        What tensors share that hold the same numbers, in whatever order and shape.
    sizes : tuple of int
    views : tuple of View
        Of the tensors that are compared up to noise, too.
    """

    names: tuple[str, ...]
    digests: tuple[str, ...]
    sizes: tuple[int, ...]
    views: tuple[View, ...]

    @cached_property
    def hidden(self) -> frozenset[int]:
        """The tensors that are compared up to noise."""
        return frozenset(view.tensor for view in self.views)


class Layer(msgspec.Struct, frozen=True):
    """A tensor of one entry that is one of the other's.

    `equal` says that they hold the same numbers; else `units` of `of` units are alike, with a median `cosine`.
    """

    one: str
    other: str
    numbers: int
    equal: bool
    units: int
    of: int
    cosine: float
    digest: str = ""  # of the first one's


class Match(msgspec.Struct, frozen=True):
    """What two entries' weights have in common.

    Attributes
    ----------
    layers : tuple of Layer
    share : float
        Of the numbers of the smaller entry that are compared, those in matched layers, 0 to 1.
    comparable : bool
        Whether there were layers of one size to be compared at all.
    """

    layers: tuple[Layer, ...] = ()
    share: float = 0.0
    comparable: bool = False

    @property
    def found(self) -> bool:
        """Whether that is more than an accident."""
        numbers = sum(layer.numbers for layer in self.layers)
        return self.share >= SHARE and (numbers >= NUMBERS or all(layer.equal for layer in self.layers))

    @property
    def apart(self) -> bool:
        """Whether both were trained, each from a start of its own: alike in size, and in nothing else."""
        return self.comparable and not self.layers


def weights_of(tensors: Iterable[Tensor], n_classes: int, n_images: Container[int]) -> Weights:
    """Return what is compared of an entry's tensors.

    Parameters
    ----------
    tensors : iterable of (str, ndarray, layout)
    n_classes : int
        A matrix with an axis of this length leads to the classes, or from them, and is compared by its hash alone.
    n_images : container of int
        Sizes of the public splits: a tensor with so many rows holds data.
    """
    names, digests, sizes, views = [], [], [], []
    room = KEPT
    for name, array, layout in tensors:
        if array.size < SMALLEST or not _are_weights(array) or array.shape[0] in n_images:
            continue
        values = np.nan_to_num(np.asarray(array, np.float32), posinf=0, neginf=0)
        ordered = np.sort(values, axis=None)
        if np.count_nonzero(np.diff(ordered)) + 1 < DISTINCT:
            continue
        digests.append(hashlib.sha256(ordered.astype("<f4").tobytes()).hexdigest())
        names.append(name)
        sizes.append(values.size)
        found = list(_matrices(values, layout, n_classes))
        if not any(map(_is_basis, found)):
            kept = [_kept(len(names) - 1, matrix) for matrix in found]
            room -= sum(view.matrix.size for view in kept)
            views += kept if room >= 0 else []
    return Weights(tuple(names), tuple(digests), tuple(sizes), tuple(views))


def _are_weights(array: NDArray) -> bool:
    """Say whether an array holds floating-point numbers, or such as were made bytes."""
    return bool(array.ndim and (array.dtype.kind == "f" or array.dtype == np.int8))


def _matrices(values: NDArray[np.float32], layout: Layout, n_classes: int) -> Iterator[NDArray[np.float32]]:
    """Yield a tensor as (units, fan-in), in every reading that is possible."""
    values = np.squeeze(values)
    if values.ndim < 2 or (values.ndim == 2 and n_classes in values.shape):
        return
    if layout == "first" and values.ndim > 2:  # PyTorch has units, channels, rows, columns; Keras the units last
        values, layout = np.moveaxis(values, (0, 1), (-1, -2)), "last"
    readings = [np.moveaxis(values, -1, 0)]
    if values.ndim == 2 or layout == "":
        readings.append(values)
    for reading in readings:
        matrix = reading.reshape(len(reading), -1)
        if matrix.shape[0] >= UNITS and matrix.shape[1] >= FAN_IN:
            yield matrix


def _is_basis(matrix: NDArray[np.float32]) -> bool:
    """Say whether the rows are orthonormal."""
    if len(matrix) > min(matrix.shape[1], ROWS):
        return False
    return bool(np.abs(matrix @ matrix.T - np.eye(len(matrix), dtype=np.float32)).max() < BASIS)


def _kept(tensor: int, matrix: NDArray[np.float32]) -> View:
    """Keep of a layer what it is compared by, scaled so that half precision holds it."""
    longest = np.argsort(-np.linalg.norm(matrix, axis=1), kind="stable")[:ROWS]
    rows = np.sort(longest)
    some = matrix[rows][:, :: -(-matrix.shape[1] // COLUMNS)]
    scale = float(np.abs(some).max()) or 1.0
    return View(tensor, len(matrix), matrix.shape[1], rows, (some / scale).astype(np.float16))


def match(one: Weights, other: Weights, common: Sequence[Weights] = ()) -> Match:
    """Return what two entries' weights have in common and `common` ones have not.

    Notes
    -----
    Layers are compared unit by unit; each pair of units must be nearest to one another.  A layer whose inputs are in
    another order is compared once the layer before it has matched: its units' order is that of the inputs.
    """
    known = {digest for weights in common for digest in weights.digests}
    equal = _equal_tensors(one, other, known)
    views = [(a, b) for a in one.views for b in other.views]
    layers = [Layer(one.names[a], other.names[b], one.sizes[a], True, 0, 0, 1.0, one.digests[a]) for a, b in equal]
    hidden = sum(one.sizes[a] for a, _ in equal if a in one.hidden)
    if equal or any(_glance(a, b) for a, b in views):
        for a, b, units, of, cosine in _alike_tensors(views, equal):
            if any(_is_in(one, a, weights) for weights in common):
                continue
            numbers = min(one.sizes[a], other.sizes[b])
            hidden += numbers
            layers.append(Layer(one.names[a], other.names[b], numbers, False, units, of, cosine, one.digests[a]))
    base = min(sum(of.sizes[number] for number in of.hidden if of.digests[number] not in known) for of in (one, other))
    # Where there is nothing but matrices that lead to the classes, those must be equal, number by number.
    share = min(1.0, hidden / base) if base else float(bool(layers))
    return Match(tuple(layers), share, any(_same_size(a, b) for a, b in views))


def _equal_tensors(one: Weights, other: Weights, known: set[str]) -> list[tuple[int, int]]:
    """Return the tensors that hold the same numbers in whatever order, each taken once."""
    left: dict[str, list[int]] = {}
    for number, digest in enumerate(other.digests):
        left.setdefault(digest, []).append(number)
    return [
        (number, left[digest].pop(0))
        for number, digest in enumerate(one.digests)
        if digest not in known and left.get(digest)
    ]


def _alike_tensors(
    views: Sequence[tuple[View, View]], equal: Sequence[tuple[int, int]]
) -> list[tuple[int, int, int, int, float]]:
    """Return the tensors whose units are alike: both numbers, units matched, of how many, and their median cosine."""
    found: list[tuple[int, int, int, int, float]] = []
    gone = ({a for a, _ in equal}, {b for _, b in equal})
    orders: list[_Order] = []
    for a, b in views:  # tensors that are equal tell an order of units, too
        if (a.tensor, b.tensor) in equal and (pairs := _straight(a, b)):
            orders.append(_Order(a.units, b.units, *pairs[:2]))
    new: list[_Order] | None = None
    for _ in range(ROUNDS):
        added: list[_Order] = []
        for a, b in views:
            if a.tensor in gone[0] or b.tensor in gone[1]:
                continue
            pairs = (_straight(a, b) or _in_order(a, b, orders)) if new is None else _in_order(a, b, new)
            if pairs:
                gone[0].add(a.tensor)
                gone[1].add(b.tensor)
                found.append((a.tensor, b.tensor, len(pairs[0]), min(len(a.rows), len(b.rows)), pairs[2]))
                added.append(_Order(a.units, b.units, *pairs[:2]))
        new = added if new is not None else [*orders, *added]
        if not added:
            break
    return found


@dataclass(frozen=True)
class _Order:
    """Which of `n_one` units is which of `n_other`: those that were matched."""

    n_one: int
    n_other: int
    one: Units
    other: Units


Pairs = tuple[Units, Units, float]


def _same_size(a: View, b: View) -> bool:
    """Say whether two layers are of one size, but for a few units."""
    return all(0.8 * max(m, n) <= min(m, n) for m, n in ((a.units, b.units), (a.fan_in, b.fan_in)))


def _glance(a: View, b: View) -> bool:
    """Say whether it is worth the time to compare two layers whole."""
    if a.fan_in != b.fan_in:
        return False
    return bool(_mutual(a.glance, b.glance)[0].sum() >= max(UNITS, GLANCED * min(len(a.glance), len(b.glance))))


def _straight(a: View, b: View) -> Pairs | None:
    """Match the units of two layers with their inputs as they stand."""
    return _paired(a, b, a.directions, b.directions) if a.fan_in == b.fan_in else None


def _in_order(a: View, b: View, orders: Sequence[_Order]) -> Pairs | None:
    """Match them with their inputs in each order that is known."""
    for order in orders if a.whole and b.whole else ():
        times, rest = divmod(a.fan_in, order.n_one)
        if rest or times * order.n_other != b.fan_in or len(order.one) * times < FAN_IN:
            continue
        for last in (True, False)[: min(times, 2)]:
            one = _inputs(a.directions, order.n_one, times, order.one, last)
            other = _inputs(b.directions, order.n_other, times, order.other, last)
            if pairs := _paired(a, b, one, other):
                return pairs
    return None


def _inputs(rows: NDArray[np.float32], n: int, times: int, chosen: Units, last: bool) -> NDArray[np.float32]:
    """Return the weights that come from `chosen` of `n` units, each of which feeds `times` inputs."""
    if last:
        return rows.reshape(len(rows), times, n)[:, :, chosen].reshape(len(rows), -1)
    return rows.reshape(len(rows), n, times)[:, chosen].reshape(len(rows), -1)


def _paired(a: View, b: View, one: NDArray[np.float32], other: NDArray[np.float32]) -> Pairs | None:
    """Return which units of `a` and `b` are one, and the median cosine of their rows; None where too few are."""
    both, to_other, cosines = _mutual(_directions(one), _directions(other))
    if both.sum() < max(UNITS, HALF * min(len(a.rows), len(b.rows))):
        return None
    return a.rows[both], b.rows[to_other[both]], float(np.median(cosines[both]))


def _mutual(one: NDArray[np.float32], other: NDArray[np.float32]) -> tuple[NDArray[np.bool_], Units, NDArray]:
    """Return of each direction of `one` whether it is alike and nearest to one of `other`, which, and the cosine."""
    cosines = one @ other.T
    rows, to_other = np.arange(len(one)), cosines.argmax(axis=1)
    best = cosines[rows, to_other]
    return (cosines.argmax(axis=0)[to_other] == rows) & (best >= ALIKE), to_other, best


def _directions(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    found: NDArray[np.float32] = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)
    return found


def _is_in(one: Weights, number: int, common: Weights) -> bool:
    """Say whether a tensor of an entry is, but for small changes, one of the common ones."""
    mine = [view for view in one.views if view.tensor == number]
    return any(_straight(a, b) is not None for a in mine for b in common.views)
