"""Tables of what a recipe and a contest file may hold, read from the classes that check them and their comments."""

from __future__ import annotations

import inspect
import io
import re
import textwrap
import tokenize
from typing import Any, get_args

import msgspec
from msgspec import inspect as types

from baselines.recipe import Plateau, Recipe
from harness import contest
from harness.contest_rules import BoardRules, HandInRules, Limits

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "cleaning": contest.Cleaning,
    "split": contest.SplitSpec,
    "shift": contest.Shift,
    "limits": Limits,
    "board": BoardRules,
    "hand_in": HandInRules,
}
SOURCES: tuple[type[msgspec.Struct], ...] = tuple(
    kind for kind in get_args(contest.Source) if kind is not contest.An2dlSource
)  # the same as arrays
BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def field_pages() -> dict[str, str]:
    """Return the pages of a recipe's fields and of a contest file's, as Markdown by name."""
    recipe = (
        "# Every field of a recipe\n\n"
        "How a model is trained. `--set FIELD=VALUE` of `hemobench train`, `tune` and `submit` sets one field, and "
        "`--recipe FILE` takes all of them as TOML. `none` leaves the choice to the model. A field that would have no "
        "effect beside another one is refused, with the reason. Augmentations and what they do: `hemobench train "
        "--list` and [The champion](champion.md).\n\n"
        f"{tables(Recipe)}\n\n## reduce_on_plateau\n\n{_about(Plateau)}\n\n{tables(Plateau)}\n"
    )
    parts = [
        "# Every field of a contest file\n\n"
        "A contest is one TOML file; `hemobench contest new` writes it for [images of your own](images.md). Its top "
        "holds these; the sections below are optional, but for `[source]`. `[limits]`, `[board]` and `[hand_in]` "
        "are rules: `hemobench contest rules` changes them while a contest runs.\n",
        tables(contest.Contest, without=("source", *SECTIONS)),
        *(f"## source: {_tag(kind)}\n\n{_about(kind)}\n\n{tables(kind)}" for kind in SOURCES),
        f"## source.columns\n\n{_about(contest.Columns)}\n\n{tables(contest.Columns)}",
        *(f"## {name}\n\n{_about(kind)}\n\n{tables(kind)}" for name, kind in SECTIONS.items()),
    ]
    return {"recipe": recipe, "contest-file": "\n\n".join([*parts, ""])}


def tables(kind: type[msgspec.Struct], without: tuple[str, ...] = ()) -> str:
    """Return the fields of `kind` as Markdown: a table, or one below each heading that its comments give."""
    notes, headings = comments(kind)
    lines: list[str] = []
    head = ["", "| field | value | by itself | says |", "|---|---|---|---|"]
    for field in types.type_info(kind).fields:  # type: ignore[attr-defined]
        if field.name in without:
            continue
        if title := headings.get(field.name):
            first, _, rest = re.sub(r"[.:] +", "\0", title, count=1).partition("\0")
            lines += ["", f"## {first}", *(["", f"{rest[0].upper()}{rest[1:]}."] if rest else []), *head]
        elif not lines:
            lines += head
        cells = (f"`{field.name}`", worded(field.type), _default(field), _cell(notes.get(field.name, "")))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines).strip()


def comments(kind: type) -> tuple[dict[str, str], dict[str, str]]:
    """Return the comments on the fields of a class, and the headings above groups of them, by field.

    What stands behind a field is of that field, and so is a line right above one that has none behind it.  A line that
    follows an empty one is a heading.
    """
    source = textwrap.dedent(inspect.getsource(kind))
    lines = source.splitlines()
    found = {
        token.start[0]: (token.start[1], token.string.lstrip("# "))
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    notes: dict[str, str] = {}
    headings: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not (name := re.match(r"    (\w+): ", line)):
            continue
        above: list[str] = []
        at = number - 1
        while at in found and not lines[at - 1][: found[at][0]].strip():
            above.insert(0, found[at][1])
            at -= 1
        if above and not lines[at - 1].strip():
            headings[name[1]] = " ".join(above).rstrip(".")
        if number in found:
            notes[name[1]] = found[number][1]
        elif above and name[1] not in headings:
            notes[name[1]] = " ".join(above)
    return notes, headings


def worded(kind: types.Type) -> str:
    """Return what a field may hold, in words.

    Examples
    --------
    >>> worded(types.type_info(int | None)), worded(types.type_info(dict[str, str]))
    ('whole number, or `none`', 'table of text')
    """
    match kind:
        case types.UnionType():
            parts = [one for one in kind.types if not isinstance(one, types.NoneType)]
            return " or ".join(map(worded, parts)) + (", or `none`" if len(parts) < len(kind.types) else "")
        case types.LiteralType():
            return ", ".join(f"`{value}`" for value in kind.values)
        case types.BoolType():
            return "`true` or `false`"
        case types.IntType() | types.FloatType():
            bounds = [f"{sign} {getattr(kind, at):g}" for at, sign in BOUNDS.items() if getattr(kind, at) is not None]
            word = "whole number" if isinstance(kind, types.IntType) else "number"
            return " ".join([word, ", ".join(bounds)]).strip()
        case types.StrType():
            return "text"
        case types.DateTimeType():
            return "time with its offset from UTC"
        case types.DictType():
            return f"table of {worded(kind.value_type)}"
        case types.VarTupleType():
            return f"list of {worded(kind.item_type)}"
        case types.TupleType():
            return f"list of {len(kind.item_types)}: {'; '.join(map(worded, kind.item_types))}"
        case types.StructType():
            return f"table with {', '.join(f'`{field.name}`' for field in kind.fields)}"
    raise TypeError(f"no words for {kind}")


def _default(field: types.Field) -> str:
    if field.required:
        return "to be given"
    value: Any = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    if value is msgspec.NODEFAULT or value is msgspec.UNSET:
        return "not set"
    if isinstance(value, msgspec.Struct):
        return "its defaults"
    if isinstance(value, tuple) and value and isinstance(value[0], msgspec.Struct):
        return ", ".join(f"`{one.name}`" for one in value)
    return f"`{'none' if value is None else msgspec.json.encode(value).decode()}`"


def _tag(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)


def _about(kind: type) -> str:
    return " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split()).replace("``", "`")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
