"""Who goes where: a stratified split that follows the images, not their order or the names of their classes."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.contest import Contest, SplitSpec
from harness.errors import FreezeError
from harness.freeze.clean import Cleaned
from harness.words import counted

PARTS = ("public", "private", "val", "train")  # the first two are the halves of the hidden test
TRIES, DEALT = 64, 20_000  # orders that groups are dealt in, and groups dealt in all of these together


class Splits(msgspec.Struct, frozen=True):
    """Where each image goes.

    Attributes
    ----------
    rows : dict of str to ndarray of shape (m,), intp
        Positions of the images of ``hidden``, ``val`` and ``train``, in order of pixel hash.
    public : ndarray of shape (hidden images,), bool
        Which of the hidden images are scored at once.
    """

    rows: dict[str, NDArray[np.intp]]
    public: NDArray[np.bool_]


def split_images(
    contest: Contest,
    labels: NDArray[np.int64],
    cleaned: Cleaned,
    official: NDArray[np.bool_] | None,
    *,
    before: NDArray[np.int64] | None = None,
) -> Splits:
    """Deal images to the splits and to the halves of the hidden test; a group of `cleaned` is never cut.

    Parameters
    ----------
    contest : Contest
    labels : ndarray of shape (n,), int64
    cleaned : Cleaned
        Of the same n images.
    official : ndarray of shape (n,), bool, or None
        What the source declares its test set: that is the hidden test, and the rest is cut in the proportion that the
        contest asks for.
    before : ndarray of shape (n,), int64, optional
        The labels before the contest file corrected any: images are dealt by these, so that one that is relabelled
        while the contest runs stays in its split, and moves no other.

    Raises
    ------
    FreezeError
        A split, or a half of the hidden test, would lack a class.
    """
    spec = contest.split
    seed = spec.seed
    assert isinstance(seed, int), "a private seed was drawn"
    cut = grouped_split if spec.grouped else stratified_split
    dealt_as = labels if before is None else before

    def deal(rows: NDArray[np.intp], shares: Sequence[float], purpose: str) -> NDArray[np.int64]:
        keys = [cleaned.hashes[row] for row in rows]
        return cut(dealt_as[rows], cleaned.groups[rows], keys, shares, seed=seed, purpose=purpose)

    everything = np.arange(len(labels), dtype=np.intp)
    if official is not None:
        rest = np.flatnonzero(~official)
        parts = np.ones(len(labels), np.int64)
        parts[rest] = 2 + deal(rest, (spec.val / (1 - spec.hidden),), "split")
    elif spec.grouped:  # at once, since a hidden test of few groups could not be halved afterwards
        parts = deal(everything, (spec.hidden * spec.public, spec.hidden * (1 - spec.public), spec.val), "split")
    else:
        parts = 1 + deal(everything, (spec.hidden, spec.val), "split")
    if official is not None or not spec.grouped:
        hidden = np.flatnonzero(parts == 1)
        parts[hidden] = deal(hidden, (spec.public,), "public half")
    _check_sizes(contest, labels, cleaned, parts, official)
    rows = {"hidden": parts < 2, "val": parts == 2, "train": parts == 3}
    return Splits({name: np.flatnonzero(of) for name, of in rows.items()}, parts[parts < 2] == 0)


def _check_sizes(
    contest: Contest,
    labels: NDArray[np.int64],
    cleaned: Cleaned,
    parts: NDArray[np.int64],
    official: NDArray[np.bool_] | None,
) -> None:
    """Refuse parts of which one lacks a class, and say how many images, or groups, each class needs."""
    spec, groups = contest.split, cleaned.groups

    # Of images that are dealt together: where, to which parts, and how many of n go to each.
    pools: list[tuple[str, NDArray[np.bool_], range, Callable[[int], list[int]]]] = [
        ("", np.ones(len(labels), bool), range(4), partial(_whole, spec))
    ]
    if official is not None:
        pools = [
            (" in the source's test set", official, range(2), partial(_halves, spec)),
            (" outside the source's test set", ~official, range(2, 4), partial(_rest, spec)),
        ]
    said = []
    for where, rows, to, sizes in pools:
        needed = len(to) if spec.grouped else _least(sizes)
        for label, name in enumerate(contest.class_names):
            members = rows & (labels == label)
            lacking = [PARTS[part] for part in to if not (parts[members] == part).any()]
            if lacking:
                found = len(np.unique(groups[members]))  # what stays together counts once
                has = counted(found, "group" if spec.grouped else "image")
                said.append(
                    f"{name} has {has}{where}, expected at least {max(needed, found + 1)} ({' and '.join(lacking)} "
                    "would hold none)"
                )
    if said:
        raise FreezeError(
            f"Every split and both halves of the hidden test must hold each class: {'; '.join(said)}.",
            "Add images of that class, leave it out, or see whether the contest's cleaning rules took them"
            + (": what is in one group stays together." if spec.grouped else "; near duplicates count once.")
            + _dropped(cleaned),
        )


def _dropped(cleaned: Cleaned) -> str:
    """Return a sentence on what cleaning dropped, since a freeze that fails writes no summary; empty for nothing."""
    rules = Counter(finding.rule for finding in cleaned.findings if finding.action == "dropped")
    return f" Cleaning dropped {', '.join(f'{n:,} by {rule}' for rule, n in sorted(rules.items()))}." if rules else ""


def images_needed(spec: SplitSpec) -> tuple[int, int, int]:
    """Return how many images a class needs, so that every split and both halves of the hidden test hold one.

    Returns
    -------
    tuple of int
        In all; where the source has a test set, in that, and outside of it.

    Examples
    --------
    >>> images_needed(SplitSpec())
    (8, 2, 5)
    """
    return _least(partial(_whole, spec)), _least(partial(_halves, spec)), _least(partial(_rest, spec))


def _least(sizes: Callable[[int], list[int]]) -> int:
    return next(n for n in count(1) if min(sizes(n)) > 0)


def _whole(spec: SplitSpec, n: int) -> list[int]:
    """Return how many of `n` images of a class go to each of `PARTS`."""
    hidden, val = _share(n, spec.hidden), _share(n, spec.val)
    return [*_halves(spec, hidden), val, n - hidden - val]


def _halves(spec: SplitSpec, n: int) -> list[int]:
    return [_share(n, spec.public), n - _share(n, spec.public)]


def _rest(spec: SplitSpec, n: int) -> list[int]:
    val = _share(n, spec.val / (1 - spec.hidden))
    return [val, n - val]


def _share(n: int, share: float) -> int:
    """Return how many of `n` images make up a share."""
    return int(n * share + 0.5)


def grouped_split(
    labels: NDArray[np.int64],
    groups: NDArray[np.intp],
    keys: Sequence[bytes],
    shares: Sequence[float],
    *,
    seed: int,
    purpose: str,
) -> NDArray[np.int64]:
    """Give each group a part, so that every class is cut in nearly the same proportions, and no part lacks a class.

    Groups of several classes and unequal sizes cannot be dealt class by class, as `stratified_split` does.  They are
    dealt one by one, each to the part that it brings nearest to its share of every class, by the chi-squared distance;
    of several orders, each from SHA-256(seed, purpose, order, smallest key of the group), the one that ends best is
    taken.  Every other one begins with large groups, since small ones even out; the rest fills classes that a part
    lacks before all else.

    Parameters, returns
    -------------------
    As of `stratified_split`; part p of a class holds about its share, as far as groups allow.

    References
    ----------
    K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the stratification of multi-label data", ECML PKDD 2011, 145-158: what
    is scarce goes where it is wanted most.  ``StratifiedGroupKFold`` of scikit-learn deals in one order, by size.

    Examples
    --------
    >>> labels, groups = np.tile([0, 1], 10), np.repeat(np.arange(5), 4)
    >>> keys = [bytes([i]) for i in range(20)]
    >>> np.bincount(grouped_split(labels, groups, keys, [0.2, 0.2], seed=1, purpose="doctest")).tolist()
    [4, 4, 12]
    """
    by_key = sorted(range(len(keys)), key=lambda row: keys[row])
    number, classes = _renumbered(groups, by_key), _renumbered(labels, by_key)
    sizes = np.zeros((number.max(initial=-1) + 1, classes.max(initial=-1) + 1))
    np.add.at(sizes, (number, classes), 1)
    first: dict[int, bytes] = {}
    for row in by_key:
        first.setdefault(int(number[row]), keys[row])
    wanted = np.outer([*shares, 1 - sum(shares)], sizes.sum(axis=0))
    best, least = np.zeros(len(sizes), np.int64), (np.inf, np.inf)
    for order in range(max(1, min(TRIES, DEALT // max(1, len(sizes))))):
        drawn = {
            group: hashlib.sha256(f"{seed}/{purpose}/{order}/".encode() + key).digest() for group, key in first.items()
        }
        large_first = order % 2 == 0
        turn = sorted(drawn, key=lambda group: (-sizes[group].sum() if large_first else 0, drawn[group]))
        parts, filled = _dealt(sizes, turn, wanted, fill=not large_first)
        cost = (float((filled == 0).sum()), float(((filled - wanted) ** 2 / wanted).sum()))
        if cost < least:
            best, least = parts, cost
    return best[number]


def _renumbered(values: NDArray, order: Sequence[int]) -> NDArray[np.intp]:
    """Number values anew, by where they first come in an order: so that nothing hangs on which number they had."""
    found: dict[int, int] = {}
    for row in order:
        found.setdefault(int(values[row]), len(found))
    return np.array([found[int(value)] for value in values], np.intp)


def _dealt(
    sizes: NDArray[np.float64], turn: Sequence[int], wanted: NDArray[np.float64], *, fill: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Deal groups in turn; return the part of each, and what each part then holds of every class.

    Parameters
    ----------
    sizes : ndarray of shape (groups, classes)
    turn : sequence of int
    wanted : ndarray of shape (parts, classes)
    fill : bool
        Whether a part that lacks a class comes first.
    """
    parts, filled = np.zeros(len(sizes), np.int64), np.zeros(wanted.shape)
    for group in turn:
        size = sizes[group]
        further = ((2 * (filled - wanted) + size) * size / wanted).sum(axis=1)
        if fill:
            further -= 1e6 * ((filled == 0) & (size > 0)).sum(axis=1)
        parts[group] = further.argmin()
        filled[parts[group]] += size
    return parts, filled


def stratified_split(
    labels: NDArray[np.int64],
    groups: NDArray[np.intp],
    keys: Sequence[bytes],
    shares: Sequence[float],
    *,
    seed: int,
    purpose: str,
) -> NDArray[np.int64]:
    """Give each image a part, so that every class is cut in the same proportions.

    Within a class, groups are put in the order of SHA-256(seed, purpose, smallest key of the group) and dealt to the
    parts in turn.  A keyed hash takes the place of a drawn permutation, because a permutation depends on how many
    images there are and in which order they came: here, adding one image moves at most one group across each
    border, and renaming or renumbering the classes moves none.

    Parameters
    ----------
    labels, groups : ndarray of shape (n,)
        Class and group of each image.  A group goes to one part whole, with the class of its first member by key.
    keys : sequence of n bytes
        The pixel hash of each image.
    shares : sequence of float
        Share of each part but the last, which takes the rest.
    seed : int
    purpose : str
        Names the split, so that two splits of the same images are independent.

    Returns
    -------
    ndarray of shape (n,), int64
        The part of each image, 0 to len(shares).  Part p of a class with m images holds
        floor(m × shares[p] + 1/2) of them, give or take a group.

    Examples
    --------
    >>> labels, groups = np.zeros(10, np.int64), np.arange(10)
    >>> keys = [bytes([i]) for i in range(10)]
    >>> np.bincount(stratified_split(labels, groups, keys, [0.2, 0.3], seed=1, purpose="doctest")).tolist()
    [2, 3, 5]
    """
    members: dict[int, list[int]] = defaultdict(list)
    for row in sorted(range(len(keys)), key=lambda row: keys[row]):
        members[int(groups[row])].append(row)
    by_class: dict[int, list[list[int]]] = defaultdict(list)
    for rows in members.values():
        by_class[int(labels[rows[0]])].append(rows)

    def place(rows: list[int]) -> bytes:
        return hashlib.sha256(f"{seed}/{purpose}/".encode() + keys[rows[0]]).digest()

    parts = np.empty(len(keys), np.int64)
    for clusters in by_class.values():
        total = sum(len(rows) for rows in clusters)
        wanted = [_share(total, share) for share in shares]
        part = filled = 0
        for rows in sorted(clusters, key=place):
            while part < len(shares) and filled >= wanted[part]:
                part, filled = part + 1, 0
            parts[rows] = part
            filled += len(rows)
    return parts
