"""The map in docs/architecture.md, drawn from the imports: ``python -m tests.architecture`` writes it anew."""

import ast
import re
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "architecture.md"
MODULES = tuple(sorted(path for top in ("harness", "baselines") for path in (ROOT / top).rglob("*.py")))


def name_of(path: Path) -> str:
    """Dotted name of a file's module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = frozenset(map(name_of, MODULES))


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Names of all modules that a file imports, at its top or later, for types alone or not."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{name.name}" for name in node.names}
            found |= inner & NAMES
            if inner - NAMES:
                found.add(node.module)
    return frozenset(found)


def reached(links: dict[str, set[str]], start: str, without: str = "") -> set[str]:
    """Return the names that `start` leads to, over one step or many; `without` is no first step."""
    seen: set[str] = set()
    waiting = [one for one in links.get(start, set()) if one != without]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += links.get(one, set())
    return seen


def circles(links: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of two and more names that reach each other."""
    reach = {name: reached(links, name) for name in links}
    found = {tuple(sorted(other for other in links if other in reach[name] and name in reach[other])) for name in links}
    return [list(group) for group in sorted(found) if len(group) > 1]


def module_links() -> dict[str, set[str]]:
    """Return each module's imports inside the project, by name."""
    return {name_of(path): set(imports_of(path) & NAMES) - {name_of(path)} for path in MODULES}


def room_of(module: str) -> str:
    """Return where in the house a module lies: a folder of the harness, one of its own files, or baselines."""
    parts = module.split(".")
    if parts[0] == "baselines":
        return "baselines"
    if len(parts) == 1 or not (ROOT / parts[0] / parts[1]).is_dir():
        steps = ("submit", "api", "pack", "entry_source", "records")
        return parts[1] if len(parts) > 1 and parts[1] in steps else "ground"
    return parts[1]


def drawing() -> str:
    """Return the map as a Mermaid graph; an arrow that follows from others is left out."""
    links: dict[str, set[str]] = {}
    for name, others in module_links().items():
        links.setdefault(room_of(name), set()).update(map(room_of, others))
    for name in links:
        links[name] -= {name, "ground"}  # everything stands on the ground: arrows to it would say nothing

    arrows = [(a, b) for a in sorted(links) for b in sorted(links[a]) if b not in reached(links, a, without=b)]
    return "\n".join(["```mermaid", "graph TD", *(f"    {a} --> {b}" for a, b in arrows), "```"])


def page_with_map(text: str) -> str:
    """Return the page with its drawing made anew."""
    return re.sub(r"```mermaid\n.*?```", lambda _: drawing(), text, count=1, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(page_with_map(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)} is written.\n")
