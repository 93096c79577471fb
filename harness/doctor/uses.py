"""What a Python file uses, read and not run: the modules it imports, the files and the dotted names in it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.plain_files import is_plain

# Files that a submission reads; a string that ends so is taken for a file's name.
SUFFIXES = (
    *(".keras", ".h5", ".hdf5", ".npy", ".npz", ".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".tflite"),
    *(".onnx", ".safetensors", ".json", ".yaml", ".yml", ".csv", ".txt", ".toml"),
)
GUARDED = ("ImportError", "ModuleNotFoundError", "Exception")
PARTS = 20  # of a dotted name; what is longer was made to keep its reader busy
LISTED = 100  # packages that are looked for


@dataclass(frozen=True)
class Import:
    """A module that a file imports; `late` where only a function does, `guarded` where its absence is foreseen."""

    module: str
    names: tuple[str, ...]
    file: str
    line: int
    late: bool = False
    guarded: bool = False

    @property
    def package(self) -> str:
        """The first part of its name."""
        return self.module.partition(".")[0]


@dataclass(frozen=True)
class Named:
    """A string in the code that names a file: its value, and where the literal stands (columns in bytes)."""

    value: str
    file: str
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Dotted:
    """A name such as ``keras.layers.Dense``; `late` where only a function outside of any class uses it."""

    name: str
    line: int
    late: bool


@dataclass(frozen=True)
class Uses:
    """What one Python file imports, which files and dotted names it names, and its other words.

    Words are the names of classes and functions that it defines, and the keywords with which it calls.
    """

    imports: tuple[Import, ...]
    named: tuple[Named, ...]
    dotted: tuple[Dotted, ...]
    words: frozenset[str]


def dotted(node: ast.expr) -> str:
    """Return ``a.b.c`` as it is written; empty for what is no such name.

    Examples
    --------
    >>> dotted(ast.parse("keras.layers.Dense", mode="eval").body)
    'keras.layers.Dense'
    """
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < PARTS:
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def uses_of(tree: ast.Module, file: str) -> Uses:
    """Return what a module uses when it is imported; what stands below ``if __name__ == "__main__"`` is left out."""
    imports: list[Import] = []
    named: list[Named] = []
    reached: dict[str, Dotted] = {}

    def visit(node: ast.AST, late: bool, guarded: bool, in_class: bool) -> None:
        if isinstance(node, ast.If) and "__name__" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import):
            imports.extend(Import(one.name, (), file, node.lineno, late, guarded) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(one.name for one in node.names)
            imports.append(Import("." * node.level + (node.module or ""), names, file, node.lineno, late, guarded))
        elif isinstance(node, ast.Attribute) and (name := dotted(node)):
            reached.setdefault(name, Dotted(name, node.lineno, late and not in_class))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return  # a docstring
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _names_file(node.value):
            named.append(Named(node.value, file, node.lineno, node.col_offset, node.end_col_offset or 0))
        late = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        foreseen = isinstance(node, ast.Try) and any(_catches(handler) for handler in node.handlers)
        in_class = in_class or isinstance(node, ast.ClassDef)
        for inner in ast.iter_child_nodes(node):
            visit(inner, late, guarded or (foreseen and not isinstance(inner, ast.ExceptHandler)), in_class)

    visit(tree, late=False, guarded=False, in_class=False)
    words = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    words |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}
    return Uses(tuple(imports), tuple(named), tuple(reached.values()), frozenset(words))


def _catches(handler: ast.ExceptHandler) -> bool:
    caught = ast.dump(handler.type) if handler.type else "Exception"
    return any(name in caught for name in GUARDED)


def _names_file(text: str) -> bool:
    """Tell whether a string is a file's name or path, and so short that it stands on one line.

    Examples
    --------
    >>> [_names_file(text) for text in ("model.keras", "weights/a b.npz", ".h5", "Save it as x.csv", "*.npy")]
    [True, True, False, False, False]
    """
    name = PurePosixPath(text.replace("\\", "/")).name
    suffix = name[name.rfind(".") :].casefold() if "." in name[1:] else ""
    return suffix in SUFFIXES and len(text) < 300 and name.count(" ") < 2 and not set("*?{}\n%") & set(text)


def own_files(one: Import, folder: Path) -> Iterator[str]:
    """Yield the submission's own files that an import loads, relative to `folder`."""
    stripped = one.module.lstrip(".")
    level = len(one.module) - len(stripped)
    above = PurePosixPath(one.file).parents[level - 1] if 0 < level <= len(PurePosixPath(one.file).parents) else None
    base = (above or PurePosixPath()).parts
    parts = [*base, *(part for part in stripped.split(".", PARTS) if part)]
    for end in range(len(base), len(parts) + 1):
        yield from _files_of(parts[:end], folder)
        if not _is_folder(folder / "/".join(parts[:end])):
            return
    for name in one.names[:LISTED]:
        yield from _files_of([*parts, name], folder)


def _files_of(parts: list[str], folder: Path) -> Iterator[str]:
    for candidate in ("/".join(parts) + ".py", "/".join([*parts, "__init__.py"])):
        if parts and is_plain(folder / candidate):
            yield candidate


def is_own(one: Import, folder: Path) -> bool:
    """Tell whether an imported module is a file or folder of the submission."""
    if one.module.startswith("."):
        return True
    return is_plain(folder / f"{one.package}.py") or _is_folder(folder / one.package)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that no folder can have
        return False


def foreign_imports(files: Iterable[Uses], folder: Path) -> Iterator[Import]:
    """Yield the imports of packages that neither Python nor the submission brings, each package's first."""
    seen: set[str] = set()
    for uses in files:
        for one in sorted(uses.imports, key=lambda one: (one.guarded, one.late, one.line)):
            if one.package in seen or is_own(one, folder) or one.package in sys.stdlib_module_names:
                continue
            if len(seen) == LISTED:
                return
            seen.add(one.package)
            if not one.guarded:
                yield one
