"""Points as people and tables write them, exact: no binary fraction comes near a grade."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Literal

Rounding = Literal["half up", "half even", "up", "down"]
MODES = {"half up": ROUND_HALF_UP, "half even": ROUND_HALF_EVEN, "up": ROUND_CEILING, "down": ROUND_FLOOR}
NUMBER = re.compile(r"-?\d+([.,]\d+)?")


def exact(number: float) -> Decimal:
    """Return the decimal number that somebody typed, without the digits that a float adds.

    Examples
    --------
    >>> exact(0.1), exact(18.0)
    (Decimal('0.1'), Decimal('18'))
    """
    found = Decimal(repr(number))
    return found.quantize(Decimal(1)) if found == found.to_integral_value() else found.normalize()


def to_step(points: Decimal, step: Decimal, rounding: Rounding) -> Decimal:
    """Round points to a multiple of `step`.

    Examples
    --------
    >>> half = Decimal("0.5")
    >>> [str(to_step(Decimal(text), half, "half up")) for text in ("26.25", "26.24", "26")]
    ['26.5', '26.0', '26.0']
    >>> str(to_step(Decimal("26.25"), half, "half even"))
    '26.0'
    """
    return (points / step).quantize(Decimal(1), MODES[rounding]) * step


def written(points: Decimal, sign: str = ".") -> str:
    """Write points without needless zeros, with a decimal `sign`.

    Examples
    --------
    >>> written(Decimal("26.50")), written(Decimal("30.0")), written(Decimal("7.25"), ",")
    ('26.5', '30', '7,25')
    """
    text = f"{points:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace(".", sign)


def number_of(text: str) -> Decimal | None:
    """Read a number with a point or a comma before its decimals; None where it is none.

    Examples
    --------
    >>> number_of(" 7,5 "), number_of("100.00"), number_of("-"), number_of("1e3")
    (Decimal('7.5'), Decimal('100.00'), None, None)
    """
    text = text.strip()
    return Decimal(text.replace(",", ".")) if NUMBER.fullmatch(text) else None
