"""Names of teams: how one stands on the board, and when two spellings are one team."""

from __future__ import annotations

import unicodedata

LONGEST = 80  # characters of a name on the board
# Seen as a blank, or not at all, though Unicode counts them among letters, marks and symbols.
BLANK = str.maketrans(dict.fromkeys("\u115f\u1160\u2800\u3164\uffa0", " "))
UNSEEN = {"\u034f", "\u17b4", "\u17b5", "\u180b", "\u180c", "\u180d", "\u180f"}
VARIANTS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))  # selectors of another shape of the letter before
# Letters, case folded, that nobody tells from a Latin one: Cyrillic, Greek, and a few of Latin itself.
ALIKE = str.maketrans(
    "авеһіјкмнорсѕтухӏԁԛԝ" + "αβεζηικμνορτυχϲ" + "ıɑɡ",
    "abehijkmhopcstyxldqw" + "abezhikmvoptyxc" + "iag",
)


def tidy(name: str) -> str:
    """Return a name as it stands on the board: composed, each blank one space, none at its ends, nothing unseen.

    Examples
    --------
    >>> tidy(" Zoe\\u0301  and\\u00a0Bo\\u200b ") == "Zo\\u00e9 and Bo"
    True
    """
    seen = "".join(letter for letter in name.translate(BLANK) if not _is_unseen(letter))
    return " ".join(unicodedata.normalize("NFC", seen).split())


def team_key(name: str) -> str:
    """Return what is equal for two spellings of one team: case, width, accents' encoding and blanks do not count.

    Letters of other alphabets that look like Latin ones count as these.

    Examples
    --------
    >>> team_key("Team  01") == team_key("\\uff34eam 01\\u2060") == team_key("TEAM 01")
    True
    >>> team_key("Zoe") == team_key("Zo\\u00e9")
    False
    """
    folded = unicodedata.normalize("NFKC", tidy(name)).casefold()
    return tidy(unicodedata.normalize("NFKC", folded)).translate(ALIKE)


def may_stand(name: str) -> bool:
    """Say whether a tidy name can stand on the board."""
    return 0 < len(name) <= LONGEST and name.isprintable()


def _is_unseen(letter: str) -> bool:
    return (
        unicodedata.category(letter) == "Cf"  # zero widths, joiners, marks of direction, soft hyphens, tags
        or letter in UNSEEN
        or any(ord(letter) in variants for variants in VARIANTS)
    )
