"""Groups: images of one patient, slide or day, which hang together more than images of different ones.

A contest file names them by a column of its source, or by a pattern of the image ids.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.contest import SplitSpec
from harness.errors import FreezeError
from harness.freeze.clean import Cleaned
from harness.freeze.components import components
from harness.freeze.lock import Finding
from harness.sources.image_set import ImageSet
from harness.words import counted

NAMED = 5  # images that one message names


def groups_of(image_set: ImageSet, spec: SplitSpec) -> tuple[str, ...] | None:
    """Return the group of each image by name; None for a contest without groups.

    An image without a group is one of its own, called by its id, where the contest says ``ungrouped = "alone"``.

    Raises
    ------
    FreezeError
        The source knows no groups, or images have none.
    """
    if not spec.grouped:
        return None
    if spec.group_pattern:
        pattern = re.compile(spec.group_pattern)
        names = [found[1] or "" if (found := pattern.search(name)) else "" for name in image_set.ids]
        said = f"do not match group_pattern {spec.group_pattern!r}"
    elif image_set.groups is None:
        raise FreezeError(
            f"The contest names the group {spec.group!r}, but its source knows no groups.",
            "A table of images has them in a column, an .npz in an array, file names hold them for group_pattern, and "
            "the embedded source draws slides.",
        )
    else:
        names = [name.strip() for name in image_set.groups]
        said = f"have no {spec.group}"
    without = sorted(name for name, group in zip(image_set.ids, names, strict=True) if not group)
    if without and spec.ungrouped != "alone":
        shown = ", ".join(without[:NAMED]) + (" …" if len(without) > NAMED else "")
        raise FreezeError(
            f"{len(without):,} of {counted(len(names), 'image')} {said}: {shown}.",
            'Name their groups, or write ungrouped = "alone" under [split], which makes each a group of its own.',
        )
    taken = set(names)
    return tuple(group or _free(name, taken) for name, group in zip(image_set.ids, names, strict=True))


def _free(name: str, taken: set[str]) -> str:
    while name in taken:  # an image may be called as a group is
        name += "'"
    return name


def join_groups(image_set: ImageSet, cleaned: Cleaned, names: Sequence[str]) -> Cleaned:
    """Return `cleaned` with groups that hold near duplicates and what shares a name together.

    Where the source declares a test set, images outside it that share a group with one of its images are dropped.

    Parameters
    ----------
    image_set : ImageSet
    cleaned : Cleaned
    names : sequence of str
        The group of each image of `image_set`.
    """
    of = [names[row] for row in cleaned.kept]
    number = {name: at for at, name in enumerate(dict.fromkeys(of))}
    joined = _joined(cleaned.groups, np.array([number[name] for name in of], np.intp))
    if image_set.official_hidden is None:
        return msgspec.structs.replace(cleaned, groups=joined)
    tested = image_set.official_hidden[cleaned.kept]
    shared = np.isin(joined, joined[tested]) & ~tested
    findings = [
        Finding(
            image_set.ids[row],
            "shared group",
            "dropped",
            "belongs with images that the source tests on, by its group or by near duplicates",
            int(image_set.labels[row]),
        )
        for row in cleaned.kept[shared]
    ]
    return msgspec.structs.replace(
        cleaned,
        kept=cleaned.kept[~shared],
        groups=joined[~shared],
        hashes=tuple(key for key, gone in zip(cleaned.hashes, shared, strict=True) if not gone),
        findings=tuple(sorted([*cleaned.findings, *findings], key=lambda finding: (finding.id, finding.rule))),
    )


def _joined(one: NDArray[np.intp], other: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return numbers of shape (n,) that are equal wherever those of either are, also by way of others."""
    shift = one.max(initial=-1) + 1
    nodes = shift + other.max(initial=-1) + 1
    return components(one, shift + other, int(nodes))[one]
