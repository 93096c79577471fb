"""Which slow packages an entry is sure to import, read from its source: they can be imported before it is there.

Nothing of the entry runs for that, and nothing is guessed: where its code might make an import do something else, by a
variable of the environment, a path or a module of its own, nothing is imported ahead.  Such an entry takes longer, and
ends as it always did.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.python_source import UNREADABLE, parse

# Half a second each, and more.
SLOW = ("tensorflow", "keras", "torch", "torchvision", "onnxruntime", "jax", "sklearn", "pandas")
# What decides how they are imported.
SWITCHES = {"environ", "environb", "putenv", "unsetenv", "meta_path", "path_hooks", "modules", "addsitedir"}
FROM = {"os": {*SWITCHES, "*"}, "site": {*SWITCHES, "*"}, "sys": {*SWITCHES, "path", "*"}}
LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"  # the one variable that decides nothing but what is printed
FILES = 100  # of the entry's own that are followed


def slow_imports(folder: Path, runtime: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Return the packages of `SLOW` that ``model.py`` imports in any case, in its order; to be called in a `Reader`.

    Parameters
    ----------
    folder : Path
        An unpacked submission.
    runtime : frozenset of str
        The modules of the environment that it will run in, where that is not our own.
    """
    found: dict[str, None] = {}
    trees: dict[str, ast.Module] = {}

    def follow(name: str) -> None:
        """Collect what one of the entry's own files imports when it is imported, and what that leads to."""
        if name in trees or len(trees) == FILES or not (folder / name).is_file():
            return
        trees[name] = parse(folder / name)
        for module in _imported(trees[name]):
            top = module.partition(".")[0]
            if top in SLOW:
                found[top] = None
                if "keras" in module.split(".")[1:]:  # `tensorflow.keras` is another name for it
                    found["keras"] = None
            else:
                parts = module.split(".")
                for end in range(1, len(parts) + 1):
                    follow("/".join(parts[:end]) + ".py")
                    follow("/".join([*parts[:end], "__init__.py"]))

    try:
        follow("model.py")
    except UNREADABLE:  # the run tells
        return ()
    names = {path.stem for path in folder.iterdir()}
    if names & runtime or any(map(_hides, names)) or any(map(_may_switch, trees.values())):
        return ()
    return tuple(found)


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield the modules that a file imports whatever happens: at its top, in no branch.

    Examples
    --------
    >>> list(_imported(ast.parse("import keras, a.b\\nfrom c import d\\nif x:\\n    import torch\\nfrom . import e")))
    ['keras', 'a.b', 'c.d', 'c']
    """
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{one.name}" for one in node.names)
            yield node.module


def _hides(name: str) -> bool:
    """Return whether a file or folder of an entry would be imported in place of something that is installed."""
    if name in sys.stdlib_module_names:
        return True
    try:
        return name.isidentifier() and importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return True


def _may_switch(tree: ast.Module) -> bool:
    """Return whether a file names anything that decides how packages are imported.

    Examples
    --------
    >>> _may_switch(ast.parse("import os; os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3'); os.path.join('a')"))
    False
    >>> _may_switch(ast.parse("import os; os.environ['KERAS_BACKEND'] = 'jax'"))
    True
    >>> _may_switch(ast.parse("import sys; sys.path.insert(0, 'vendor')"))
    True
    """
    harmless = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setdefault":
            harmless |= {id(node.func.value)} if node.args and _is_log_level(node.args[0]) else set()
        elif isinstance(node, ast.Subscript) and _is_log_level(node.slice):
            harmless.add(id(node.value))
        elif isinstance(node, ast.Attribute) and id(node) not in harmless:
            in_sys = isinstance(node.value, ast.Name) and node.value.id == "sys"
            if node.attr in SWITCHES or (in_sys and node.attr == "path"):
                return True
        elif isinstance(node, ast.ImportFrom) and FROM.get(node.module or "", set()) & {one.name for one in node.names}:
            return True
    return False


def _is_log_level(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == LOG_LEVEL
