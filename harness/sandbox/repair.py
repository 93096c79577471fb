"""A zip that was packed by hand, and not as the contest wants it, packed again: the counterpart of a refusal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.contest import Limits
from harness.errors import PackError, RefusedZip, UnreadableError, UsageError
from harness.limited import Reader
from harness.pack import Packed, pack
from harness.sandbox.unpack import bounds, misspelt, open_submission
from harness.tree import temporary_folder


@dataclass(frozen=True)
class Repaired:
    """The zip that was written, and what of the old one was changed, one sentence each."""

    packed: Packed
    changes: tuple[str, ...]


def repair(zip_path: Path, repaired_path: Path, limits: Limits | None = None) -> Repaired:
    """Pack the content of `zip_path` again, with ``model.py`` at the root and nothing that does not belong in.

    A zip whose ``model.py`` lies some folders too deep is moved up, a ``model.py`` that is misspelt gets its name, and
    what a desktop leaves behind stays out.  The result is what `pack` makes of the folder that was meant, byte for
    byte.  Nothing of the zip is run.

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
            with Reader(bounds(limits)) as reader:
                changes = reader.call(zip_path.name, lay_out, zip_path, folder, limits)
            packed = pack(folder, repaired_path, limits)
    except UnreadableError as error:
        raise RefusedZip(error.message, error.hint) from error
    except OSError as error:
        raise PackError(
            f"Cannot write {repaired_path}: {error.strerror or error}.",
            "Make room or rights, or choose another -o ZIP.",
        ) from error
    return Repaired(packed, changes)


def lay_out(zip_path: Path, folder: Path, limits: Limits) -> tuple[str, ...]:
    """Unpack into an empty folder what is to be packed again, in this process, and return what changes."""
    with open_submission(zip_path, limits) as submission:
        names, changes = _plan(submission.files)
        submission.inflate(folder, names, limits)
        return (*changes, *submission.notes)


def _plan(files: Iterable[str]) -> tuple[dict[str, str], tuple[str, ...]]:
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
        changes.append(f"Left out {_count(outside)} outside of it: {', '.join(map(repr, outside[:5]))}.")
    return names, tuple(changes)


def _find_model(files: Iterable[str]) -> str:
    """Return the file that is, or was meant to be, ``model.py``: the one that lies least deep, rightly named first."""
    right = [name for name in files if PurePosixPath(name).name == "model.py"]
    folders = sorted({str(PurePosixPath(name).parent) for name in files})
    meant = right or [close for folder in folders if (close := _misspelt_in(folder, files))]
    if not meant:
        raise PackError(
            "The zip holds no model.py, nor a file with nearly that name.",
            "Write model.py with a class Model; hemobench new NAME writes one to start from.",
        )
    depth = min(name.count("/") for name in meant)
    highest = [name for name in meant if name.count("/") == depth]
    if len(highest) > 1:
        raise PackError(
            f"The zip holds more than one model.py: {', '.join(map(repr, highest[:5]))}.",
            "Unpack it, then pack the folder that you mean: hemobench pack FOLDER -o ZIP",
        )
    return highest[0]


def _misspelt_in(folder: str, files: Iterable[str]) -> str:
    """Return the Python file of `folder` that was most likely meant to be ``model.py``; empty where there is none."""
    prefix = "" if folder == "." else f"{folder}/"
    inside = [name.removeprefix(prefix) for name in files if name.startswith(prefix)]
    close = misspelt(name for name in inside if name.casefold().endswith((".py", ".py.txt")))
    return prefix + close if close else ""


def _count(names: Iterable[str]) -> str:
    n = len(list(names))
    return f"{n} {'file' if n == 1 else 'files'}"
