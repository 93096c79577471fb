"""How counts and what strangers wrote are put into sentences and pages.

Part of the programs on a server, too: standard library only.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any

TEXT_LENGTH = 2000  # characters of a message that are kept
VERIFIED = "trained here from public data, twice, with the same labels"
# What the board says of its rule `harness.contest_rules.BoardRules.transductive`.
TRANSDUCTIVE = {
    "ranked": "Entries may adapt to the test: labels may change with the other images of a batch.",
    "apart": "Each image is to be labelled by itself; entries whose labels change with the batch are ranked apart.",
    "unranked": "Each image is to be labelled by itself; entries whose labels change with the batch have no rank.",
}
# Of a contest without groups.
UNGROUPED = (
    "No group of images is known here, so images of one person may be in it, also in training and in the hidden test; "
    "scores are then too high, and intervals, which take images for independent, too narrow."
)


def counted(n: int, one: str, many: str = "") -> str:
    """Write a number with its noun, in the singular where it is 1.

    Examples
    --------
    >>> counted(1, "finding"), counted(0, "entry"), counted(1200, "class")
    ('1 finding', '0 entries', '1,200 classes')
    >>> counted(2, "team with finals", "teams with finals")
    '2 teams with finals'
    """
    if not many:
        many = one[:-1] + "ies" if re.search("[^aeiou]y$", one) else one + ("es" if one.endswith(("s", "x")) else "s")
    return f"{n:,} {one if n == 1 else many}"


def printable(text: object) -> str:
    """Return text in one line with nothing that steers a terminal, cut at `TEXT_LENGTH`.

    Examples
    --------
    >>> printable("a\\x1b[31mb\\nc")
    'a?[31mb c'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(str(text)[:TEXT_LENGTH].split()))


def plain(text: str) -> str:
    """Show control characters as escapes: what strangers wrote must not steer the terminal.

    Examples
    --------
    >>> plain("red\\x1b[31m")
    'red\\\\x1b[31m'
    """
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def markdown(text: str) -> str:
    """Return text that a reader of Markdown shows as it is, and that stays in its cell of a table.

    Examples
    --------
    >>> print(markdown("a|b <i>*c*"))
    a\\|b &lt;i&gt;\\*c\\*
    >>> print(markdown("immature_granulocyte, _old_"))
    immature_granulocyte, \\_old\\_
    """
    line = "".join(letter if letter.isprintable() else " " for letter in html.escape(text, quote=False))
    # An underscore within a word is no mark.
    return re.sub(r"([\\`*\[\]|~])|(?<![^\W_])(_)|(_)(?![^\W_])", lambda found: f"\\{found[0]}", line)


def as_toml(value: Any) -> str:
    """Write a value as TOML.

    Examples
    --------
    >>> print(as_toml(["a", 'b "c"']), as_toml(True), as_toml(28))
    ["a", "b \\"c\\""] true 28
    """
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # strings and lists are written as in JSON
