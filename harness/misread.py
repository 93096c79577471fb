"""What is wrong in a file of settings, as a sentence: where, what stands there, and what may stand there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import inspect

from harness.errors import did_you_mean

STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
SHOWN = 60  # letters of a value


def explain(error: str, document: Any, kind: Any) -> tuple[str, str]:
    """Return a message without its full stop, and a hint or an empty text, for what msgspec says of a document.

    Parameters
    ----------
    error : str
        The text of a `msgspec.ValidationError`; another one is returned as it is.
    document : dict
        As it was read, without a type.
    kind : type
        What it was to become.

    Examples
    --------
    >>> import msgspec
    >>> class Limits(msgspec.Struct, forbid_unknown_fields=True):
    ...     time_s: int = 900
    >>> explain("Object contains unknown field `times`", {"times": 1}, Limits)
    ("it has no key 'times'", 'Did you mean time_s?')
    """
    what, _, where = error.partition(" - at `$")
    where = where.removesuffix("`")
    steps = [name or int(number) for name, number in STEP.findall(where)]
    types, value = _follow(inspect.type_info(kind), document, steps)
    place = where.removeprefix(".")
    if found := re.match(r"Object contains unknown field `(.*)`$", what):
        has = f"[{place}] has" if place else "it has"
        return f"{has} no key {found[1]!r}", did_you_mean(found[1], _keys(types, value))
    if found := re.match(r"Object missing required field `(.*)`$", what):
        within = f" in [{place}]" if place else ""
        wanted, _ = _step(types, value, found[1])
        return f"the key {found[1]!r} is missing{within}, expected {_expected(wanted)}", ""
    if not steps or not what.startswith(("Invalid ", "Expected ")):
        return (what if steps else error), ""
    known = [str(word) for word in _values(types)]
    hint = did_you_mean(value, known) if isinstance(value, str) else ""
    # All there are stand in the message already.
    return f"{place} is {_shown(value)}, expected {_expected(types)}", hint if hint.startswith("Did") else ""


def _follow(kind: inspect.Type, document: Any, steps: Sequence[str | int]) -> tuple[list[inspect.Type], Any]:
    """Return the types that the place at the end of `steps` may have, and the value that stands there."""
    types, value = [kind], document
    for step in steps:
        types, value = _step(types, value, step)
    return types, value


def _step(types: Sequence[inspect.Type], value: Any, step: str | int) -> tuple[list[inspect.Type], Any]:
    try:
        inner = value[step]
    except (KeyError, IndexError, TypeError):
        inner = None
    found: list[inspect.Type] = []
    structs = _sections(types)
    if tags := [one.tag for one in structs if one.tag_field == step]:
        return [inspect.LiteralType(tuple(tags))], inner
    found += [field.type for one in _chosen(structs, value) for field in one.fields if field.encode_name == step]
    for one in _plain(types):
        if isinstance(one, inspect.VarTupleType | inspect.ListType):
            found.append(one.item_type)
        elif isinstance(one, inspect.TupleType) and isinstance(step, int) and step < len(one.item_types):
            found.append(one.item_types[step])
    return found, inner


def _plain(types: Sequence[inspect.Type]) -> Iterator[inspect.Type]:
    """Give the types that a value may have, unions taken apart and what stands for "not set" left out."""
    for one in types:
        if isinstance(one, inspect.UnionType):
            yield from _plain(one.types)
        elif isinstance(one, inspect.Metadata):
            yield from _plain([one.type])
        elif type(one).__name__ not in ("NoneType", "UnsetType"):
            yield one


def _sections(types: Sequence[inspect.Type]) -> list[inspect.StructType]:
    return [one for one in _plain(types) if isinstance(one, inspect.StructType)]


def _chosen(structs: list[inspect.StructType], value: Any) -> list[inspect.StructType]:
    """Return of tagged sections the one that `value` is; all, where it does not say which."""
    tagged = [one for one in structs if isinstance(value, dict) and value.get(one.tag_field) == one.tag]
    return tagged or structs


def _keys(types: Sequence[inspect.Type], value: Any) -> set[str]:
    structs = _chosen(_sections(types), value)
    keys = {field.encode_name for one in structs for field in one.fields}
    return keys | {one.tag_field for one in structs if one.tag_field}


def _values(types: Sequence[inspect.Type]) -> list[Any]:
    return [value for one in _plain(types) if isinstance(one, inspect.LiteralType) for value in one.values]


def _expected(types: Sequence[inspect.Type]) -> str:
    plain = list(_plain(types))
    if tagged := [one for one in _sections(types) if one.tag_field]:
        return f"a section with {tagged[0].tag_field} = {_either([repr(one.tag) for one in tagged])}"
    return _either([_of(one) for one in plain]) or "another value"


def _of(one: inspect.Type) -> str:
    match one:
        case inspect.LiteralType():
            return _either([repr(value) for value in one.values])
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType() | inspect.FloatType():
            noun = "a whole number" if isinstance(one, inspect.IntType) else "a number"
            return noun + _range(one)
        case inspect.StrType():
            return "a text in quotes"
        case inspect.DateTimeType():
            return "a time with its offset from UTC, without quotes in a file, such as 2026-12-01T23:59:00+01:00"
        case inspect.VarTupleType() | inspect.ListType():
            least = f" of at least {one.min_length}" if one.min_length else ""
            items = _expected([one.item_type])
            return f"a list{least}, each {items}"
        case inspect.DictType():
            return f"a section of names, each {_expected([one.value_type])}"
        case inspect.TupleType():
            return f"a list of {len(one.item_types)}: {', '.join(_expected([item]) for item in one.item_types)}"
        case inspect.StructType():
            return f"a section with {', '.join(sorted(field.encode_name for field in one.fields))}"
    return type(one).__name__.removesuffix("Type").lower()


def _range(one: inspect.IntType | inspect.FloatType) -> str:
    """Say between which ends a number may lie."""
    low = one.ge if one.ge is not None else one.gt
    high = one.le if one.le is not None else one.lt
    if one.gt is not None:
        return f" above {low:g}" + (f" and at most {high:g}" if high is not None else "")
    if low is not None:
        return f" from {low:g} to {high:g}" if high is not None else f" of at least {low:g}"
    return f" of at most {high:g}" if high is not None else ""


def _either(words: Sequence[str]) -> str:
    words = list(dict.fromkeys(words))
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _shown(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
