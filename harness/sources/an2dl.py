"""The training set of a course's contest on blood cells: one ``training_set.npz``.

Datasheet
---------
Input
    ``images`` (13759, 96, 96, 3), values 0-255, saved as uint8 or as another number type; any n is accepted.
Label
    ``labels`` (13759, 1), 0-7 in MedMNIST's order: basophil, eosinophil, erythroblast, immature granulocyte,
    lymphocyte, monocyte, neutrophil, platelet.
Ids
    ``an2dl-00000`` onwards, by position.
Splits
    None; the course kept its hidden test.
Licence
    Not stated by the course.  The cells are those of BloodMNIST (CC BY 4.0).
Citation
    A. Acevedo et al., Data in Brief 30 (2020) 105474; J. Yang et al., Scientific Data 10 (2023) 41.
Known faults
    1,800 planted copies of two irrelevant images: 1,600 of one, 200 in each class, and 200 of the other, all in
    monocyte.  11,959 images are left without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from harness.progress import Track, silent
from harness.sources.image_set import ImageSet
from harness.sources.npz import ROWS, digest, open_npz
from harness.sources.shared import ARRAYS, reader_of, view


def load(
    path: Path, class_names: Sequence[str], image_shape: tuple[int, int, int], *, track: Track = silent
) -> ImageSet:
    """Read ``images`` and ``labels`` of the ``.npz`` at `path`.

    Raises
    ------
    SourceError
        A key is missing, or an array is damaged or not as the datasheet states.
    """
    with reader_of(ARRAYS) as (reader, fd):
        labels = np.array(reader.call(path.name, read_labels, path, class_names, image_shape), np.int64)
        n = len(labels)
        images = view(fd, (n, *image_shape))
        pieces = reader.each(path.name, read_images, path, fd, n, image_shape)
        for _ in track(pieces, f"reading {path.name} (hundreds of images)", -(-n // ROWS)):
            pass
    return ImageSet(
        images=images,
        labels=labels,
        ids=tuple(f"an2dl-{i:05d}" for i in range(n)),
        class_names=tuple(class_names),
        provenance={
            "source": "an2dl",
            "licence": "not stated by the course; the cells are those of BloodMNIST, CC BY 4.0",
            "citation": "A. Acevedo et al., Data in Brief 30 (2020) 105474; J. Yang et al., Sci. Data 10 (2023) 41",
            "file": path.name,
            "sha256": digest(path, "sha256"),
            "images": str(n),
        },
    )


def read_labels(path: Path, class_names: Sequence[str], image_shape: tuple[int, int, int]) -> list[int]:
    """Check the header of the images and return the labels; to be called in another process."""
    with open_npz(path, ("images", "labels")) as npz:
        n = npz.image_count(
            "images", image_shape, "Repair the array, or set image_shape in a copy of the contest file."
        )
        return npz.labels("labels", n, class_names).tolist()


def read_images(path: Path, fd: int, n: int, image_shape: tuple[int, int, int]) -> Iterator[int]:
    """Write the images into shared memory and yield how many at a time; to be called in another process."""
    images = view(fd, (n, *image_shape))
    with open_npz(path, ("images", "labels")) as npz:
        first = 0
        for piece in npz.pixels("images"):
            images[first : first + len(piece)] = piece
            first += len(piece)
            yield len(piece)
