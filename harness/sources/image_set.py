"""What every source gives: labelled images, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.errors import SourceError


@dataclass(frozen=True)
class ImageSet:
    """Labelled images of one source, as they lie there: nothing removed, nothing repaired.

    Attributes
    ----------
    images : ndarray of shape (n, height, width, 3), uint8
        RGB, 0-255.
    labels : ndarray of shape (n,), int64
        Positions in `class_names`.
    ids : tuple of str
        A name for each image, unique, by which a person finds it in the source.
    class_names : tuple of str
    provenance : dict of str to str
        ``source``, ``licence``, ``citation``, and what else tells where the images come from.
    official_hidden : ndarray of shape (n,), bool, or None
        True where the source itself declares an image part of its test set; None where it declares nothing.
    groups : tuple of str, or None
        What an image shares with others, such as its patient or slide; empty for an image of which that is not known,
        and None where the source names nothing of the kind.
    ignored : mapping of str to tuple of str
        Files of the source that are none of the images, by reason.
    broken : mapping of str to str
        Ids of images that could not be decoded and are black, each with the reason: cleaning drops them.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    ids: tuple[str, ...]
    class_names: tuple[str, ...]
    provenance: dict[str, str] = field(default_factory=dict)
    official_hidden: NDArray[np.bool_] | None = None
    groups: tuple[str, ...] | None = None
    ignored: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.ids)
        if self.images.dtype != np.uint8 or self.images.ndim != 4 or self.images.shape[3] != 3:
            raise SourceError(
                f"Images have shape {self.images.shape} and dtype {self.images.dtype}, "
                "expected (n, height, width, 3) and uint8.",
                "Convert them to 8-bit RGB.",
            )
        if self.labels.shape != (n,) or len(self.images) != n:
            raise SourceError(
                f"Got {len(self.images)} images, {len(self.labels)} labels and {n} ids, expected as many of each.",
                "Look for a row that is missing in one of them.",
            )
        if self.groups is not None and len(self.groups) != n:
            raise SourceError(
                f"Got {len(self.groups)} groups and {n} images, expected as many of each.",
                "Name a group for each image, or none at all.",
            )
        if n and not 0 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise SourceError(
                f"Labels run from {self.labels.min()} to {self.labels.max()}, "
                f"expected 0 to {len(self.class_names) - 1}.",
                "Check the order and number of the contest's class_names.",
            )
        if len(set(self.ids)) != n:
            raise SourceError("Two images have the same id, expected each once.", "Rename one of the files.")

    def __len__(self) -> int:
        return len(self.ids)
