"""What a rule of the linter is: one failure of a bundle, who notices it, and how it is repaired."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from harness.platforms.codabench.bundle import Bundle


class Severity(StrEnum):
    """How bad a failure is, worst first."""

    REFUSED = "refused"  # the server does not unpack the bundle, and deletes it
    LEAK = "leak"  # the labels are within reach of submissions
    FAILS = "fails"  # it is unpacked, but submissions fail, or the leaderboard does
    SILENT = "silent"  # the server does something else than what is written, without a word
    ADVICE = "advice"  # it works, and will be regretted


BREAKING = (Severity.REFUSED, Severity.LEAK, Severity.FAILS)

# What a rule's function yields: the evidence found, and the exact fix.
Found = Iterator[tuple[str, str]]
Check = Callable[[Bundle], Found]


class Finding(msgspec.Struct, frozen=True):
    """One failure in one place of a bundle."""

    rule: str
    severity: Severity
    what: str
    evidence: str
    fix: str
    server: str = ""  # what the server or the worker says or does


@dataclass(frozen=True)
class Rule:
    """A failure by its id, and the function that looks for it."""

    id: str
    severity: Severity
    what: str
    server: str
    check: Check


RULES: dict[str, Rule] = {}


def rule(id: str, severity: Severity, what: str, server: str = "") -> Callable[[Check], Check]:
    """Register a function as a rule; an id that is taken is an error."""

    def register(check: Check) -> Check:
        if id in RULES:
            raise ValueError(f"Two rules are called {id}.")
        RULES[id] = Rule(id, severity, what, server, check)
        return check

    return register


def text_fault(value: object, longest: int, *, needed: bool = True) -> str:
    """Say what is wrong with a text field, or return "".

    Examples
    --------
    >>> text_fault(None, 36), text_fault("x" * 40, 36), text_fault("ok", 36)
    ('is missing', 'has 40 characters, at most 36 are taken', '')
    """
    if value is None or value == "":
        return "is missing" if needed else ""
    if isinstance(value, dict | list):
        return f"is a {'list' if isinstance(value, list) else 'mapping'}, expected text"
    length = len(str(value))
    return f"has {length} characters, at most {longest} are taken" if length > longest else ""


def name_of(item: dict[str, object], place: int) -> str:
    """Name an item of a list for a person: by its name, else by its index, else by its place."""
    for key in ("name", "title", "key", "index"):
        if item.get(key) not in (None, ""):
            return f"{item[key]!r}"
    return f"number {place + 1}"


def shown(names: Iterable[object], most: int = 5) -> str:
    """List a few names."""
    found = [str(name) for name in names]
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")
