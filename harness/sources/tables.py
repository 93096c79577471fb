"""A table of images beside them: CSV, TSV or Parquet with columns for file, label, split and group.

The columns are those that the contest file names, else those with one of the usual names (`USUAL`).  A CSV may be
separated by commas, semicolons, tabs or bars, and be UTF-8, UTF-16 or, as spreadsheets still write it, Windows-1252.
Parquet is read where PyArrow is installed.
"""

from __future__ import annotations

import csv
import importlib
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from harness.contest import Columns
from harness.errors import SourceError, did_you_mean
from harness.plain_files import MOST
from harness.sources.containers import MAX_FILE_BYTES, Unread, opened
from harness.spreadsheet import read_csv

ROLES = ("file", "label", "split", "group")
USUAL = {
    "file": "file filename filepath path image imagefile imagename imagepath imageid img imgname id name",
    "label": "label labels class classname target dx diagnosis category celltype y",
    "split": "split set subset partition fold phase usage",
    "group": "group groupid patient patientid slide slideid subject subjectid donor donorid case caseid lesionid",
}
ROWS = 5000  # at once
PYARROW = "Type: python -m pip install pyarrow, or save the table as CSV."


@dataclass(frozen=True)
class Row:
    """What a table says of one image; empty where it says nothing."""

    file: str
    label: str
    split: str
    group: str


@dataclass(frozen=True)
class Part:
    """The first part of a table tells its columns, all later ones some rows.

    Attributes
    ----------
    header : tuple of str
        All columns there are.
    columns : dict of str to str
        What the roles are called there: those of file, label, split and group that were found.
    rows : tuple of Row
    """

    header: tuple[str, ...] = ()
    columns: dict[str, str] | None = None
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table as it was read: `Part` says what its columns are."""

    path: str
    header: tuple[str, ...]
    columns: dict[str, str]
    rows: tuple[Row, ...]


def parts_of(path: Path, name: str, columns: Columns, group: str) -> Iterator[Part]:
    """Read a table of a source, whose groups stand in the column `group`; to be called in another process.

    Raises
    ------
    SourceError
        It is damaged, too large, or lacks a column that was named.
    """
    with opened(path) as container:
        try:
            data = container.read(name)
        except Unread as unread:
            raise SourceError(f"{name}{unread.words}.", unread.hint) from unread
    if len(data) > MAX_FILE_BYTES:
        raise SourceError(f"The table {name} has more than {MAX_FILE_BYTES // 2**20} MB.", "Split it, or shorten it.")
    suffix = PurePosixPath(name).suffix.lower()
    lines: Iterator[Sequence[object]]
    lines = _parquet(data, name) if suffix == ".parquet" else read_csv(data, "\t" if suffix == ".tsv" else "")
    try:
        header = tuple(_plain(cell) for cell in next(lines, []))
        found = _columns(header, {**msgspec.structs.asdict(columns), "group": group}, name)
        yield Part(header=header, columns=found)
        if "file" not in found:
            return
        places = [header.index(found[role]) if role in found else -1 for role in ROLES]
        rows: list[Row] = []
        for number, line in enumerate(lines):
            if number > MOST:
                raise SourceError(f"The table {name} has more than {MOST:,} rows.", "Split it, or shorten it.")
            cells = [_plain(line[place]) if 0 <= place < len(line) else "" for place in places]
            if any(cells):
                rows.append(Row(*cells))
            if len(rows) == ROWS:
                yield Part(rows=tuple(rows))
                rows = []
        yield Part(rows=tuple(rows))
    except csv.Error as error:
        raise SourceError(f"{name} is no table: {error}.", "Save it as CSV anew.") from error


def _plain(cell: object) -> str:
    """Return a cell as text without blanks around it, in composed Unicode; a whole number without its decimal point."""
    if cell is None or cell != cell:  # NaN
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return unicodedata.normalize("NFC", str(cell)).strip()


def _columns(header: Sequence[str], wanted: Mapping[str, str], name: str) -> dict[str, str]:
    """Return which column has which role."""
    found: dict[str, str] = {}
    by_fold = {re.sub(r"[\W_]+", "", column).casefold(): column for column in reversed(header)}
    for role in ROLES:
        if named := wanted[role]:
            if named not in header:
                where = "[split]" if role == "group" else "[source.columns]"
                raise SourceError(
                    f"The table {name} has no column {named!r}; it has {', '.join(header)}.",
                    f"Set {role} under {where} of the contest file. {did_you_mean(named, header)}".rstrip(),
                )
            found[role] = named
        elif usual := next((by_fold[word] for word in USUAL[role].split() if word in by_fold), None):
            found[role] = usual
    return found


def _parquet(data: bytes, name: str) -> Iterator[Sequence[object]]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise SourceError(
            f"{name} is a Parquet table, and PyArrow, which reads it, is not installed.", PYARROW
        ) from None
    try:
        file = parquet.ParquetFile(io.BytesIO(data))
        yield file.schema_arrow.names
        for batch in file.iter_batches(batch_size=ROWS):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
    except (ValueError, OSError, RuntimeError, NotImplementedError, TypeError, KeyError) as error:
        raise SourceError(f"{name} is no whole Parquet table: {error}.", "Save it anew, or as CSV.") from error
