"""What the Python files of a submission say, read and not run: the class, and the modules, files and names they use."""

from __future__ import annotations

import ast
import contextlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from harness.plain_files import is_plain
from harness.python_source import UNREADABLE, parse, told

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


@dataclass(frozen=True)
class ModelClass:
    """The class in ``model.py`` that is, or was meant to be, `Model`.

    Attributes
    ----------
    name : str
    needs : tuple of str
        Arguments of ``__init__`` without a default.
    methods : tuple of str
    inherits : bool
        Whether methods may come from elsewhere: a base, a decorator, an assignment.
    predict_needs : tuple of str or None
        Arguments of ``predict`` without a default, less self; None where there is no such method.
    returns_tensor : bool
        Whether ``predict`` returns what TensorFlow computed, not an array.
    """

    name: str
    needs: tuple[str, ...]
    methods: tuple[str, ...]
    inherits: bool
    predict_needs: tuple[str, ...] | None
    returns_tensor: bool


@dataclass(frozen=True)
class Code:
    """The Python files that ``model.py`` leads to.

    Attributes
    ----------
    error : str
        Why ``model.py`` cannot be read as Python; empty where it can.
    too_new : str
        Why an older Python could not read it.
    model : ModelClass or None
        None where no class is meant to be `Model`, or where `elsewhere`.
    classes : tuple of str
        All classes at the top of ``model.py``.
    elsewhere : bool
        Whether `Model` is imported or assigned, so that only a run can tell.
    uses : dict of str to Uses
        By file.
    """

    error: str = ""
    too_new: str = ""
    model: ModelClass | None = None
    classes: tuple[str, ...] = ()
    elsewhere: bool = False
    uses: dict[str, Uses] = field(default_factory=dict)


def read_code(folder: Path, python: str = "") -> Code:
    """Read ``model.py`` of an unpacked submission, and each of its own modules that it leads to; nothing runs.

    Parameters
    ----------
    folder : Path
    python : str
        The version whose syntax holds, ``3.11``; empty: that of this interpreter.
    """
    version = tuple(map(int, python.split("."))) if python else sys.version_info[:2]
    # `feature_version` forbids what came later, as far as the parser knows; it cannot add what it does not know itself.
    version = (version[0], min(version[1], sys.version_info[1]))
    try:
        tree = parse(folder / "model.py")
    except UNREADABLE as error:
        return Code(error=told(error))
    try:
        parse(folder / "model.py", version)
    except UNREADABLE as error:
        too_new = told(error)
    else:
        too_new = ""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    elsewhere = "Model" not in classes and _may_make(tree, "Model")
    meant = None if elsewhere else _meant(classes)
    return Code(
        too_new=too_new,
        model=_model_class(meant) if meant else None,
        classes=tuple(classes),
        elsewhere=elsewhere,
        uses=_uses(tree, folder),
    )


def _uses(tree: ast.Module, folder: Path) -> dict[str, Uses]:
    """Return what ``model.py`` uses, and each of the submission's own modules that it leads to, by file."""
    found: dict[str, Uses] = {}
    pending = ["model.py"]
    while pending:
        name = pending.pop()
        with contextlib.suppress(*UNREADABLE):  # the run tells, where it comes so far
            found[name] = uses_of(tree if name == "model.py" else parse(folder / name), name)
            pending += [
                other
                for one in {(one.module, one.names): one for one in found[name].imports}.values()
                for other in own_files(one, folder)
                if other not in (*found, *pending)
            ]
    return found


def _may_make(tree: ast.Module, name: str) -> bool:
    """Tell whether a module may get `name` in another way than by a class at its top: import, assignment, branch."""

    def makes(node: ast.AST) -> bool:
        if isinstance(node, ast.ImportFrom | ast.Import):
            return any((one.asname or one.name) in (name, "*") for one in node.names)
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            return node.name == name
        return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)

    return any(makes(node) for node in ast.walk(tree))


def _meant(classes: dict[str, ast.ClassDef]) -> ast.ClassDef | None:
    """Return the class called Model, else the one called nearly so, else the only one that predicts."""
    if "Model" in classes:
        return classes["Model"]
    close = [node for name, node in classes.items() if name.casefold() == "model"]
    predicting = [node for node in classes.values() if "predict" in _methods(node)]
    return next((found[0] for found in (close, predicting) if len(found) == 1), None)


def _methods(node: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    return {inner.name: inner for inner in node.body if isinstance(inner, ast.FunctionDef)}


def _model_class(node: ast.ClassDef) -> ModelClass:
    methods = _methods(node)
    start, predict = methods.get("__init__"), methods.get("predict")
    return ModelClass(
        name=node.name,
        needs=_needed(start)[1:] if start else (),
        methods=tuple(methods),
        inherits=bool(node.bases or node.decorator_list or node.keywords)
        or any(isinstance(inner, ast.Assign | ast.If | ast.Try) for inner in node.body),
        predict_needs=_needed(predict)[1:] if predict else None,
        returns_tensor=bool(predict and _returns_tensor(predict)),
    )


def _needed(function: ast.FunctionDef) -> tuple[str, ...]:
    """Return the arguments without a default, self among them."""
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args]
    only = [name for name, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None]
    return tuple(one.arg for one in (*plain[: len(plain) - len(arguments.defaults)], *only))


def _returns_tensor(predict: ast.FunctionDef) -> bool:
    """Tell whether what is returned was made by a function of TensorFlow last, and not by ``.numpy()``."""

    def of_tensorflow(value: ast.expr | None) -> bool:
        return isinstance(value, ast.Call) and dotted(value.func).partition(".")[0] in ("tf", "tensorflow")

    tensors = {
        target.id
        for node in ast.walk(predict)
        if isinstance(node, ast.Assign) and of_tensorflow(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    returned = [node.value for node in ast.walk(predict) if isinstance(node, ast.Return)]
    return any(of_tensorflow(value) or (isinstance(value, ast.Name) and value.id in tensors) for value in returned)
