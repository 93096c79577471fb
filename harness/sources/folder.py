"""Images of one's own: a folder, a zip or a tar of it, with a sub-folder for each class or a table of labels.

Datasheet
---------
Input
    PNG, JPEG, WebP, BMP, GIF, TIFF or Netpbm at ``CLASS/FILE``, below any number of enclosing folders; recognised by
    their first bytes, whatever they are called, and the first frame or page counts.  A zip or tar (plain, gzip, bzip2,
    xz) is read in place: nothing of it is written to disk.  A class folder may be a link; a file that leads out of the
    folder by a link is not opened, nor is a pipe, a socket or a device.
Label
    The name of the class folder, or what the contest's ``[source.aliases]`` calls so; case, spaces, dashes, underscores
    and the form of Unicode do not matter.  Without class folders, the column of a table (`harness.sources.tables`),
    whose labels are such names, or numbers from 0 in the order of the classes.
Ids
    ``class/file``, below ``train``, ``val`` or ``test`` where the source has them; with a table, the path of the file.
Colour
    Everything becomes 8-bit RGB: grey is repeated, a palette resolved, CMYK converted without its ICC profile,
    transparency lies on white, as an empty field of a smear does.  16-bit values v become floor(256 v / levels): 65536
    levels, unless the contest file states ``levels``; where no image reaches half of them that is refused, since
    a camera of 12 bits would give black.  How many images were not RGB stands in the provenance.
Orientation
    EXIF says how a camera was held: such images are turned upright, and counted.
Size
    The contest's ``image_shape``, unless its ``[source]`` says ``resize = true`` (rule: `harness.sources.resize`).  At
    most ``megapixels`` (25) are decoded: a JPEG of up to ten times as many is halved, quartered or taken by eight while
    it is decoded, as far as it must and stays twice the size that is wanted; others are refused.
Splits
    Folders, or values of a table, called train, val and test (or training, validation, dev, testing …).  The test
    split is declared hidden, unless the contest says ``splits = "pool"``; train and val are one, to be split anew.
Groups
    The column of a table that names the patient or slide.
Left out
    What is no image, hidden or named in ``ignore``, what has no row in the table: counted and named in the provenance.
Licence, citation
    Whatever the owner of the images states; the harness cannot know it.
    For ``blood-cells-folder``: A. Acevedo et al., "A dataset of microscopic peripheral blood cell images for
    development of automatic recognition systems", Data in Brief 30 (2020) 105474, Mendeley Data snkd93bnjr, CC BY 4.0.
Known faults
    That dataset holds a few exact duplicates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.contest import FolderSource
from harness.errors import SourceError, UnreadableError, did_you_mean
from harness.limited import Reader
from harness.progress import Track, silent
from harness.sources.arrange import arrange, out_of
from harness.sources.axes import FULL
from harness.sources.containers import TABLES, Entry, entries_of
from harness.sources.decoding import RESIZE, WHOLE, Decoded, ImageFile, decode
from harness.sources.image_set import ImageSet
from harness.sources.layout import NEAR, Found, Layout, fold, ignored_of
from harness.sources.npz import digest
from harness.sources.resize import RULE
from harness.sources.shared import DECODING, THREADS, reader_of, view
from harness.sources.tables import Row, Table, parts_of
from harness.words import counted

NAMED = 30  # broken images that one message names
MOST_ENDED = 20  # images that may end the process which decodes them
MOST_TABLES = 20  # that are looked into
LEAVE_OUT = "Or leave all broken images out: freeze again with --leave-out-broken."


def load(
    source: FolderSource,
    path: Path,
    class_names: Sequence[str],
    image_shape: tuple[int, int, int],
    *,
    drop: Collection[str] = (),
    group: str = "",
    leave_out_broken: bool = False,
    track: Track = silent,
) -> ImageSet:
    """Read all images below `path`, sorted by id; `group` is the column of a table that names their groups.

    Those in `drop` are listed and not decoded: their pixels are black.  So are those that cannot be decoded, which are
    `ImageSet.broken`, where `leave_out_broken` is true.

    Raises
    ------
    SourceError
        The archive is damaged or encrypted; a class is missing, unknown, twice there or empty; images cannot be
        decoded or have another size.  The message names all of them, in the order of the ids.
    """
    bounds = DECODING
    if source.megapixels > 25:  # the bytes of a pixel, several times over
        more = 28 * source.megapixels * THREADS
        bounds = replace(bounds, memory_mb=bounds.memory_mb + more)
    with reader_of(bounds) as (reader, fd):
        layout = layout_of(reader, path, source, class_names, group)
        files = labelled(layout, class_names, source)
        images = view(fd, (len(files), *image_shape))
        wanted = tuple(file if file.id not in drop else replace(file, name="", fault="") for file in files)
        done = list(
            track(
                decoded(reader, fd, home_of(path), wanted, image_shape, source),
                f"decoding {path.name} (images)",
                len(wanted),
            )
        )
    by_row = [one for _, one in sorted(zip(wanted, done, strict=True), key=lambda pair: pair[0].row)]
    files = tuple(sorted(files, key=lambda file: file.row))
    faults = [(file.id, one) for file, one in zip(files, by_row, strict=True) if one.fault and file.id not in drop]
    if refused := [one for one in faults if one[1].hint == RESIZE or not leave_out_broken]:  # another size: not broken
        raise faulty(refused)
    _check_depth(by_row, source)
    labels = np.array([file.label for file in files], np.int64)
    hidden = np.array([file.split == "test" for file in files])
    return ImageSet(
        images=images,
        labels=labels,
        ids=tuple(file.id for file in files),
        class_names=tuple(class_names),
        provenance=_provenance(source, path, class_names, labels, by_row, layout),
        official_hidden=hidden if hidden.any() and source.splits == "keep" else None,
        groups=tuple(file.group for file in files) if any(file.group for file in files) else None,
        ignored=ignored_of(layout),
        broken={name: one.fault.strip() for name, one in faults},
    )


def home_of(path: Path) -> Path:
    """Return where images lie: the folder of a table that was named as the source, else what was named."""
    return path.parent if path.is_file() and path.suffix.lower() in TABLES else path


def layout_of(
    reader: Reader, path: Path, source: FolderSource, class_names: Sequence[str] | None, group: str = ""
) -> Layout:
    """Return what lies in a source, read in another process; with no classes, they are found."""
    home = home_of(path)
    if home != path:
        source = msgspec.structs.replace(source, table=path.name)
    entries = [entry for batch in reader.each(path.name, entries_of, home) for entry in batch]
    found = [entry for entry in entries if entry.use == "table" and not entry.path.startswith((".", "__MACOSX"))]
    tables = [_read_table(reader, home, entry, source, group) for entry in found[:MOST_TABLES]]
    beside = ""
    if home.is_dir() and not tables:
        near = sorted(one for one in home.resolve().parent.iterdir() if one.suffix.lower() in TABLES and one.is_file())
        beside = f" {near[0].name} lies beside it: to take its labels, name it as the source." if near else ""
    return arrange(entries, tables, source, class_names, what=path.name, beside=beside)


def _read_table(reader: Reader, home: Path, entry: Entry, source: FolderSource, group: str) -> Table:
    header: tuple[str, ...] = ()
    columns: dict[str, str] = {}
    rows: list[Row] = []
    for part in reader.each(entry.path, parts_of, home, entry.name, source.columns, group):
        if part.columns is not None:
            header, columns = part.header, part.columns
        rows += part.rows
    return Table(entry.path, header, columns, tuple(rows))


def decoded(
    reader: Reader,
    fd: int,
    path: Path,
    files: Sequence[ImageFile],
    image_shape: tuple[int, int, int],
    source: FolderSource,
    function: Callable[..., Iterator[Decoded]] = decode,
) -> Iterator[Decoded]:
    """Yield what became of each image; one that ends the process that decodes it is named, and the next one begun.

    With several threads nobody knows which image it was, so that the next few are decoded one by one.
    """
    first, alone, ended = 0, 0, 0
    while first < len(files):
        some = tuple(files[first : first + 1 if alone else None])
        try:
            threads = 1 if alone else THREADS
            for one in reader.each(path.name, function, path, some, fd, len(files), image_shape, source, threads):
                yield one
                first, alone = first + 1, max(alone - 1, 0)
        except UnreadableError as error:
            if ended > MOST_ENDED:
                raise
            if alone or THREADS == 1:
                reason = error.message.partition(" cannot be read: ")[2]
                yield Decoded(fault=f" cannot be decoded: {reason}", hint=WHOLE)
                first, alone, ended = first + 1, max(alone - 1, 0), ended + 1
            else:
                alone = 2 * THREADS + 1


def faulty(faults: Sequence[tuple[str, Decoded]]) -> SourceError:
    """Return one error for all images that cannot be used."""
    (name, first), *others = faults
    message = f"{name}{first.fault.rstrip('.')}."
    if others:
        same = [other for other, one in others if one.fault == first.fault]
        different = [f"{other}{one.fault.rstrip('.')}" for other, one in others if one.fault != first.fault]
        if same:
            message += f" The same holds for {several(same, ', ')}."
        if different:
            message += f" {several(different, '; ')}."
    return SourceError(message, first.hint if first.hint == RESIZE else f"{first.hint.rstrip('.')}. {LEAVE_OUT}")


def several(names: Sequence[str], comma: str = ", ", most: int = NAMED) -> str:
    """Return names in one text, the first `most` of them."""
    more = len(names) - most
    return comma.join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def _check_depth(done: Sequence[Decoded], source: FolderSource) -> None:
    """Refuse images of 16 bits that use half of their levels at most, where nobody has said how many there are.

    Raises
    ------
    SourceError
    """
    deep = [one.highest for one in done if one.mode.endswith(";16") and not one.fault]
    if not deep or source.levels or max(deep) >= FULL // 2:
        return
    bits = max(deep).bit_length()
    raise SourceError(
        f"{len(deep):,} of {len(done):,} images have 16 bits for each value and none goes beyond {max(deep):,}: "
        f"{bits} of 16 bits are used, so that they would be all but black.",
        f"Put levels = {2**bits} under [source] of a copy of the contest file, so that 0 to {2**bits - 1} become "
        f"0 to 255; or levels = {FULL} to take them as they are.",
    )


def labelled(layout: Layout, class_names: Sequence[str], source: FolderSource) -> tuple[ImageFile, ...]:
    """Return the images with their labels as positions in `class_names`, in the order in which they lie there.

    Raises
    ------
    SourceError
        A label is none of the classes; a class has two folders, or no image.
    """
    label_of = {fold(name): label for label, name in enumerate(class_names)}
    if len(label_of) < len(class_names):
        raise SourceError(
            f"Two of the contest's classes have one name but for case, blanks or the form of Unicode: "
            f"{', '.join(class_names)}.",
            "Give them names that differ.",
        )
    label_of |= {fold(alias): class_names.index(name) for alias, name in source.aliases.items()}
    if layout.table and not any(fold(found.label) in label_of for found in layout.found):
        label_of |= {f"{label}{point}": label for label in range(len(class_names)) for point in ("", ".0")}
    unknown = Counter(found.label for found in layout.found if fold(found.label) not in label_of)
    if unknown:
        raise _no_class(unknown, layout, class_names, source)
    folder_of: dict[tuple[str, int], str] = {}
    rows: list[tuple[str, Found, int]] = []
    for found in layout.found:
        label = label_of[fold(found.label)]
        if layout.table:
            rows.append((found.path, found, label))
            continue
        folder = folder_of.setdefault((found.within, label), found.label)
        if folder != found.label:
            raise SourceError(
                f"The folders {folder!r} and {found.label!r} are both the class {class_names[label]}.",
                "Put their images into one of them.",
            )
        rows.append(("/".join(filter(None, (found.within, class_names[label], found.inside))), found, label))
    for label in sorted(set(range(len(class_names))) - {label for _, _, label in rows}):
        raise _missing(class_names[label], layout)
    places = {name: row for row, name in enumerate(sorted(name for name, _, _ in rows))}
    return tuple(
        ImageFile(name, label, found.name, found.fault, places[name], found.split, found.group)
        for name, found, label in rows
    )


def _no_class(
    unknown: Mapping[str, int], layout: Layout, class_names: Sequence[str], source: FolderSource
) -> SourceError:
    names = sorted(unknown)
    known = (*class_names, *source.aliases)
    ways = (
        f"{did_you_mean(names[0].lower(), known, near=NEAR)} {out_of(names[0])} "
        f'As another name of a class: [source.aliases] with "{names[0]}" = CLASS.'
    )
    if layout.table:
        said = several([f"{name!r} ({unknown[name]:,} rows)" for name in names], most=10)
        numbers = f", or numbers from 0 to {len(class_names) - 1}" if any(name.isdigit() for name in names) else ""
        return SourceError(
            f"The table {layout.table} has labels that are none of the contest's {len(class_names)} classes{numbers}: "
            f"{said}.",
            ways,
        )
    one = f"The folder {names[0]!r} is" if len(names) == 1 else f"The folders {several([*map(repr, names)])} are"
    return SourceError(f"{one} none of the contest's {len(class_names)} classes.", ways + layout.tables)


def _missing(name: str, layout: Layout) -> SourceError:
    found = ", ".join(sorted({found.label for found in layout.found}))
    if layout.table:
        return SourceError(f"No image is labelled {name!r} in {layout.table}.", f"It has {found}.")
    if fold(name) in layout.folders:
        return SourceError(f"The class folder {name!r} holds no image.", "Put images into it.")
    return SourceError(f"There is no folder for the class {name!r}.", f"Add it; found: {found}.")


def _provenance(
    source: FolderSource,
    path: Path,
    class_names: Sequence[str],
    labels: NDArray[np.int64],
    done: Sequence[Decoded],
    layout: Layout,
) -> dict[str, str]:
    per_class = np.bincount(labels, minlength=len(class_names))
    modes = Counter(one.mode for one in done if one.mode != "RGB")
    splits = Counter(found.split or "of no split" for found in layout.found)
    facts = {
        "source": "folder",
        "labels": layout.how,
        "licence": source.licence,
        "citation": source.citation,
        "file": path.name or path.resolve().name,
        "images": str(len(labels)),
        "images per class": ", ".join(f"{name} {n}" for name, n in zip(class_names, per_class, strict=True)),
    }
    if path.is_file() and home_of(path) == path:
        facts["sha256"] = digest(path, "sha256")
    if set(splits) != {"of no split"}:
        kept = source.splits == "keep" and "test" in splits
        what = "test is the hidden test, the others are split anew" if kept else "all are split anew"
        facts["splits of the source"] = f"{', '.join(f'{name} {n}' for name, n in sorted(splits.items()))}: {what}"
    if groups := {found.group for found in layout.found} - {""}:
        facts["groups of the source"] = str(len(groups))
    if resized := sum(one.resized for one in done):
        facts["resized"] = f"{counted(resized, 'image')}: {RULE}"
    if reduced := sum(one.reduced for one in done):
        facts["reduced while decoding"] = f"{counted(reduced, 'image')} of more than {source.megapixels} million pixels"
    if turned := sum(one.turned for one in done):
        facts["turned upright"] = f"{counted(turned, 'image')}, as their EXIF data say"
    if frames := sum(one.frames for one in done):
        facts["first frame taken"] = f"of {counted(frames, 'image')} with several"
    if modes:
        facts["converted to RGB"] = ", ".join(f"{n} of {mode}" for mode, n in sorted(modes.items()))
    if any(mode.endswith(";16") for mode in modes):
        facts["16-bit values"] = f"v became floor(256 v / {source.levels or FULL})"
    if layout.ignored:
        parts = [f"{len(names)} {reason} ({several(names, most=5)})" for reason, names in ignored_of(layout).items()]
        facts["files ignored"] = "; ".join(parts)
    return facts
