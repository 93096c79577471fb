"""Which lessons there are, their notebooks, and the answers that stand in these."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, UsageError
from harness.lessons.checking import Verdict, explain

INSTALLED = Path(__file__).with_name("sources")
CHECKOUT = Path(__file__).parents[2] / "docs" / "lessons"


@dataclass(frozen=True)
class Lesson:
    """One lesson, by the file it is written in: ``1-leak.py`` is lesson 1, and `name` ``leak`` checks its exercise."""

    path: Path

    @property
    def number(self) -> int:
        return int(self.path.stem.split("-")[0])

    @property
    def name(self) -> str:
        return self.path.stem.split("-")[1]

    @property
    def file(self) -> str:
        return f"{self.path.stem}.ipynb"

    @property
    def title(self) -> str:
        return self._lines[1].removeprefix("# # ").partition(" · ")[2]

    @property
    def claim(self) -> str:
        """What the lesson puts to the test, in one sentence."""
        return self._lines[3].removeprefix("# **Claim.** ")

    @property
    def _lines(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines()[:4]


def lessons() -> list[Lesson]:
    """Return the lessons in order."""
    folder = INSTALLED if INSTALLED.is_dir() else CHECKOUT
    return sorted((Lesson(path) for path in folder.glob("[0-9]*-*.py")), key=lambda lesson: lesson.number)


def champion_steps() -> list[dict[str, Any]]:
    """Return the steps of the champion as they were measured, with ``val`` and ``hidden``, value and limits, 0 to 1."""
    installed = INSTALLED / "champion.json"
    path = installed if installed.is_file() else CHECKOUT.parent / "champion.json"
    return [row for row in json.loads(path.read_text(encoding="utf-8"))["rows"] if row["kind"] == "step"]


def find_lesson(number: int) -> Lesson:
    """Return one lesson.

    Raises
    ------
    UsageError
        There is none of this number.
    """
    for lesson in lessons():
        if lesson.number == number:
            return lesson
    raise UsageError(f"There is no lesson {number}.", "See: hemobench lesson list")


def write_notebook(lesson: Lesson, folder: Path) -> tuple[Path, bool]:
    """Write a lesson as a notebook into `folder`, unless it is there; return its path, and whether it is new."""
    from harness.platforms.kit import notebook  # late: with it comes NumPy

    path = folder / lesson.file
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(notebook(lesson.path.read_text(encoding="utf-8")))
    except FileExistsError:
        return path, False
    return path, True


def check(number: int, answer: Any) -> Verdict:
    """Say whether `answer` solves the exercise of lesson `number`, or why not.

    Raises
    ------
    UsageError
        There is no such lesson.
    """
    why = explain(find_lesson(number).name, answer)
    return Verdict(not why, f"Lesson {number}: {f'not yet. {why}' if why else 'passed.'}")


def check_notebook(lesson: Lesson, path: Path) -> Verdict:
    """Run the cell of a saved notebook that ends with the lesson's check, alone, and return what it says.

    Raises
    ------
    HarnessError
        The file is no notebook, or has no such cell, or the cell does not run by itself.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        scripts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except FileNotFoundError:
        raise HarnessError(f"{path} is missing.", f"Type: hemobench lesson open {lesson.number}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HarnessError(
            f"{path} is no notebook: {error}.", f"Type: hemobench lesson open {lesson.number}"
        ) from error
    call = f"check({lesson.number}, "
    found = [script for script in scripts if script.rstrip().splitlines()[-1:] and call in script.splitlines()[-1]]
    if not found:
        raise HarnessError(f"No cell of {path} ends with {call}...).", "Put that line back, and save the notebook.")
    names: dict[str, object] = {}
    try:
        *steps, last = ast.parse(found[-1].rstrip()).body
        exec(compile(ast.Module(steps, []), str(path), "exec"), names)
        verdict = eval(compile(ast.Expression(last.value), str(path), "eval"), names)  # type: ignore[attr-defined]
    except HarnessError:
        raise
    except Exception as error:
        raise HarnessError(
            f"The cell of the exercise does not run by itself: {type(error).__name__}: {error}.",
            "It must import and define all that it uses; save the notebook after changing it.",
        ) from error
    if not isinstance(verdict, Verdict):
        raise HarnessError(f"The cell of the exercise ends with {verdict!r}.", f"Let it end with {call}...).")
    return verdict
