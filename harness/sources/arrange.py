"""Which of a source's files are images of which class: by their folders, or by a table; pure, from names alone.

Class folders may lie below folders for the splits (``train``, ``val``, ``test`` and their other usual names) and below
any number of enclosing folders.  A table is taken where no folder is a class, or where the contest file names one; with
class folders, one that has no labels adds splits and groups.  Whatever is left out is returned with the reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from harness.contest import FolderSource
from harness.errors import SourceError, did_you_mean
from harness.sources.containers import Entry
from harness.sources.layout import Found, Ignore, Layout, fold, split_of
from harness.sources.other_formats import READ
from harness.sources.rows import add_from_table, by_table
from harness.sources.tables import Table

SHOWN = 10  # names in a message


def arrange(
    entries: Iterable[Entry],
    tables: Sequence[Table],
    source: FolderSource,
    names: Sequence[str] | None,
    *,
    what: str,
    beside: str = "",
) -> Layout:
    """Return the images of a source.

    Parameters
    ----------
    entries : iterable of Entry
    tables : sequence of Table
        Those of `entries` that are tables, as they were read.
    source : FolderSource
    names : sequence of str, or None
        The classes; None where they are to be found, and then what does not fit is left out rather than refused.
    what : str
        The name of the source, for people.
    beside : str
        A sentence on a table beside the source, for who expected that it would be taken.

    Raises
    ------
    SourceError
        A name leads out of the source or steers a terminal; an image lies in no class folder; a table does not fit.
    """
    known = None if names is None else {fold(name) for name in (*names, *source.aliases)}
    layout = Layout(tables=beside)
    leave_out = Ignore(source.ignore)
    images, used = [], {table.path for table in tables if "file" in table.columns}
    for entry in entries:
        if entry.use == "folder":
            layout.folders.add(fold(PurePosixPath(entry.path).name))
        elif hidden := _hidden(entry.path):
            layout.ignored["hidden, or left behind by a system"].append(hidden)
        elif leave_out.names(_checked(entry.path, what)):
            layout.ignored["named in ignore"].append(entry.path)
        elif entry.use == "image":
            images.append(entry)
        elif entry.path not in used:
            layout.ignored[entry.what if entry.use == "other" else "a table without a column for files"].append(
                entry.path
            )
    if not images:
        _no_image(layout, what)
    if unread := [table for table in tables if "file" not in table.columns]:
        layout.tables = (
            f" The table {unread[0].path} has the columns {', '.join(unread[0].header[:SHOWN]) or 'of nothing'}: "
            "name those of file and label under [source.columns] of a copy of the contest file."
        )
    chosen = _tables(images, tables, source, known)
    if chosen and "label" in chosen[0].columns:
        by_table(layout, images, chosen, source, leave_out)
    else:
        _by_folder(layout, images, known)
        if known is None and len({found.label for found in layout.found}) == 1:  # a folder of images, and no class
            layout.ignored["in no class folder"] += [found.path for found in layout.found]
            layout.found.clear()
        if chosen:
            add_from_table(layout, chosen[0], source)
    layout.group = next((table.columns["group"] for table in chosen if "group" in table.columns), "")
    taken = {table.path for table in chosen}
    for table in tables:
        if "file" in table.columns and table.path not in taken:
            layout.ignored["a table beside class folders: to take it, write table under [source]"].append(table.path)
    leave_out.check()
    return layout


def _checked(name: str, what: str) -> str:
    # Names become ids, which are printed and written into files: nothing may leave the folder or control a terminal.
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not name.isprintable():
        raise SourceError(
            f"{name!r} in {what} is no name for an image.",
            "Expected a relative name without '..' and control characters: rename it.",
        )
    return name


def _no_image(layout: Layout, what: str) -> None:
    first = next((names[0] for names in layout.ignored.values()), "")
    raise SourceError(
        f"{what} holds no image, expected {READ}." + (f" It holds {first}." if first else ""),
        "Name a folder with a sub-folder of images for each class, or with a table of labels; "
        "for an .npz: hemobench contest new NAME --source FILE",
    )


def _hidden(name: str) -> str:
    """Return the file or folder that an operating system left behind, or hides; empty for what a person put there."""
    parts = name.split("/")
    left = ("__macosx", "thumbs.db", "desktop.ini")
    for depth, part in enumerate(parts, start=1):
        if (part.startswith(".") and part not in (".", "..")) or part.lower() in left:
            return "/".join(parts[:depth])
    return ""


def _by_folder(layout: Layout, images: Sequence[Entry], known: set[str] | None) -> None:
    """Take the label of each image from the folder that it lies in."""
    root = _root([PurePosixPath(image.path) for image in images], known)
    below: dict[str, list[Entry]] = defaultdict(list)
    for image in images:
        inside = PurePosixPath(image.path).relative_to(root).parts
        below[inside[0] if len(inside) > 1 else ""].append(image)
    tops = {top: split_of(top) for top in below if top}
    if not any(tops.values()) or (known is not None and any(fold(top) in known for top in tops)):
        _into_classes(layout, images, root, "", known)
        return
    splits = [split for split in tops.values() if split]
    if len(set(splits)) < len(splits):
        both = [top for top, split in tops.items() if split and splits.count(split) > 1][:2]
        raise SourceError(f"The folders {both[0]!r} and {both[1]!r} are both one split.", "Put them into one folder.")
    layout.how = f"class folders below {' and '.join(sorted(top for top, split in tops.items() if split))}"
    for top, some in below.items():
        if split := tops.get(top, ""):
            within = [PurePosixPath(image.path).relative_to(root / top) for image in some]
            _into_classes(layout, some, root / top / _root(within, known), split, known)
        elif known is None:
            layout.ignored["beside the folders of the splits"].extend(image.path for image in some)
        else:
            what = f"The folder {top!r}" if top else f"The image {some[0].path}"
            raise SourceError(f"{what} lies beside the folders of the splits, expected train, val, test.", out_of(top))


def _into_classes(
    layout: Layout, images: Iterable[Entry], root: PurePosixPath, split: str, known: set[str] | None
) -> None:
    for image in images:
        inside = PurePosixPath(image.path).relative_to(root)
        if len(inside.parts) > 1:
            fault = "" if image.name else image.what
            label, *rest = inside.parts
            layout.found.append(Found(image.path, image.name, label, fault, split, within=split, inside="/".join(rest)))
        elif known is None:
            layout.ignored["in no class folder"].append(image.path)
        else:
            raise SourceError(
                f"The image {image.path} lies in no class folder.",
                "Move it into one, or away; where a table has the labels, put it there too, or name it as the source."
                + layout.tables,
            )


def _root(paths: Sequence[PurePosixPath], known: set[str] | None) -> PurePosixPath:
    """Return the folder that encloses the class folders: a zip often has one more level than its folder had."""
    parents = [path.parent.parts for path in paths]
    depth = 0
    while all(len(parts) > depth for parts in parents) and any(len(parts) > depth + 1 for parts in parents):
        tops = {parts[depth] for parts in parents}
        if len(tops) > 1 or (known is not None and fold(next(iter(tops))) in known):
            break
        depth += 1
    return PurePosixPath(*parents[0][:depth])


def out_of(name: str) -> str:
    """Return how to leave a folder or label out."""
    return f'To leave it out: ignore = ["{name}"] under [source] of a copy of the contest file.'


def _tables(
    images: Sequence[Entry], tables: Sequence[Table], source: FolderSource, known: set[str] | None
) -> list[Table]:
    """Return the tables to take: one, or one for each split; none where class folders say all there is."""
    usable = [table for table in tables if "file" in table.columns]
    if source.table:
        named = [table for table in usable if table.path == source.table]
        if not named:
            raise SourceError(
                f"The contest file names the table {source.table!r}, which is not there, or has no column for files.",
                did_you_mean(source.table, [table.path for table in tables]) or "Set columns under [source.columns].",
            )
        return named
    labelled = [table for table in usable if "label" in table.columns]
    if labelled and not _has_class_folders(images, labelled, known):
        if len(labelled) > 1 and not all(split_of(PurePosixPath(table.path).stem) for table in labelled):
            raise SourceError(
                f"Labels stand in {' and in '.join(table.path for table in labelled[:SHOWN])}, expected one table.",
                f'Name one as the source, or write table = "{labelled[0].path}" under [source] of the contest file.',
            )
        return labelled
    more = [t for t in usable if "label" not in t.columns and ("group" in t.columns or "split" in t.columns)]
    return more if len(more) == 1 else []


def _has_class_folders(images: Sequence[Entry], tables: Sequence[Table], known: set[str] | None) -> bool:
    """Tell whether a folder of images is named after a class."""
    names = known if known is not None else {fold(row.label) for table in tables for row in table.rows}
    return any(fold(part) in names for image in images for part in PurePosixPath(image.path).parts[:-1])
