"""CSV that a spreadsheet opens as what it is: text stays text, whoever wrote it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

# What begins a formula in one spreadsheet or another, also in full width.
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


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
