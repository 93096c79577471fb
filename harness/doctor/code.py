"""A submission's Python files as far as reading tells: whether the class keeps the contract, and what they use."""

from __future__ import annotations

import ast
import contextlib
import sys
from dataclasses import dataclass, field
from pathlib import Path

from harness.doctor.uses import Uses, dotted, own_files, uses_of
from harness.python_source import UNREADABLE, parse, told


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
