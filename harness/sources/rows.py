"""Labels, splits and groups from the rows of a table, and which file each row means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from harness.contest import FolderSource
from harness.errors import SourceError
from harness.sources.containers import Entry
from harness.sources.layout import Found, Ignore, Layout, split_of
from harness.sources.tables import Row, Table


def by_table(
    layout: Layout, images: Sequence[Entry], tables: Sequence[Table], source: FolderSource, leave_out: Ignore
) -> None:
    """Take what the rows say of the images."""
    layout.table = tables[0].path
    layout.how = "; ".join(
        f"table {table.path} ({', '.join(f'{role} {column}' for role, column in table.columns.items())})"
        for table in tables
    )
    match = _Match(images)
    rows: dict[int, Row] = {}
    for table in tables:
        for row in _splits_read(table, source, split_of(PurePosixPath(table.path).stem) if len(tables) > 1 else ""):
            place = match.place(row, table, layout)
            if place is None:
                continue
            if place in rows and rows[place] != replace(row, file=rows[place].file):
                raise SourceError(
                    f"{table.path} says two things of {images[place].path}: "
                    f"{_said(rows[place])} and {_said(row)}, expected one row.",
                    "Take one of the rows away.",
                )
            if place in rows:
                layout.ignored[f"a second row of {table.path}"].append(row.file)
            rows[place] = row
    for place, image in enumerate(images):
        seen = rows.get(place)
        if seen is None:
            layout.ignored[f"no row in {', '.join(table.path for table in tables)}"].append(image.path)
        elif not seen.label:
            layout.ignored[f"no label in {tables[0].path}"].append(image.path)
        elif leave_out.names(seen.label):
            layout.ignored[f"labelled {seen.label}, which is named in ignore"].append(image.path)
        else:
            fault = "" if image.name else image.what
            layout.found.append(Found(image.path, image.name, seen.label, fault, seen.split, seen.group))
    if not layout.found:
        shown = [row.file for table in tables for row in table.rows][:3]
        raise SourceError(
            f"No row of {tables[0].path} names an image that is there: it has {', '.join(shown) or 'no row'}, "
            f"and there is {images[0].path}.",
            "Set file under [source.columns] of the contest file to the column that names the files.",
        )


def _said(row: Row) -> str:
    return " ".join(filter(None, (row.label, row.split, row.group))) or "nothing"


def _splits_read(table: Table, source: FolderSource, split: str) -> Iterable[Row]:
    """Return the rows with train, val or test for what their split is called; with none, where it is none of these."""
    odd = [row.split for row in table.rows if row.split and not split_of(row.split)]
    if odd and source.columns.split:
        raise SourceError(
            f"The column {source.columns.split!r} of {table.path} holds {odd[0]!r}, expected train, val or test.",
            "Leave split out of [source.columns] of the contest file, or write these words.",
        )
    return (replace(row, split="" if odd else split_of(row.split) or split) for row in table.rows)


def add_from_table(layout: Layout, table: Table, source: FolderSource) -> None:
    """Add the splits and groups of a table without labels to what the folders say."""
    match = _Match(layout.found)
    by_place = {
        place: row for row in _splits_read(table, source, "") if (place := match.place(row, table, layout)) is not None
    }
    layout.how += f", and the table {table.path}"
    for place, found in enumerate(layout.found):
        if row := by_place.get(place):
            layout.found[place] = replace(found, split=row.split or found.split, group=row.group)
        else:
            layout.ignored[f"no row in {table.path}, so without its group"].append(found.path)


class _Match:
    """Files by their names: a row may say a whole path, its end, or a name without its suffix."""

    def __init__(self, files: Sequence[Entry] | Sequence[Found]) -> None:
        self.paths = [PurePosixPath(file.path) for file in files]
        self.by_name: dict[str, list[int]] = defaultdict(list)
        self.by_stem: dict[str, list[int]] = defaultdict(list)
        for place, path in enumerate(self.paths):
            self.by_name[path.name.casefold()].append(place)
            self.by_stem[path.stem.casefold()].append(place)

    def place(self, row: Row, table: Table, layout: Layout) -> int | None:
        """Return the place of the file that a row names; None, and its name among what is ignored, where there is none.

        Raises
        ------
        SourceError
            Two files fit.
        """
        wanted = PurePosixPath(row.file.replace("\\", "/"))
        places = self.by_name.get(wanted.name.casefold()) or self.by_stem.get(wanted.name.casefold())
        if not places:
            layout.ignored[f"a row of {table.path} without a file"].append(row.file or "a row without a name")
            return None

        def fit(place: int) -> tuple[int, bool]:
            path = self.paths[place]
            same = 0
            for one, other in zip(reversed(path.parent.parts), reversed(wanted.parent.parts), strict=False):
                if one != other:
                    break
                same += 1
            return same, path.name == wanted.name

        best = max(map(fit, places))
        fitting = [place for place in places if fit(place) == best]
        if len(fitting) > 1:
            raise SourceError(
                f"{row.file} in {table.path} fits {self.paths[fitting[0]]} and {self.paths[fitting[1]]}.",
                "Write the path below the source into the table.",
            )
        return fitting[0]
