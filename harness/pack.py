"""From a folder with ``model.py`` to one zip, the same bytes on any machine and at any time."""

from __future__ import annotations

import ast
import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from harness.contest import Limits
from harness.errors import PackError, did_you_mean
from harness.workspace import write_atomic

CACHES = {"__pycache__", "__MACOSX", "node_modules"}
CACHE_SUFFIXES = {".pyc", ".pyo"}
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can state


@dataclass(frozen=True)
class Packed:
    """The zip that was written; `left_out` says what of the folder did not go in, and why."""

    path: Path
    sha256: str
    n_bytes: int
    members: tuple[str, ...]
    left_out: tuple[str, ...]


def pack(folder: Path, zip_path: Path, limits: Limits | None = None) -> Packed:
    """Write the files of `folder` into a flat zip with ``model.py`` at its root.

    Members are sorted by name, carry one fixed date and mode, and are stored, not compressed: a compressor's output
    differs between its versions, and trained weights hardly shrink.

    Raises
    ------
    PackError
        There is no such folder, ``model.py`` is missing or cannot work, or the zip would break a limit.
    """
    limits = limits or Limits()
    if folder.is_file() and zipfile.is_zipfile(folder):
        raise PackError(
            f"{folder} is a zip, expected a folder with model.py.",
            f"To pack its content anew: hemobench pack {folder} --fix -o mended.zip",
        )
    if not folder.is_dir():
        raise PackError(f"There is no folder {folder}.", "Copy submissions/template and edit its model.py.")
    if not zip_path.name or zip_path.is_dir():
        raise PackError(f"{str(zip_path)!r} is no name for a zip.", "Type: -o NAME.zip")
    try:
        return _pack(folder, zip_path, limits)
    except OSError as error:
        raise PackError(f"{folder} cannot be read: {error}.", "Mend its rights, or take that file away.") from error


def _pack(folder: Path, zip_path: Path, limits: Limits) -> Packed:
    chosen, left_out = _choose(folder, zip_path)
    check_model(folder, [name for name, _ in chosen])
    if len(chosen) > limits.files:
        raise PackError(f"{folder} holds {len(chosen)} files, at most {limits.files} may go in.", "Remove some.")
    total = sum(path.stat().st_size for _, path in chosen)
    if total > limits.zip_mb * 1_000_000:
        raise PackError(
            f"The files of {folder} take {total / 1e6:.0f} MB, a zip may take {limits.zip_mb} MB.",
            "Save the weights in float16, or remove files that model.py does not read.",
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, path in chosen:
            archive.writestr(plain_member(name), path.read_bytes())
    content = buffer.getvalue()
    write_atomic(zip_path, content)
    return Packed(
        zip_path, hashlib.sha256(content).hexdigest(), len(content), tuple(name for name, _ in chosen), left_out
    )


def plain_member(name: str) -> zipfile.ZipInfo:
    """Return a member that says the same of a file wherever and whenever it is packed: one date, one mode, stored."""
    member = zipfile.ZipInfo(name, EPOCH)
    member.create_system = 3  # Unix
    member.external_attr = 0o100644 << 16
    return member


def _choose(folder: Path, zip_path: Path) -> tuple[list[tuple[str, Path]], tuple[str, ...]]:
    """Return what goes in, by name, and what does not, with the reason."""
    chosen: list[tuple[str, Path]] = []
    left_out: list[str] = []

    def visit(path: Path, name: str) -> None:
        if path.name.startswith("."):
            left_out.append(f"{name}: hidden")
        elif path.is_symlink():
            left_out.append(f"{name}: a link")
        elif path.name in CACHES or path.suffix in CACHE_SUFFIXES:
            left_out.append(f"{name}: a cache")
        elif path.is_dir():
            for inner in sorted(path.iterdir()):
                visit(inner, f"{name}/{inner.name}")
        elif not path.is_file():
            left_out.append(f"{name}: not a plain file")
        elif path.resolve() == zip_path.resolve():
            left_out.append(f"{name}: the zip itself")
        else:
            chosen.append((name, path))

    for path in sorted(folder.iterdir()):
        visit(path, path.name)
    return sorted(chosen), tuple(left_out)


def check_model(folder: Path, names: list[str]) -> None:
    """Refuse what can be seen to fail without running it.

    Raises
    ------
    PackError
        ``model.py`` is missing, is not Python, or has no class ``Model`` with a method ``predict``.
    """
    if "model.py" not in names:
        nested = [name for name in names if name.endswith("/model.py")]
        hint = (
            f"Pack the folder that holds it: {folder / nested[0].removesuffix('/model.py')}"
            if nested
            else (did_you_mean("model.py", [name for name in names if name.endswith(".py")]))
        )
        raise PackError(f"{folder} has no model.py at its top.", hint)
    try:
        tree = ast.parse((folder / "model.py").read_bytes())
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise PackError(f"model.py is not Python{line}: {getattr(error, 'msg', error)}.", "Mend that line.") from error
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    made = {
        name.asname or name.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom | ast.Import)
        for name in node.names
    } | {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    if "Model" not in classes:
        if "Model" in made:
            return  # it comes from elsewhere; only running it can tell
        raise PackError("model.py has no class Model, expected one.", did_you_mean("Model", classes))
    model = classes["Model"]
    methods = {node.name: node for node in model.body if isinstance(node, ast.FunctionDef)}
    if "predict" not in methods and not model.bases:
        raise PackError("class Model has no method predict(self, X), expected one.", did_you_mean("predict", methods))
    if "__init__" in methods:
        arguments = methods["__init__"].args
        needed = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults) - 1
        if needed > 0 or None in arguments.kw_defaults:
            raise PackError(
                "Model.__init__ needs arguments, but Model() is called with none.",
                "Load the weights by a path relative to model.py, for instance 'model.keras'.",
            )
