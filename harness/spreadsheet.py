"""CSV as spreadsheets write it and as they open it: every encoding and separator; text stays text, whoever wrote it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

# What begins a formula in one spreadsheet or another, also in full width.
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

SEPARATORS = ",;\t|"
NO_TEXT = {
    b"PK\x03\x04": "a spreadsheet (.xlsx, .ods) or zip",
    b"\xd0\xcf\x11\xe0": "a spreadsheet (.xls)",
    b"%PDF": "a PDF",
}


def read_csv(data: bytes, separator: str = "") -> Iterator[list[str]]:
    """Yield the rows of a table in UTF-8, UTF-16 or, as spreadsheets still write it, Windows-1252.

    Without a `separator` the most frequent one of the first line counts.

    Raises
    ------
    csv.Error
        It is no table.

    Examples
    --------
    >>> list(read_csv(b"Name;Team\\nA, B;1\\n"))
    [['Name', 'Team'], ['A, B', '1']]
    """
    check_text(data)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    if named := re.match(r"sep=(.)\r?\n", text):  # for Excel
        separator, text = separator or named[1], text[named.end() :]
    first = text.partition("\n")[0]
    yield from csv.reader(
        io.StringIO(text, newline=""), delimiter=separator or max(SEPARATORS, key=first.count), strict=True
    )


def check_text(data: bytes) -> None:
    """Raise a `csv.Error` that says what a file is which is surely no CSV, by its first bytes."""
    if what := next((what for start, what in NO_TEXT.items() if data.startswith(start)), ""):
        raise csv.Error(f"it is {what}, expected CSV: save it as CSV UTF-8")
    if data[:100].removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise csv.Error("it is a web page, expected CSV: fetch the file itself")


def as_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as CSV, an empty field for None.

    Numbers are written as Python has them, unrounded.  Text that a spreadsheet would run gets an apostrophe in front,
    which makes it text there.

    Examples
    --------
    >>> print(as_csv(("entry", "gap"), [("=1+1", -0.5), ("a", None)]), end="")
    entry,gap
    '=1+1,-0.5
    a,
    """
    lines = []
    for row in (head, *rows):
        line = io.StringIO(newline="")
        csv.writer(line).writerow([_text(cell) for cell in row])  # its usual end of line: else older ones quote no \r
        lines.append(line.getvalue().removesuffix("\r\n"))
    return "".join(f"{line}\n" for line in lines)


def _text(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" \xa0").startswith(STARTS) else cell
