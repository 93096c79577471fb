"""A table of text in which single cells are written anew and every other byte stays: line ends, quotes, BOM, blanks."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from harness.errors import ClassError
from harness.spreadsheet import check_text

SEPARATORS = ",;\t"
BOM = "\ufeff"
END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Cell:
    """What a cell says, and where it stands in the text of the table, its quotes included."""

    text: str
    start: int
    end: int
    quoted: bool


@dataclass(frozen=True)
class Cells:
    """A table as it lies in a file: UTF-8, UTF-16 or Windows-1252, cells between commas, semicolons or tabs.

    Attributes
    ----------
    name : str
        Of the file, for messages.
    text : str
        All of it, its byte order mark included.
    encoding : str
        In which `text` is exactly the bytes of the file.
    separator : str
    """

    name: str
    text: str
    encoding: str
    separator: str

    @classmethod
    def read(cls, name: str, data: bytes) -> Cells:
        """Read the bytes of a file; the separator is the one that parts its first line into most cells.

        Raises
        ------
        ClassError
            The file is no text, or a quote in it is not closed.

        Examples
        --------
        >>> table = Cells.read("grades.csv", b'\\xef\\xbb\\xbfName;Grade\\r\\n"Ann; B.";\\r\\n')
        >>> [[cell.text for cell in row] for row in table.rows]
        [['Name', 'Grade'], ['Ann; B.', '']]
        >>> table.changed({(1, 1): "9"})
        b'\\xef\\xbb\\xbfName;Grade\\r\\n"Ann; B.";9\\r\\n'
        """
        text, encoding = _decoded(name, data)
        tables = [cls(name, text, encoding, separator) for separator in SEPARATORS]
        return max(tables, key=lambda table: table.width)

    @property
    def width(self) -> int:
        """How many cells the first line has, 0 where it is no line of a table."""
        try:
            return len(next(self._lines()))
        except ClassError:
            return 0

    @cached_property
    def rows(self) -> list[list[Cell]]:
        """The rows that are not empty, the header first."""
        return [row for row in self._lines() if len(row) > 1 or row[0].text]

    @property
    def header(self) -> list[str]:
        return [cell.text.strip() for cell in self.rows[0]] if self.rows else []

    def column(self, number: int) -> list[str]:
        """Return what the rows below the header say in a column, "" where a row is too short."""
        return [row[number].text.strip() if number < len(row) else "" for row in self.rows[1:]]

    def changed(self, new: Mapping[tuple[int, int], str]) -> bytes:
        """Return the file with other texts in some cells, by row and column of `rows`, and all else as it was.

        A cell keeps its quotes, and gets some where its new text needs them.  A row that is too short is filled up.
        """
        parts, at = [], 0
        for (number, column), text in sorted(new.items()):
            row = self.rows[number]
            missing = max(0, column + 1 - len(row))
            cell = Cell("", row[-1].end, row[-1].end, False) if missing else row[column]
            parts += [self.text[at : cell.start], self.separator * missing, self._quoted(text, cell)]
            at = cell.end
        return "".join([*parts, self.text[at:]]).encode(self.encoding)

    def _quoted(self, text: str, old: Cell) -> str:
        if old.quoted or any(letter in text for letter in (self.separator, '"', "\r", "\n")):
            return '"' + text.replace('"', '""') + '"'
        return text

    def _lines(self) -> Iterator[list[Cell]]:
        plain = rf"[^{re.escape(self.separator)}\r\n]*+"
        cell = re.compile(rf'"((?:[^"]++|"")*+)"({plain})|{plain}')
        line: list[Cell] = []
        at = len(BOM) if self.text.startswith(BOM) else 0
        while True:
            if not (found := cell.match(self.text, at)) or (found[1] is None and found[0].startswith('"')):
                number = len(END.findall(self.text, 0, at)) + 1
                raise ClassError(
                    f"{self.name} is no table: line {number} opens a quote that is not closed.", "Export it again."
                )
            quoted = found[1] is not None
            text = found[1].replace('""', '"') + found[2] if quoted else found[0]
            line.append(Cell(text, found.start(), found.end(), quoted))
            over = END.match(self.text, found.end())
            if over or found.end() == len(self.text):
                yield line
                line = []
            at = over.end() if over else found.end() + 1
            if at >= len(self.text) and not line:
                return


def _decoded(name: str, data: bytes) -> tuple[str, str]:
    try:
        check_text(data)
    except csv.Error as error:
        raise ClassError(f"{name} is no table: {error}.", "Export it again.") from error
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            try:
                return data.decode(encoding), encoding
            except UnicodeDecodeError as error:
                raise ClassError(f"{name} begins as UTF-16 and is none: {error.reason}.", "Export it again.") from error
    for encoding in ("utf-8", "cp1252"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1"), "latin-1"
