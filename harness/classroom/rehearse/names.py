"""Names of students and teams as classes have them: of many languages, with accents, in several ways of writing."""

from __future__ import annotations

import unicodedata

import numpy as np

from harness.board.team_name import team_key

GIVEN = (
    "Zoë", "José", "Łukasz", "Åsa", "Nguyễn", "François", "Müge", "Søren", "Jiří", "Chloé", "Σοφία", "Иван", "李娜",
    "Aoife", "Björn", "İpek", "Ştefan", "Ana", "Kwame", "Noor", "Đorđe", "Ümit", "Renée", "Ғалым", "Mária", "Tomáš",
    "Ngozi", "Jürgen", "Lucía", "Þóra",
)  # fmt: skip
FAMILY = (
    "Müller", "O’Brien", "García Márquez", "Nowak", "Đặng", "Ångström", "van der Berg", "Dvořák", "Łoziński", "Şahin",
    "Παπαδάκη", "Орлова", "小龙", "Ní Dhomhnaill", "D’Angelo", "Sørensen", "Çelik", "Ionescu-Ţurcanu", "Mensah",
    "al-Haddad", "Petrović", "Öztürk", "Lefèvre", "Szabó", "Krejčí", "Okonkwo", "Weiß", "Gómez", "Jónsdóttir", "Lee",
)  # fmt: skip
TEAMS = (
    "Größe", "Élan", "Ñandú", "Čáp", "Ørn", "Żubr", "Σίγμα", "Рысь", "鶴", "Mañana", "Façade", "Über", "Naïve", "Tőke",
    "Bjørk", "Crème", "Şimşek", "Åska", "Plasma", "Quark",
)  # fmt: skip


def draw_names(rng: np.random.Generator, n: int) -> list[str]:
    """Return `n` names of students, no two of which are equal for the board.

    Examples
    --------
    >>> len({team_key(name) for name in draw_names(np.random.default_rng(0), 500)})
    500
    """
    places = rng.permutation(len(GIVEN) * len(FAMILY))
    found: dict[str, str] = {}
    for turn in range(n):
        at, again = divmod(turn, len(places))[::-1]
        given, family = GIVEN[places[at] % len(GIVEN)], FAMILY[places[at] // len(GIVEN)]
        name = f"{given} {family}" + (f" {again + 1}" if again else "")
        found[team_key(name)] = name
    return list(found.values())


def team_names(n: int) -> list[str]:
    """Return `n` names of teams.

    Examples
    --------
    >>> team_names(22)[-2:]
    ['Größe 2', 'Élan 2']
    """
    return [f"{TEAMS[at % len(TEAMS)]}{f' {at // len(TEAMS) + 1}' if at >= len(TEAMS) else ''}" for at in range(n)]


def written(name: str, way: int) -> str:
    """Return a name as one of several programs writes it; all are one name.

    Examples
    --------
    >>> ways = {written("Zoë Weiß", way) for way in range(4)}
    >>> len(ways), len(set(map(team_key, ways)))
    (4, 1)
    """
    form = unicodedata.normalize("NFD" if way % 2 else "NFC", name)
    return form.replace(" ", "  ") if way // 2 % 2 else form
