"""BloodMNIST, the blood cells of MedMNIST v2: one ``bloodmnist[_64|_128|_224].npz``.

Datasheet
---------
Input
    ``{train,val,test}_images`` (n, s, s, 3), uint8, with s = 28, 64, 128 or 224 and n = 11,959, 1,712 and 3,421:
    peripheral blood cells, from 360 × 363 images cropped to the centre 200 × 200 and resized.
    Images of another size than the contest's are resized (rule: `harness.sources.resize`).
Label
    ``{train,val,test}_labels`` (n, 1), 0-7: basophil, eosinophil, erythroblast, immature granulocyte, lymphocyte,
    monocyte, neutrophil, platelet.
Ids
    ``medmnist-train-00000`` and so on, by split and position.
Splits
    The official test split is declared hidden; train and val are given as one, to be split anew.
Licence
    CC BY 4.0.
Citation
    J. Yang et al., "MedMNIST v2 - A large-scale lightweight benchmark for 2D and 3D biomedical image classification",
    Scientific Data 10 (2023) 41; A. Acevedo et al., Data in Brief 30 (2020) 105474; Zenodo record 10519652.
Known faults
    The official test set is public, so who has it knows the answers; it holds near duplicates of training images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.contest import MedmnistSource
from harness.progress import Track, silent
from harness.sources import resize
from harness.sources.download import fetch
from harness.sources.image_set import ImageSet
from harness.sources.npz import ROWS, digest, open_npz
from harness.sources.shared import ARRAYS, THREADS, reader_of, view

URL = "https://zenodo.org/records/10519652/files/{name}?download=1"
# What the authors publish (medmnist/info.py), by size.
MD5 = {
    28: "7053d0359d879ad8a5505303e11de1dc",
    64: "2b94928a2ae4916078ca51e05b6b800b",
    128: "adace1e0ed228fccda1f39692059dd4c",
    224: "b718ff6835fcbdb22ba9eacccd7b2601",
}
SPLITS = ("train", "val", "test")
KEYS = tuple(f"{split}_{what}" for split in SPLITS for what in ("images", "labels"))


def load(
    source: MedmnistSource,
    path: Path | None,
    class_names: Sequence[str],
    image_shape: tuple[int, int, int],
    *,
    cache: Path,
    track: Track = silent,
) -> ImageSet:
    """Read the three splits of the ``.npz`` at `path`, or of the published one where `path` is None.

    Raises
    ------
    SourceError
        The download fails, a key is missing, or an array is damaged or not as the datasheet states.
    """
    if path is None:
        name = file_name(source.size)
        path = fetch(URL.format(name=name), name, MD5[source.size], cache, track=track)
    shape = (source.size, source.size, 3)
    with reader_of(ARRAYS) as (reader, fd):
        found = reader.call(path.name, read_labels, path, class_names, shape)
        labels = [np.array(found[split], np.int64) for split in SPLITS]
        counts = [len(one) for one in labels]
        images = view(fd, (sum(counts), *image_shape))
        for split, n in zip(SPLITS, counts, strict=True):
            what = f"reading {split} of {path.name} (hundreds of images)"
            first = sum(counts[: SPLITS.index(split)])
            pieces = reader.each(path.name, read_images, path, split, fd, first, sum(counts), image_shape)
            for _ in track(pieces, what, -(-n // ROWS)):
                pass
    return ImageSet(
        images=images,
        labels=np.concatenate(labels),
        ids=tuple(f"medmnist-{split}-{i:05d}" for split, n in zip(SPLITS, counts, strict=True) for i in range(n)),
        class_names=tuple(class_names),
        provenance={
            "source": "medmnist",
            "licence": "CC BY 4.0",
            "citation": "J. Yang et al., Sci. Data 10 (2023) 41; A. Acevedo et al., Data in Brief 30 (2020) 105474",
            "file": path.name,
            "sha256": digest(path, "sha256"),
            "published file": "yes" if digest(path, "md5") == MD5[source.size] else "no: its MD5 is another",
            "images": ", ".join(f"{split} {n}" for split, n in zip(SPLITS, counts, strict=True)),
            "resized": f"from {source.size} × {source.size}: {resize.RULE}" if shape != image_shape else "no",
        },
        official_hidden=np.repeat([split == "test" for split in SPLITS], counts),
    )


def read_labels(path: Path, class_names: Sequence[str], shape: tuple[int, int, int]) -> dict[str, list[int]]:
    """Check the headers of the images and return the labels by split; to be called in another process."""
    hint = "Set size under [source] of a copy of the contest file: 28, 64, 128 or 224."
    with open_npz(path, KEYS) as npz:
        counts = [npz.image_count(f"{split}_images", shape, hint) for split in SPLITS]
        return {
            split: npz.labels(f"{split}_labels", n, class_names).tolist()
            for split, n in zip(SPLITS, counts, strict=True)
        }


def read_images(
    path: Path, split: str, fd: int, first: int, n: int, image_shape: tuple[int, int, int]
) -> Iterator[int]:
    """Write the images of a split into shared memory, from row `first` on; to be called in another process."""
    images = view(fd, (n, *image_shape))
    # Pillow resizes without the interpreter's lock, so threads use every core.
    with open_npz(path, KEYS) as npz, ThreadPoolExecutor(THREADS) as threads:
        for piece in npz.pixels(f"{split}_images"):
            for row, image in enumerate(threads.map(lambda pixels: _fit(pixels, image_shape), piece), first):
                images[row] = image
            first += len(piece)
            yield len(piece)


def file_name(size: int) -> str:
    """Return what the authors call the file.

    Examples
    --------
    >>> file_name(28), file_name(224)
    ('bloodmnist.npz', 'bloodmnist_224.npz')
    """
    return "bloodmnist.npz" if size == 28 else f"bloodmnist_{size}.npz"


def _fit(pixels: NDArray[np.uint8], image_shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    height, width, _ = image_shape
    return np.asarray(resize.fit(Image.fromarray(pixels), height, width))
