"""A sheet of the images that stand in a source more than once, for the eyes of whoever freezes a contest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from harness.freeze import sheet
from harness.freeze.clean import Cleaned
from harness.freeze.frozen import LOCK
from harness.sources.image_set import ImageSet
from harness.words import counted

MOST = 100  # pairs
OF_ONE = 3  # of copies of one image


def copies_sheet(path: Path, image_set: ImageSet, cleaned: Cleaned, split_of: Mapping[int, str]) -> None:
    """Write pairs of images side by side, worst first: those with two labels, then the most alike.

    Parameters
    ----------
    path : Path
        Of the PNG.
    image_set : ImageSet
    cleaned : Cleaned
    split_of : mapping of int to str
        The split of each row that stays.
    """
    labels, ids = image_set.labels, image_set.ids
    pairs = sorted(
        cleaned.copies,
        key=lambda pair: (
            bool(labels[pair.first] == labels[pair.second]),
            pair.near.difference if pair.near else 0.0,
            ids[pair.first],
            ids[pair.second],
        ),
    )
    seen: Counter[int] = Counter()
    shown = []
    for pair in pairs:
        seen[pair.first] += 1
        if seen[pair.first] <= OF_ONE:
            shown.append(pair)
    shown = shown[:MOST]
    captions = []
    for pair in shown:
        told = ["same pixels"]
        if pair.near:
            told = [
                pair.near.kind or "saved again",
                f"difference {pair.near.difference:.1f}, {pair.near.bits:.0f} bits",
            ]
        if labels[pair.first] != labels[pair.second]:
            told = ["TWO LABELS", *told]
        for row, words in ((pair.first, told), (pair.second, [])):
            captions.append([ids[row], image_set.class_names[labels[row]], split_of.get(row, "dropped"), *words])
    sheet.contact_sheet(
        path,
        f"Copies: {counted(len(pairs), 'pair')} of images that show one thing",
        [image_set.images[row] for pair in shown for row in (pair.first, pair.second)],
        captions,
        note=f"{len(shown)} shown, worst first: two labels, then the least difference. What became of all: {LOCK}.",
    )
