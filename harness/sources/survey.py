"""What lies in a folder, zip, tar or table of images, before there is a contest: for `hemobench contest new`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.contest import Columns, FolderSource
from harness.limited import Reader
from harness.progress import Track, silent
from harness.sources.axes import FULL
from harness.sources.containers import Unread, opened
from harness.sources.decoding import (
    UNDECODABLE,
    bound_by_us,
    is_reducible,
    mode_of,
    open_image,
    upright_size,
    values_of,
)
from harness.sources.folder import home_of, layout_of
from harness.sources.layout import Layout, ignored_of
from harness.sources.shared import DECODING, reader_of

LOOKED_AT = 100  # images whose pixels are decoded, to see whether all are grey
PIXELS = 25_000_000  # of the largest of these


@dataclass(frozen=True)
class Survey:
    """What a source holds, in its own words; nothing is decided yet.

    Attributes
    ----------
    labels : str
        Where labels come from, for people: "class folders", "class folders below test and train", "table x.csv (…)".
    table : str
        The table of labels, as ``[source] table`` names it; empty for class folders.
    images : int
    classes : mapping of str to int
        Images by folder or label, in alphabetical order; empty where nothing labels them.
    splits : mapping of str to int
        Images by 'train', 'val', 'test' or '' (of none); empty where the source has no splits.
    group : str
        The column of a table that names a patient or slide, as ``[split] group`` names it; empty where none does.
    groups : int
        How many of them there are.
    sizes : tuple of (int, int, int)
        Width and height in pixels, upright, and how many images have them; the most frequent first.
    modes : mapping of str to int
        Images by Pillow's mode, with ";16" for 16 bits a value.
    grey : bool
        Whether there is no colour in any of up to 100 images, taken evenly.
    levels : int
        What ``[source] levels`` should be, where images of 16 bits use fewer; 0: nothing needs to be stated.
    megapixels : int
        What ``[source] megapixels`` must be at least, for the largest image that is not made smaller while it is
        decoded, as large JPEGs are.
    ignored : mapping of str to tuple of str
        Files that would not be taken, by reason.
    broken : mapping of str to str
        Images that cannot be opened, by path, each with the reason.
    """

    labels: str
    table: str
    images: int
    classes: Mapping[str, int]
    splits: Mapping[str, int]
    group: str
    groups: int
    sizes: tuple[tuple[int, int, int], ...]
    modes: Mapping[str, int]
    grey: bool
    levels: int
    megapixels: int
    ignored: Mapping[str, tuple[str, ...]]
    broken: Mapping[str, str]


@dataclass(frozen=True)
class Measured:
    """One image: its size upright, its mode, its largest value where it has 16 bits, whether it may be grey."""

    width: int = 0
    height: int = 0
    mode: str = ""
    highest: int = 0
    grey: bool = True
    megapixels: int = 0
    fault: str = ""


def survey(
    path: Path,
    *,
    columns: Columns | None = None,
    group: str = "",
    table: str = "",
    ignore: tuple[str, ...] = (),
    track: Track = silent,
) -> Survey:
    """Look at every file of a source, in another process, and decode some of its images.

    Parameters
    ----------
    path : Path
        A folder, a zip, a tar, or a table that lies beside its images.
    columns, table, ignore
        As ``[source]`` of a contest file has them.
    group : str
        As ``[split]`` has it.

    Raises
    ------
    SourceError
        It is none of these, is damaged, or holds no image.
    """
    source = FolderSource(columns=columns or Columns(), table=table, ignore=ignore)
    with reader_of(DECODING) as (reader, _):
        layout = layout_of(reader, path, source, None, group)
        measured = list(_measured(reader, path, layout, track))
    whole = [one for one in measured if not one.fault]
    deep = max((one.highest for one in whole), default=0)
    splits = Counter(found.split for found in layout.found)
    return Survey(
        labels=layout.how,
        table=layout.table,
        images=len(layout.found),
        classes=dict(sorted(Counter(found.label for found in layout.found).items())),
        splits=dict(sorted(splits.items())) if set(splits) - {""} else {},
        group=layout.group,
        groups=len({found.group for found in layout.found} - {""}),
        sizes=tuple((*size, n) for size, n in Counter((one.width, one.height) for one in whole).most_common()),
        modes=dict(sorted(Counter(one.mode for one in whole).items())),
        grey=bool(whole) and all(one.grey for one in whole),
        levels=1 << deep.bit_length() if 0 < deep < FULL // 2 else 0,
        megapixels=max((one.megapixels for one in whole), default=0),
        ignored=ignored_of(layout),
        broken={found.path: one.fault.strip() for found, one in zip(layout.found, measured, strict=True) if one.fault},
    )


def _measured(reader: Reader, path: Path, layout: Layout, track: Track) -> Iterator[Measured]:
    names = tuple(found.name for found in layout.found)
    measured = reader.each(path.name, measure, home_of(path), names)
    for found, one in zip(layout.found, track(measured, f"looking at {path.name} (images)", len(names)), strict=True):
        yield one if found.name else Measured(fault=f"cannot be read: {found.fault}")


def measure(path: Path, names: tuple[str, ...]) -> Iterator[Measured]:
    """Measure images; to be called in another process."""
    every = max(1, len(names) // LOOKED_AT)
    with opened(path) as container, bound_by_us():
        for place, name in enumerate(names):
            try:
                yield _measure(container.read(name), name, place % every == 0) if name else Measured()
            except Unread as unread:
                yield Measured(fault=unread.words)
            except UNDECODABLE as error:
                yield Measured(fault=f"cannot be decoded: {error}")


def _measure(data: bytes, name: str, look: bool) -> Measured:
    with open_image(data, name) as image:
        width, height = upright_size(image)
        mode = mode_of(image)
        deep = mode.endswith(";16")
        mega = 0 if is_reducible(image) else -(-width * height // 1_000_000)
        if not (look or deep) or width * height > PIXELS:
            return Measured(width, height, mode, megapixels=mega)
        pixels = values_of(image, data) if deep else np.asarray(image.convert("RGB"))
    grey = pixels.shape[2] < 3 or bool((pixels[..., :1] == pixels[..., :3]).all())
    return Measured(width, height, mode, int(pixels[..., :3].max(initial=0)) if deep else 0, grey, mega)
