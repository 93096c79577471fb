"""Chains of corruptions, drawn for each image from its own content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.contest import Shift
from harness.freeze.corruptions import Corruption
from harness.progress import Track, silent


class Link(msgspec.Struct, frozen=True):
    """One corruption of a chain, as it is kept beside the image: severity 1 to 5."""

    group: str
    family: str
    severity: int


def draw_chain(shift: Shift, corruptions: Sequence[Corruption], rng: np.random.Generator) -> tuple[Link, ...]:
    """Draw the corruptions of one image, in the order in which they are applied.

    Parameters
    ----------
    shift : Shift
        Share of clean images, lengths and severities.
    corruptions : sequence of Corruption
        Those to draw from.
    rng : numpy.random.Generator

    Returns
    -------
    tuple of Link
        Empty for the clean share.  Lengths are equally likely; so are groups, of which none comes twice, families
        within a group, severities, and orders: an image may be blurred before a bubble falls on it, or after.  A chain
        that is longer than there are groups has one link of each.
    """
    if rng.random() < shift.clean:
        return ()
    groups = sorted({corruption.group for corruption in corruptions})
    length = shift.chain[rng.integers(len(shift.chain))]
    chain = []
    for number in rng.permutation(len(groups))[:length]:
        families = [corruption.name for corruption in corruptions if corruption.group == groups[number]]
        family = families[rng.integers(len(families))]
        chain.append(Link(groups[number], family, shift.severities[rng.integers(len(shift.severities))]))
    return tuple(chain)


def shift_images(
    images: NDArray[np.uint8],
    keys: Sequence[bytes],
    corruptions: Sequence[Corruption],
    shift: Shift,
    purpose: str,
    *,
    grey: bool = False,
    track: Track = silent,
) -> tuple[NDArray[np.uint8], list[tuple[Link, ...]]]:
    """Corrupt each image by a chain of its own.

    Grey images stay grey: what changes colours alone is not drawn, and of noise, which is drawn for each channel, the
    first one is that of all.

    Parameters
    ----------
    images : ndarray of shape (n, h, w, 3), uint8
    keys : sequence of n bytes
        SHA-256 of each image's pixels.  With the seed and `purpose` it decides all chance, so the result depends
        on what an image shows, never on which images come before it.
    corruptions : sequence of Corruption
        `HIDDEN` or `PUBLIC`.
    shift : Shift
    purpose : str
        The name of the test set: the same image gets another chain in another set.
    grey : bool
        Whether the three channels of every image are equal.
    track : Track
        Told of each image.

    Returns
    -------
    shifted : ndarray of shape (n, h, w, 3), uint8
    chains : list of n tuples of Link
    """
    corruptions = [one for one in corruptions if not (grey and one.of_colour)]
    assert isinstance(shift.seed, int), "a private seed was drawn"
    families = {corruption.name: corruption for corruption in corruptions}
    shifted = np.empty_like(images)
    chains = []
    for row, key in enumerate(track(keys, f"Shift {purpose}, images", len(keys))):
        rng = _generator(shift.seed, purpose, key)
        chain = draw_chain(shift, corruptions, rng)
        image = images[row]
        for link in chain:
            image = families[link.family].apply(image, link.severity, rng)
            image = image[..., :1].repeat(3, axis=2) if grey else image
        shifted[row] = image
        chains.append(chain)
    return shifted, chains


def _generator(seed: int, purpose: str, key: bytes) -> np.random.Generator:
    # PCG64 by name: `default_rng` may be another generator in a later NumPy.
    digest = hashlib.sha256(f"{seed} {purpose} ".encode() + key).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
