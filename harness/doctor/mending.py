"""``--fix``: the entrant's ``model.py`` under another name, and a new one that stands between it and the contest."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.contest import Contest
from harness.doctor.folder import write_zip
from harness.doctor.inputs import find_input
from harness.doctor.outputs import find_output


@dataclass(frozen=True)
class Edit:
    """A literal in a Python file of the submission that is to be another: on one line, columns in bytes of UTF-8."""

    file: str
    line: int
    start: int
    end: int
    new: str


@dataclass(frozen=True)
class Plan:
    """What is to be mended; an empty plan mends nothing.

    Attributes
    ----------
    entry_class : str
        What the entrant's class is called.
    takes_path : bool
        Whether its ``__init__`` wants the folder.
    input, output : str
        Names of an `Input` and an `Output`.
    order : tuple of int
        The true class for each class that the entry says; empty: as it says.
    edits : tuple of Edit
    files : tuple of (str, str)
        Files of the submission, each with the path of a mended copy.
    """

    entry_class: str = "Model"
    takes_path: bool = False
    input: str = ""
    output: str = ""
    order: tuple[int, ...] = ()
    edits: tuple[Edit, ...] = ()
    files: tuple[tuple[str, str], ...] = ()

    @property
    def wraps(self) -> bool:
        """Whether a ``model.py`` is to stand in front of the entrant's."""
        return replace(self, edits=(), files=()) != Plan()


def mend(folder: Path, plan: Plan, contest: Contest, building: Path, zip_path: Path) -> None:
    """Zip the submission in `folder`, mended, as `zip_path`: the same bytes each time.

    Parameters
    ----------
    folder : Path
        The unpacked submission, which stays as it is.
    building : Path
        A folder for the copy, which must not exist.
    """
    shutil.copytree(folder, building)
    for name, mended in plan.files:
        shutil.copyfile(mended, building / name)
    for name in {edit.file for edit in plan.edits}:
        path = building / name
        path.write_bytes(edited(path.read_bytes(), [edit for edit in plan.edits if edit.file == name]))
    if plan.wraps:
        inner = free_name(building)
        (building / "model.py").rename(building / f"{inner}.py")
        (building / "model.py").write_text(wrapper(plan, inner, contest), encoding="utf-8")
    write_zip(building, sorted(path for path in building.rglob("*") if path.is_file()), zip_path)


def edited(source: bytes, edits: Sequence[Edit]) -> bytes:
    """Return Python source with literals replaced; the rest keeps every byte.

    Examples
    --------
    >>> edited(b"a = 'x'\\nb = 'y'\\n", [Edit("model.py", 2, 4, 7, "'z'")])
    b"a = 'x'\\nb = 'z'\\n"
    """
    lines = source.splitlines(keepends=True)
    for edit in sorted(edits, key=lambda edit: (edit.line, edit.start), reverse=True):
        line = lines[edit.line - 1]
        lines[edit.line - 1] = line[: edit.start] + edit.new.encode() + line[edit.end :]
    return b"".join(lines)


def free_name(folder: Path) -> str:
    """Return a module's name that no file of `folder` has."""
    names = {path.stem for path in folder.iterdir()}
    return next(name for name in ("entry_model", *(f"entry_model_{n}" for n in range(2, 9999))) if name not in names)


def wrapper(plan: Plan, inner: str, contest: Contest) -> str:
    """Return a ``model.py`` that hands pictures to the entry as it wants them, and its labels on as the contest does.

    Examples
    --------
    >>> from harness.contest import find_contest
    >>> print(wrapper(Plan(input="divided by 255"), "entry_model", find_contest("blood-cells")))
    \"\"\"Written by hemobench doctor --fix; the model itself is entry_model.py, unchanged.\"\"\"
    <BLANKLINE>
    import numpy as np
    from entry_model import Model as Entry
    <BLANKLINE>
    <BLANKLINE>
    class Model:
        def __init__(self):
            self.entry = Entry()
    <BLANKLINE>
        def predict(self, X):
            X = np.asarray(X).astype(np.float32)
            X = X / 255  # it was trained on 0–1
            labels = np.asarray(self.entry.predict(X))
            return labels
    <BLANKLINE>
    """
    lines = [
        f'"""Written by hemobench doctor --fix; the model itself is {inner}.py, unchanged."""',
        "",
        *(["from pathlib import Path", ""] if plan.takes_path else []),
        "import numpy as np",
        f"from {inner} import {plan.entry_class} as Entry",
        "",
    ]
    if "NAMES" in (find_output(plan.output).code if plan.output else ""):
        lines += [f"NAMES = {[name.replace(' ', '_').casefold() for name in contest.class_names]!r}"]
    if plan.order:
        lines += [f"TRUE_CLASS = np.array({list(plan.order)})  # by the class that the entry says"]
    if lines[-1]:
        lines += [""]
    folder = "str(Path(__file__).resolve().parent)" if plan.takes_path else ""
    lines += [
        "",
        "class Model:",
        "    def __init__(self):",
        f"        self.entry = Entry({folder})",
        "",
        "    def predict(self, X):",
    ]
    if plan.input:
        way = find_input(plan.input)
        lines += ["        X = np.asarray(X).astype(np.float32)"]
        lines += [f"        {way.code}  # it {way.trained}"] if way.code != "X = X" else []
    lines += ["        labels = np.asarray(self.entry.predict(X))"]
    if plan.output:
        lines += [f"        {find_output(plan.output).code}"]
    lines += ["        return TRUE_CLASS[labels]" if plan.order else "        return labels", ""]
    return "\n".join(lines)
