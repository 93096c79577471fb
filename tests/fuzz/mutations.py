"""Damage to bytes and to JSON documents, drawn so that a found fault shrinks to its smallest cause."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

# What a text may hold that a terminal, a path or a decoder minds; no NUL, which no command line can carry.
AWKWARD = (
    "\x1b[2J",
    "\u202e",
    "\u2028",
    "\n",
    "\r",
    "\t",
    "'",
    '"',
    "[red]",
    "<b>",
    "{0}",
    "%s",
    "ä",
    "細胞",
    "🩸",
    "..",
)
TEXT = st.one_of(
    st.text(st.characters(blacklist_characters="\0/", blacklist_categories=("Cs",)), max_size=12),
    st.lists(st.sampled_from(AWKWARD), max_size=3).map("".join),
    st.integers(200, 5000).map(lambda n: "x" * n),
)
NUMBERS = st.one_of(
    st.integers(-3, 300),
    st.sampled_from([-(2**63), 2**31, 2**63, 2**64, 10**400]),
    st.floats(allow_nan=False, allow_infinity=False),
)
DEEP = st.sampled_from([200, 2000, 20_000])


def values() -> st.SearchStrategy[Any]:
    """Return a strategy of JSON values."""
    leaves = st.none() | st.booleans() | NUMBERS | TEXT
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
    )


@st.composite
def damaged(draw: st.DrawFn, content: bytes, *, most: int = 4, keep: int = 0) -> bytes:
    """Flip, cut, insert and repeat bytes in up to `most` places of `content`, behind the first `keep`."""
    changed = bytearray(content)
    for _ in range(draw(st.integers(0, most))):
        place = draw(st.integers(min(keep, len(changed)), len(changed)))
        match draw(st.sampled_from(["set", "set", "number", "cut", "end", "insert", "repeat"])):
            case "set":
                changed[place : place + 1] = bytes([draw(st.integers(0, 255))])
            case "number":  # sizes, counts and offsets are little-endian in most formats
                width = draw(st.sampled_from([2, 4, 8]))
                edge = draw(st.sampled_from([0, 1, 2 ** (8 * width - 1), 2 ** (8 * width) - 1]))
                changed[place : place + width] = edge.to_bytes(width, "little")
            case "cut":
                del changed[place : place + draw(st.integers(1, 64))]
            case "end":
                del changed[place:]
            case "insert":
                changed[place:place] = draw(st.binary(max_size=20))
            case "repeat":
                changed[place:place] = changed[place : place + draw(st.integers(1, 64))]
    return bytes(changed)


@st.composite
def other_document(draw: st.DrawFn, content: bytes) -> bytes:
    """Change, remove or add values in a JSON document."""
    document = json.loads(content)
    for _ in range(draw(st.integers(1, 3))):
        inner, key = document, None
        for _ in range(draw(st.integers(0, 6))):  # walk down some way
            keys = sorted(inner) if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ()
            if not len(keys):
                break
            outer, key = inner, draw(st.sampled_from(keys))
            inner = outer[key]
        if key is None:
            continue
        match draw(st.sampled_from(["replace", "replace", "remove", "add"])):
            case "replace":
                outer[key] = draw(values())
            case "remove":
                del outer[key]
            case "add" if isinstance(inner, dict):
                inner[draw(TEXT)] = draw(values())
            case "add" if isinstance(inner, list):
                inner.append(draw(values()))
    text = json.dumps(document).encode("utf-8", "surrogatepass")
    return draw(st.just(text) | damaged(text, most=2))
