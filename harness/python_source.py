"""A stranger's Python file, parsed and not run; `harness.limited` holds what this may cost."""

from __future__ import annotations

import ast
import codecs
import re
import warnings
from pathlib import Path

LARGEST = 500_000  # bytes; a long model.py has a tenth, and the parser needs a hundred times as much memory
# Python joins `import a.b.c` anew at each dot: 76 s and 9 GB for 200 KB.  No honest name has a tenth of so many parts.
PARTS = 200
LONG_NAME = re.compile(rb"(?:\.[\s\\]*[\w\x80-\xff]+[\s\\]*){%d}" % PARTS)
AS_SCRIPT = "Export it as a script: jupyter nbconvert --to script NOTEBOOK.ipynb, and take out lines with % and !."
# What else is saved as a .py file, by its beginning, and the way to the script.
OTHERS = (
    (rb'\s*\{\s*"(?:cells|metadata|nbformat|nbformat_minor|worksheets)"\s*:', "a Jupyter notebook", AS_SCRIPT),
    (rb"(?i:\s*<(?:!doctype|html|\?xml))", "a web page", "Fetch the file itself: on GitHub by its button Raw."),
    (rb"version https://git-lfs", "a Git-LFS pointer", "Fetch the file itself: git lfs pull"),
    (rb"\{\\rtf", "a word processor's text (RTF)", "Save it as plain text."),
    (rb"PK\x03\x04", "a zip", "Unpack it."),
    (rb"\s*\Z", "empty", "Save it, and pack it again."),
)
BYTE_ORDER_MARKS = {  # the longer ones first, which begin as the others do
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
CODING = re.compile(r"(?<=coding)[:=]\s*[-\w.]+")
# What parsing and walking a file may end in, however odd it is; a nesting too deep is the last two.
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


class NotSource(ValueError):
    """A file that is something else than a Python script: what it is, and the way to the script.

    `encoding` is that of a text which only has to be saved anew.
    """

    def __init__(self, what: str, way: str, encoding: str = "") -> None:
        super().__init__(f"it is {what}")
        self.what, self.way, self.encoding = what, way, encoding


def not_source(content: bytes) -> NotSource | None:
    """Return what a file is that is no Python script, by its bytes; None where it may be one.

    Examples
    --------
    >>> not_source(b'{"cells": []}').what, not_source("x = 1".encode("utf-16")).encoding, not_source(b"x = 1")
    ('a Jupyter notebook', 'UTF-16', None)
    """
    for form, what, way in OTHERS:
        if re.match(form, content):
            return NotSource(what, way)
    if encoding := _encoding(content):
        return NotSource(f"a text in {encoding}", "Save it as UTF-8; hemobench doctor ZIP --fix does it.", encoding)
    return None


def _encoding(content: bytes) -> str:
    """Return the encoding of a text that Python does not read as it is; empty where it does, or may."""
    if mark := next((mark for mark in BYTE_ORDER_MARKS if content.startswith(mark)), b""):
        return BYTE_ORDER_MARKS[mark]
    for first, encoding in ((1, "UTF-16-LE"), (0, "UTF-16-BE")):
        if len(content) > 2 and not any(content[first:200:2]):  # no mark, and letters of English
            return encoding
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        head = b"\n".join(content.split(b"\n", 2)[:2]).decode("latin-1")
        cut = error.end == len(content) > LARGEST - 4  # in the middle of a letter
        return "" if cut or b"\0" in content or CODING.search(head) else "Windows-1252"
    return ""


def as_utf8(content: bytes, encoding: str) -> bytes:
    """Return a text in UTF-8, what it says of its own encoding included.

    Examples
    --------
    >>> as_utf8("# coding: utf-16\\né = 1".encode("utf-16"), "UTF-16").decode()
    '# coding: utf-8\\né = 1'
    """
    text = content.decode(encoding, errors="replace").removeprefix("\ufeff")
    head, mark, rest = text.partition("\n")
    return f"{CODING.sub(': utf-8', head)}{mark}{rest}".encode()


def parse(path: Path, version: tuple[int, int] | None = None) -> ast.Module:
    """Return the tree of a Python file, by the syntax of `version` where one is given.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        It cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if other := not_source(content):
        raise other
    if len(content) > LARGEST:
        raise ValueError(f"it has more than {LARGEST:,} bytes")
    if LONG_NAME.search(content):
        raise ValueError(f"a name in it has more than {PARTS} parts")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd escapes: they are the entrant's
        return ast.parse(content, feature_version=version)


def told(error: BaseException) -> str:
    """Return the line and the reason of an error of `parse`."""
    if isinstance(error, RecursionError | MemoryError):
        return "it is nested too deeply"
    line = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
    return f"{line}{getattr(error, 'msg', error)}"[:200]
