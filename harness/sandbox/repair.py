"""A zip that was packed by hand, and not as the contest wants it, packed again: the counterpart of a refusal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.contest import Limits
from harness.errors import PackError, RefusedZip, UnreadableError, UsageError
from harness.limited import Reader
from harness.pack import Packed, pack
from harness.sandbox.unpack import bounds, inner_zips, misspelt, open_submission
from harness.tree import temporary_folder

DEEPEST = 3  # zips in one another


@dataclass(frozen=True)
class Repaired:
    """The zip that was written, and what of the old one was changed, one sentence each."""

    packed: Packed
    changes: tuple[str, ...]


def repair(zip_path: Path, repaired_path: Path, limits: Limits | None = None) -> Repaired:
    """Pack the content of `zip_path` again, with ``model.py`` at the root and nothing that does not belong in.

    A zip in a zip is taken out, a ``model.py`` that lies some folders too deep is moved up, one that is misspelt gets
    its name, a backslash between folders becomes a slash, and what a desktop leaves behind stays out.  The result is
    what `pack` makes of the folder that was meant, byte for byte.  Nothing of the zip is run.

    Raises
    ------
    RefusedZip
        The zip is damaged or hostile: what `unpack` refuses for safety is not repaired.
    PackError
        There is no such zip, it is not clear which ``model.py`` is meant, or `pack` refuses the result.
    UsageError
        `repaired_path` is the zip itself.
    """
    limits = limits or Limits()
    if not zip_path.is_file():
        raise PackError(f"There is no zip {zip_path}.", "Look for a misspelt name.")
    if zip_path.resolve() == repaired_path.resolve():
        raise UsageError("The repaired zip would overwrite the one it is made of.", "Give -o another name.")
    try:
        repaired_path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(".repairing-", repaired_path.parent) as folder:
            entry = folder / "entry"
            with Reader(bounds(limits)) as reader:
                changes = reader.call(zip_path.name, lay_out, zip_path, entry, limits)
            packed = pack(entry, repaired_path, limits)
    except UnreadableError as error:
        raise RefusedZip(error.message, error.hint) from error
    except OSError as error:
        raise PackError(
            f"Cannot write {repaired_path}: {error.strerror or error}.",
            "Make room or rights, or choose another -o ZIP.",
        ) from error
    return Repaired(packed, changes)


def lay_out(zip_path: Path, folder: Path, limits: Limits) -> tuple[str, ...]:
    """Unpack as `folder` what is to be packed again, in this process, and return what changes."""
    changes: list[str] = []
    for depth in range(DEEPEST):
        with open_submission(zip_path, limits, slashes=True) as submission:
            files = submission.files
            if n := sum("\\" in info.filename for info in files.values()):
                changes.append(f"Wrote '/' for '\\' in {n} {'name' if n == 1 else 'names'}.")
            inner = inner_zips(files)
            if len(inner) != 1 or _meant(files) or depth == DEEPEST - 1:
                names, moved = _plan(files)
                folder.mkdir()
                submission.inflate(folder, names, limits)
                return (*changes, *moved, *submission.notes)
            zip_path = folder.with_name(f"inner-{depth}.zip")
            submission.inflate(folder.parent, {inner[0]: zip_path.name}, limits)
            changes += [f"Took the entry out of the zip {inner[0]!r} in it.", *submission.notes]
            if outside := sorted(set(files) - set(inner)):
                changes.append(_left_out(outside))
    raise AssertionError("the deepest zip is laid out or refused")


def _plan(files: Collection[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the new name of each file that stays, and what changes.

    Examples
    --------
    >>> _plan(["team/Model.py", "team/weights/a.npz"])[0]
    {'team/Model.py': 'model.py', 'team/weights/a.npz': 'weights/a.npz'}
    """
    model = _find_model(files)
    above = model.rpartition("/")[0]
    prefix = f"{above}/" if above else ""
    names = {name: name.removeprefix(prefix) for name in files if name.startswith(prefix)}
    changes = []
    if prefix:
        changes.append(f"Moved up out of the folder {above!r}: {_count(names)}.")
    if names[model] != "model.py":
        changes.append(f"Renamed {names[model]!r} to 'model.py'.")
        names[model] = "model.py"
    if outside := sorted(set(files) - set(names)):
        changes.append(_left_out(outside))
    return names, tuple(changes)


def _find_model(files: Collection[str]) -> str:
    """Return the file that is, or was meant to be, ``model.py``: the one that lies least deep, rightly named first."""
    meant = _meant(files)
    if not meant:
        raise PackError(
            "The zip holds no model.py, nor a file with nearly that name.",
            "Unpack it, and hand in the zip in it that is the entry."
            if inner_zips(files)
            else "Write model.py with a class Model; hemobench new NAME writes one to start from.",
        )
    depth = min(name.count("/") for name in meant)
    highest = [name for name in meant if name.count("/") == depth]
    if len(highest) > 1:
        raise PackError(
            f"The zip holds more than one model.py: {', '.join(map(repr, highest[:5]))}.",
            "Unpack it, then pack the folder that you mean: hemobench pack FOLDER -o ZIP",
        )
    return highest[0]


def _meant(files: Collection[str]) -> list[str]:
    """Return the files that are, or were meant to be, ``model.py``: those rightly named, else the others."""
    folders = sorted({str(PurePosixPath(name).parent) for name in files})
    return [name for name in files if PurePosixPath(name).name == "model.py"] or [
        close for folder in folders if (close := _misspelt_in(folder, files))
    ]


def _misspelt_in(folder: str, files: Collection[str]) -> str:
    """Return the Python file of `folder` that was most likely meant to be ``model.py``; empty where there is none."""
    prefix = "" if folder == "." else f"{folder}/"
    inside = [name.removeprefix(prefix) for name in files if name.startswith(prefix)]
    close = misspelt(name for name in inside if name.casefold().endswith((".py", ".py.txt")))
    return prefix + close if close else ""


def _left_out(outside: Sequence[str]) -> str:
    return f"Left out {_count(outside)} outside of it: {', '.join(map(repr, outside[:5]))}."


def _count(names: Collection[str]) -> str:
    n = len(names)
    return f"{n} {'file' if n == 1 else 'files'}"
