"""Lines of a notebook in a script: ``%matplotlib inline``, ``!pip install``, and what exporting makes of them."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.doctor.findings import Finding, Severity
from harness.python_source import LARGEST, UNREADABLE, parse

MAGIC = re.compile(r"\s*(?:%{1,2}[A-Za-z]|!\s*[\w./]|\?{1,2}\w|[\w.]+\?{1,2}\s*$)")
SHELL = "get_ipython"
SHOWN = 6  # lines named of many


def lines_of(path: Path) -> list[int]:
    """Return which lines of a script only a notebook runs, counted from 1; those that it foresees to fail are none."""
    try:
        tree = parse(path)
    except SyntaxError:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
        return [number for number, line in enumerate(text.splitlines(), 1) if MAGIC.match(line)]
    except UNREADABLE:
        return []
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {
        one.asname or one.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for one in node.names
    }
    return [] if SHELL in names else sorted({line for node in _calls(tree) for line in _lines(node)})


def _calls(node: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements that ask for the notebook's shell when the script is imported."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.Try | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(inner, ast.Expr | ast.Assign):
            if any(isinstance(one, ast.Name) and one.id == SHELL for one in ast.walk(inner)):
                yield inner
        else:
            yield from _calls(inner)


def _lines(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def without(path: Path, numbers: Sequence[int]) -> str:
    """Return a script with these lines as comments, each behind a ``pass``; empty where it is no script then."""
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines(keepends=True)
    begun = 0  # where the statement begins that a line belongs to
    for number in numbers:
        line = lines[number - 1]
        indent = len(line) - len(line.lstrip())
        goes_on = number - 1 in numbers and indent > begun
        begun = begun if goes_on else indent
        lines[number - 1] = f"{line[:indent]}{'' if goes_on else 'pass  '}# {line[indent:]}"
    script = "".join(lines)
    with contextlib.suppress(*UNREADABLE):
        if len(script) < LARGEST:
            ast.parse(script)
            return script
    return ""


def examine(path: Path, numbers: Sequence[int], building: Path) -> tuple[Finding, tuple[tuple[str, str], ...]]:
    """Return what there is to say of these lines of a script, and its copy without them, where that is a script."""
    script = without(path, numbers)
    repaired: tuple[tuple[str, str], ...] = ()
    if script:
        building.mkdir(parents=True, exist_ok=True)
        (building / path.name).write_text(script, encoding="utf-8")
        repaired = ((path.name, str(building / path.name)),)
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    named = "; ".join(f"line {number}: {lines[number - 1].strip()}" for number in numbers[:SHOWN])
    one = len(numbers) == 1
    return Finding(
        code="notebook-lines",
        severity=Severity.FAIL,
        title=f"{path.name} has {'a line' if one else 'lines'} of a notebook, which no script knows",
        cause="A notebook's lines with % and !, and get_ipython(), which exporting makes of them, are not Python's.",
        evidence=f"{named}{' …' if len(numbers) > SHOWN else ''}",
        fix=f"Take {'it' if one else 'them'} out.",
        fixable=bool(script),
    ), repaired
