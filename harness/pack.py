"""From a folder with ``model.py`` to one zip, the same bytes on any machine and at any time."""

from __future__ import annotations

import ast
import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.contest import Limits
from harness.errors import PackError, UnreadableError, did_you_mean
from harness.limited import read
from harness.plain_files import plain_files
from harness.python_source import LARGEST, UNREADABLE, NotSource, parse, told
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
            f"To pack its content anew: hemobench pack {folder} --fix -o fixed.zip",
        )
    if not folder.is_dir():
        raise PackError(f"There is no folder {folder}.", "hemobench new NAME writes one to start from.")
    if not zip_path.name or zip_path.is_dir():
        raise PackError(f"{str(zip_path)!r} is no name for a zip.", "Type: -o NAME.zip")
    try:
        return _pack(folder, zip_path, limits)
    except OSError as error:
        raise PackError(f"{folder} cannot be read: {error}.", "Change its rights, or take that file away.") from error


def _pack(folder: Path, zip_path: Path, limits: Limits) -> Packed:
    found = plain_files(folder, skip=leftover)
    left_out = [f"{name}: {reason}" for name, reason in found.left_out.items()]
    if itself := next((name for name, path in found.plain.items() if path.resolve() == zip_path.resolve()), None):
        left_out.append(f"{itself}: the zip itself")
    chosen = {str(name): path for name, path in found.plain.items() if name != itself}
    check_model(folder, list(chosen))
    if len(chosen) > limits.files:
        raise PackError(f"{folder} holds {len(chosen)} files, at most {limits.files} may go in.", "Remove some.")
    total = sum(path.stat().st_size for path in chosen.values())
    if total > limits.zip_mb * 1_000_000:
        raise PackError(
            f"The files of {folder} take {total / 1e6:.0f} MB, a zip may take {limits.zip_mb} MB.",
            "Save the weights in float16, or remove files that model.py does not read.",
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, path in chosen.items():
            archive.writestr(plain_member(name), path.read_bytes())
    content = buffer.getvalue()
    write_atomic(zip_path, content)
    return Packed(zip_path, hashlib.sha256(content).hexdigest(), len(content), tuple(chosen), tuple(left_out))


def plain_member(name: str) -> zipfile.ZipInfo:
    """Return a member that says the same of a file wherever and whenever it is packed: one date, one mode, stored."""
    member = zipfile.ZipInfo(name, EPOCH)
    member.create_system = 3  # Unix
    member.external_attr = 0o100644 << 16
    return member


def leftover(name: PurePosixPath) -> str:
    """Return why a file or folder does not belong in a submission; empty where it does.

    Examples
    --------
    >>> leftover(PurePosixPath("a/.git")), leftover(PurePosixPath("__pycache__")), leftover(PurePosixPath("a/model.py"))
    ('hidden', 'a cache', '')
    """
    if name.name.startswith("."):
        return "hidden"
    return "a cache" if name.name in CACHES or name.suffix in CACHE_SUFFIXES else ""


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
        read("model.py", _check_class, folder / "model.py")
    except UnreadableError as error:
        raise PackError(error.message, error.hint) from error


def _check_class(path: Path) -> None:
    """Read ``model.py``, in a process of its own."""
    try:
        tree = parse(path)
    except NotSource as error:
        raise PackError(f"model.py is {error.what}, expected a Python script.", error.way) from error
    except UNREADABLE as error:
        if path.stat().st_size > LARGEST:
            return  # weights as text, most likely; only running it can tell
        raise PackError(f"model.py is not Python, {told(error)}.", "Correct that line.") from error
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
