"""The sets of MedMNIST v2 that give an image one label: one ``NAME[_64|_128|_224].npz`` each.

Datasheet
---------
Input
    ``{train,val,test}_images`` (n, s, s, 3), or (n, s, s) of grey ones, uint8, with s = 28, 64, 128 or 224.
    Images of another size than the contest's are resized (rule: `harness.sources.resize`).
Label
    ``{train,val,test}_labels`` (n, 1), positions in the classes of `harness.medmnist_sets`.
Ids
    ``train-00000`` and so on, by split and position.
Splits
    The official test split is declared hidden; train and val are given as one, to be split anew.
Licence, citation
    Those of the published set, where the file is the published one by its MD5; else the owner's, as the contest states.
Known faults
    The official test sets are public, so who has them knows the answers; that of BloodMNIST holds near duplicates of
    training images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.contest import OWNER_STATES, ArraysSource, MedmnistSource
from harness.medmnist_sets import PUBLISHED, published
from harness.progress import Track, silent
from harness.sources import arrays
from harness.sources.download import fetch
from harness.sources.image_set import ImageSet
from harness.sources.npz import digest

URL = "https://zenodo.org/records/10519652/files/{name}?download=1"


def load(
    source: MedmnistSource,
    path: Path | None,
    class_names: Sequence[str],
    image_shape: tuple[int, int, int],
    *,
    cache: Path,
    track: Track = silent,
) -> ImageSet:
    """Read the splits of the ``.npz`` at `path`, or of the published one where `path` is None.

    Raises
    ------
    SourceError
        The download fails, a key is missing, or an array is damaged or not as the datasheet states.
    """
    theirs = published(source.name)
    md5 = theirs.md5_of(source.size)
    if path is None:
        name = theirs.file_name(source.size)
        path = fetch(URL.format(name=name), name, md5, cache, track=track)
    whole = digest(path, "md5") == md5 if path.is_file() else False
    terms = (theirs.licence, theirs.citation) if whole else (OWNER_STATES, OWNER_STATES)
    reading = ArraysSource(resize=True, licence=source.licence or terms[0], citation=source.citation or terms[1])
    found = arrays.load(reading, path, class_names, image_shape, size=(source.size, source.size), track=track)
    facts = {"source": "medmnist", PUBLISHED: "yes" if whole else "no: its MD5 is another"}
    return replace(found, provenance=found.provenance | facts)
