"""When something was handed in, as platforms write it: in the language of the site, with a zone or without."""

from __future__ import annotations

import re
import warnings
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from harness.errors import UsageError

if TYPE_CHECKING:
    from dateutil.parser import parserinfo

# In English, German, Italian, French and Spanish.
MONTHS = """
    jan january januar jänner gennaio janvier enero gen janv ene
    feb february februar febbraio février febrero févr
    mar march märz marzo mars mär
    apr april aprile avril abril avr abr
    may mai maggio mayo mag
    jun june juni giugno juin junio giu
    jul july juli luglio juillet julio lug juil
    aug august agosto août ago
    sep sept september settembre septembre septiembre set
    oct october oktober ottobre octobre octubre okt ott
    nov november novembre noviembre
    dec december dezember dicembre décembre diciembre dez dic déc
"""
WEEKDAYS = """
    mon monday montag lunedì lundi lunes mo lun
    tue tuesday dienstag martedì mardi martes di
    wed wednesday mittwoch mercoledì mercredi miércoles mi
    thu thursday donnerstag giovedì jeudi jueves do
    fri friday freitag venerdì vendredi viernes fr
    sat saturday samstag sabato samedi sábado sa
    sun sunday sonntag domenica dimanche domingo so
"""
FILLERS = ["um", "uhr", "alle", "ore", "à", "le", "el", "de", "del", "las"]
NEVER = ("", "-", "–", "never", "nie", "mai", "jamais", "nunca")


def zone_named(name: str) -> tzinfo:
    """Return a time zone, such as ``Europe/Rome``.

    Raises
    ------
    UsageError
        There is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise UsageError(f"No time zone is called {name!r}.", "For instance: --zone Europe/Rome") from error


def read_time(text: str, zone: tzinfo) -> datetime | None:
    """Return a time in UTC, whole seconds; None where the text says that there is none.

    Parameters
    ----------
    text : str
        With a date; where it names no zone it is of `zone`.

    Raises
    ------
    ValueError
        It is no time, or might be two: 3/4/2026.

    Examples
    --------
    >>> print(read_time("Freitag, 20. November 2026, 10:00", ZoneInfo("Europe/Berlin")))
    2026-11-20 09:00:00+00:00
    >>> print(read_time("2026-11-20 10:00:00 -0800", UTC), read_time("-", UTC))
    2026-11-20 18:00:00+00:00 None
    """
    text = text.strip()
    if text.casefold() in NEVER:
        return None
    if re.fullmatch(r"\d{10}", text):
        return datetime.fromtimestamp(int(text), UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = _parsed(text)
    try:
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC).replace(microsecond=0)
    except OverflowError as error:  # in the year 1, or 9999
        raise ValueError(f"{text!r} is no time, expected for instance 2026-11-20 10:00") from error


def _parsed(text: str) -> datetime:
    from dateutil import parser  # late: few listings need it

    year_first = re.match(r"\d{4}\D", text) is not None
    ways = [False] if year_first else [True] if re.match(r"\d{1,2}\.", text) else [True, False]
    found = set()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a zone that nobody knows is else left out with a warning
        for day_first in ways:
            for filled in (datetime(2000, 1, 1), datetime(2004, 2, 2)):  # what the text leaves open differs
                try:
                    found.add(
                        parser.parse(
                            text, parserinfo=_names(), dayfirst=day_first, yearfirst=year_first, default=filled
                        )
                    )
                except (ValueError, OverflowError, Warning) as error:
                    raise ValueError(f"{text!r} is no time, expected for instance 2026-11-20 10:00") from error
    if len(found) > 1:
        raise ValueError(f"{text!r} may be {' or '.join(f'{one:%Y-%m-%d %H:%M}' for one in sorted(found, key=str))}")
    return found.pop()


@cache
def _names() -> parserinfo:
    from dateutil.parser import parserinfo

    names = {
        "MONTHS": [tuple(line.split()) for line in MONTHS.split("\n") if line.strip()],
        "WEEKDAYS": [tuple(line.split()) for line in WEEKDAYS.split("\n") if line.strip()],
        "JUMP": [*parserinfo.JUMP, *FILLERS],
    }
    return type("Names", (parserinfo,), names)()
