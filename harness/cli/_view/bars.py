"""Small bar charts of text, and what becomes of them where stdout carries no more than ASCII.

A bar is read without colour: solid as far as its 95 % interval leaves no doubt, half-toned from there to the value,
light from the value to the end of the interval.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

SURE, VALUE, OPEN, ZERO = "█▓░│"
HEIGHTS = "▁▂▃▄▅▆▇█"
KEY = f"{SURE} below the 95 % interval, {VALUE} within it up to the value, {OPEN} within it above"
# What stands for a letter that the encoding lacks; for one of HEIGHTS its number.
PLAIN = {SURE: "#", VALUE: "=", OPEN: "-", ZERO: "|", "–": "-", "−": "-", "±": "+-", "·": ".", "“": '"', "”": '"'}
PLAIN |= {letter: str(step) for step, letter in enumerate(HEIGHTS[:-1], start=1)}


def bar(value: float, low: float, high: float, *, width: int, ends: tuple[float, float] = (0.0, 1.0)) -> str:
    """Draw a value with its interval from 0 to the right, or, where it is below 0, to the left.

    Parameters
    ----------
    value, low, high : float
        low <= value <= high.
    width : int
        In letters; where the axis has a left half, one more is taken by the line at 0.
    ends : tuple of float
        Of the axis, first <= 0 < second; what lies beyond is cut off.

    Examples
    --------
    >>> bar(0.5, 0.4, 0.6, width=20)
    '████████▓▓░░        '
    >>> bar(-0.2, -0.4, 0.1, width=10, ends=(-0.5, 0.5))
    ' ░░▓▓│░    '
    """
    start, stop = ends
    step = (stop - start) / width
    drawn = "".join(_letter(start + (place + 0.5) * step, value, low, high) for place in range(width))
    at_zero = round(-start / step)
    return f"{drawn[:at_zero]}{ZERO}{drawn[at_zero:]}" if at_zero else drawn


def _letter(at: float, value: float, low: float, high: float) -> str:
    within = low <= at <= high
    if min(value, 0) <= at <= max(value, 0):
        return VALUE if within else SURE
    return OPEN if within else " "


def columns(shares: Sequence[float]) -> str:
    """Draw shares, 0 to 1, as a row of columns an eighth of a line to a whole one high.

    Examples
    --------
    >>> columns([0, 0.25, 0.5, 0.75, 1])
    '▁▃▅▆█'
    """
    return "".join(HEIGHTS[min(len(HEIGHTS) - 1, int(share * (len(HEIGHTS) - 1) + 0.5))] for share in shares)


def carried(text: str) -> str:
    """Return `text` as the encoding of stdout can carry it, letters it lacks replaced."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = "".join(PLAIN.get(letter, letter) for letter in text)
        return plain.encode(encoding, "replace").decode(encoding)
    return text
