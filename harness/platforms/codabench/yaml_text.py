"""YAML that strangers wrote, read as the server's ``yaml.safe_load`` does, but not without end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from harness.plain_files import is_plain

LARGEST = 500_000  # bytes
VALUES = 20_000  # an alias counted each time: a few lines can stand for billions
BITS = 1000  # of a whole number; Python writes none of 4,300 digits
LONGEST = 300  # characters of a reason, which quotes the text
# PyYAML has errors of its own, and lets through what its constructors meet: no digits in a number, a date that does not
# exist, a key that cannot be one.
FAULTS = (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError, RecursionError)


class YamlFault(Exception):
    """A text that is not read; the reason in words."""


def read_text(path: Path) -> str:
    """Return the text of a plain file, its start where it is longer than `LARGEST`; empty where it is no plain file."""
    if not is_plain(path):
        return ""
    with path.open("rb") as file:
        return file.read(LARGEST + 1).decode("utf-8", "replace")


def load(text: str) -> Any:
    """Return what a text says.

    Raises
    ------
    YamlFault
        It is not YAML, or says more than any honest text does.
    """
    if len(text) > LARGEST:
        raise YamlFault(f"has more than {LARGEST:,} characters")
    try:
        found = yaml.safe_load(text)
    except FAULTS as error:
        raise YamlFault(f"is not YAML: {' '.join(str(error).split())[:LONGEST] or type(error).__name__}") from error
    if unfolded(found) > VALUES:
        raise YamlFault(f"unfolds to more than {VALUES:,} values by its aliases")
    return found


def unfolded(config: Any) -> int:
    """Count the values in a configuration as they would be written out; a circle counts as endless.

    Examples
    --------
    >>> twice = [1, 2]
    >>> unfolded({"a": twice, "b": twice})
    9
    """
    sizes: dict[int, int] = {}

    def size(value: Any) -> int:
        if isinstance(value, int) and value.bit_length() > BITS:
            raise YamlFault("holds a number of more than 300 digits")
        if not isinstance(value, dict | list | tuple | set):
            return 1
        if id(value) not in sizes:
            sizes[id(value)] = VALUES + 1  # met again before it is counted, it holds itself
            inner = [*value, *value.values()] if isinstance(value, dict) else value
            sizes[id(value)] = min(1 + sum(map(size, inner)), VALUES + 1)
        return sizes[id(value)]

    try:
        return size(config)
    except RecursionError:
        return VALUES + 1


def plain(value: Any) -> Any:
    """Return a value as JSON has it: keys are text, and so is what JSON does not know.

    Examples
    --------
    >>> import datetime
    >>> plain({1: [datetime.date(2026, 1, 1), None, 0.5]})
    {'1': ['2026-01-01', None, 0.5]}
    """
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
