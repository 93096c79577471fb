"""Groups of hidden images by how they were corrupted, and how many of each entries have right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.errors import WorkspaceError
from harness.freeze.frozen import Frozen
from harness.score.card import count_groups, share_of
from harness.score.estimate import Estimate
from harness.score.stats import share_stretch

if TYPE_CHECKING:
    from harness.freeze.shift import Link

UNTOUCHED = "untouched"  # the family of images that the shift left as they are
FEW = 20  # a group of fewer images is not called an entry's worst: its share hangs on one or two


class Tally(msgspec.Struct, frozen=True, omit_defaults=True):
    """`hits` right of `n` images; `stretch` and `n_groups` where these come in groups."""

    hits: int
    n: int
    stretch: float = 1.0
    n_groups: int = 0

    @property
    def estimate(self) -> Estimate:
        """The share that is right; there must be images."""
        return share_of(self.hits, self.n, self.stretch, self.n_groups)


def read_chains(frozen: Frozen) -> list[list[Link]]:
    """Return the corruptions of each hidden image, in the order of `Frozen.hidden_labels`.

    Raises
    ------
    WorkspaceError
        The file is missing or damaged, or with the organiser, as of a kit.
    """
    from harness.freeze.shift import Link  # late: with it come all corruptions and Pillow

    frozen.must_have_hidden()
    path = frozen.folder / "private" / "shift.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[list[Link]])
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise WorkspaceError(f"{path} cannot be read: {error}.", "See: hemobench verify") from error


class Axis(msgspec.Struct, frozen=True):
    """What hidden images are counted by: `names`, in groups called `of` where they have any, with `n` of each."""

    names: tuple[str, ...]
    of: tuple[str, ...]
    n: tuple[int, ...]


class Worst(msgspec.Struct, frozen=True):
    """The group of hidden images that an entry does worst on."""

    kind: str
    name: str
    estimate: Estimate


@dataclass(frozen=True)
class Groups:
    """Which images belong to which group; an image counts for each link of its chain.

    Attributes
    ----------
    families, lengths : Axis
    severities : tuple of int
        Those that occur.
    by_family : ndarray of shape (families, n), bool
    by_severity : ndarray of shape (families, severities, n), bool
    by_length : ndarray of shape (lengths, n), bool
    """

    families: Axis
    lengths: Axis
    severities: tuple[int, ...]
    by_family: NDArray[np.bool_]
    by_severity: NDArray[np.bool_]
    by_length: NDArray[np.bool_]


def group(chains: Sequence[Sequence[Link]]) -> Groups:
    """Sort images by their chains: families in the order of their groups, those left untouched last."""
    links = {(link.group, link.family) for chain in chains for link in chain}
    ordered = sorted(links) + ([("", UNTOUCHED)] if any(not chain for chain in chains) else [])
    severities = tuple(sorted({link.severity for chain in chains for link in chain}))
    lengths = sorted({len(chain) for chain in chains})
    place = {family: number for number, (_, family) in enumerate(ordered)}
    by_severity = np.zeros((len(ordered), len(severities), len(chains)), bool)
    for row, chain in enumerate(chains):
        for link in chain:
            by_severity[place[link.family], severities.index(link.severity), row] = True
    by_family: NDArray[np.bool_] = np.logical_or.reduce(by_severity, axis=1)
    sizes = np.array([len(chain) for chain in chains], np.int64)
    by_length = sizes == np.array(lengths, np.int64)[:, None]
    if UNTOUCHED in place:
        by_family[place[UNTOUCHED]] = sizes == 0
    return Groups(
        Axis(tuple(name for _, name in ordered), tuple(of for of, _ in ordered), _counts(by_family)),
        Axis(tuple(map(str, lengths)), tuple("" for _ in lengths), _counts(by_length)),
        severities,
        by_family,
        by_severity,
        by_length,
    )


def _counts(members: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(members.sum(axis=-1).tolist())


def tallies(
    members: NDArray[np.bool_], right: NDArray[np.bool_], clusters: NDArray[np.intp] | None = None
) -> tuple[Tally, ...]:
    """Count the images of each group of corruptions, shape (groups, n), that an entry has right, shape (n,).

    `clusters`, of shape (n,), are the patients or slides of the images, in a contest that has them.
    """
    hits, sizes = (members & right).sum(axis=-1).tolist(), members.sum(axis=-1).tolist()
    counts = zip(hits, sizes, strict=True)
    if clusters is None:
        return tuple(Tally(hit, n) for hit, n in counts)
    return tuple(
        Tally(hit, n, share_stretch(right[rows], clusters[rows]), count_groups(clusters[rows])) if n else Tally(0, 0)
        for (hit, n), rows in zip(counts, members, strict=True)
    )


def worst_groups(
    class_names: Sequence[str],
    y_true: NDArray[np.int64],
    groups: Groups,
    right: NDArray[np.bool_],
    clusters: NDArray[np.intp] | None = None,
) -> tuple[Worst, ...]:
    """Return the class, the family, and the class within a family that an entry does worst on.

    Groups of fewer than `FEW` images are passed over.
    """
    of_class = y_true == np.arange(len(class_names))[:, None]
    both = of_class[:, None] & groups.by_family
    names = [f"{name}, {family}" for name in class_names for family in groups.families.names]
    candidates = (
        ("class", list(class_names), of_class),
        ("corruption", list(groups.families.names), groups.by_family),
        ("class under a corruption", names, both.reshape(-1, len(y_true))),
    )
    found = []
    for kind, labels, members in candidates:
        n = members.sum(axis=1)
        share = np.where(n >= FEW, (members & right).sum(axis=1) / np.maximum(n, 1), np.inf)
        lowest = int(share.argmin())
        if np.isfinite(share[lowest]):
            found.append(Worst(kind, labels[lowest], tallies(members[[lowest]], right, clusters)[0].estimate))
    return tuple(found)
