"""The check of an exercise: it passes, or says what is wrong and why that matters."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from harness.errors import HarnessError


class Wrong(HarnessError):
    """An answer that is not right; the message explains, the hint says what to look at."""


def must(condition: object, message: str, hint: str = "") -> None:
    """Raise `Wrong` unless `condition` holds."""
    if not condition:
        raise Wrong(message, hint)


def explain(name: str, answer: Any) -> str:
    """Return why an answer to the exercise `name` is not right; empty where it is."""
    try:
        import_module(f"harness.lessons.exercises.{name}").check(answer)
    except Wrong as wrong:
        return f"{wrong.message} {wrong.hint}".strip()
    except NotImplementedError:
        return "It is not answered yet."
    except Exception as error:  # of the reader's own code, whatever it is
        line = traceback.extract_tb(error.__traceback__)[-1]
        return f"{line.name} stopped with {type(error).__name__}: {error}. Call it yourself to see where."
    return ""


@dataclass(frozen=True)
class Verdict:
    """What a check says of an answer: true where it passes, and a notebook shows the text."""

    passed: bool
    text: str

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return self.text
