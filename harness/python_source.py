"""A stranger's Python file, parsed and not run; `harness.limited` holds what this may cost."""

from __future__ import annotations

import ast
import re
import warnings
from pathlib import Path

LARGEST = 500_000  # bytes; a long model.py has a tenth, and the parser needs a hundred times as much memory
# Python joins `import a.b.c` anew at each dot: 76 s and 9 GB for 200 KB.  No honest name has a tenth of so many parts.
PARTS = 200
LONG_NAME = re.compile(rb"(?:\.[\s\\]*[\w\x80-\xff]+[\s\\]*){%d}" % PARTS)
# What parsing and walking a file may end in, however odd it is; a nesting too deep is the last two.
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


def parse(path: Path, version: tuple[int, int] | None = None) -> ast.Module:
    """Return the tree of a Python file, by the syntax of `version` where one is given.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        It cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
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
