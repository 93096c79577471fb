"""How numbers, splits and colours are written, alike on page, terminal, exports and in the reproduction.

Standard library alone: it travels to Codabench, and the leaderboard is printed without NumPy.
"""

from __future__ import annotations

# Of a split: in full, in a table's head, and where it decides, in a sentence.
TITLES = {
    "val": "validation",
    "val_shifted": "shifted validation",
    "public": "hidden, public half",
    "private": "hidden, private half",
}
SHORT = {"val": "val", "val_shifted": "shifted val", "public": "public", "private": "private"}
# Of a score, by the end of a column's name; groups only in a contest that has them.
PARTS = {"": "value", "_low": "low", "_high": "high", "_n": "n", "_groups": "n_groups"}
PLACES = {"public": "the public half", "private": "the private half", "val_shifted": "shifted validation"}

COLOURS = {  # in light and in dark
    "ink": ("#1b1f24", "#e6e8eb"),
    "quiet": ("#57606a", "#a9b1bb"),
    "paper": ("#ffffff", "#14171a"),
    "band": ("#f4f6f8", "#1c2025"),
    "line": ("#d5dbe1", "#3a4149"),
    "edge": ("#7a838d", "#7d8792"),
    "blue": ("#0b63b5", "#6cb6ff"),
    "warm": ("#b04a06", "#f2a65f"),
    "heat": ("#3d8fd6", "#3f86c9"),
    "fall": ("#e2804a", "#c9703a"),
}


def percent(share: float | None, digits: int = 2) -> str:
    """Write a share in percent; by default with two decimals, so that order on the board can be seen.

    Examples
    --------
    >>> percent(0.73405), percent(None), percent(0.5, 0)
    ('73.41', '–', '50')
    """
    return "–" if share is None else f"{100 * share:.{digits}f}"


def interval(low: float, high: float, digits: int = 1) -> str:
    """Write the interval of a share in percent.

    Examples
    --------
    >>> interval(0.93212, 0.9689)
    '93.2–96.9'
    """
    return f"{percent(low, digits)}–{percent(high, digits)}"


def points(difference: float | None) -> str:
    """Write a difference of shares in points, with its sign.

    Examples
    --------
    >>> points(0.2412), points(-0.031), points(None)
    ('+24.1', '−3.1', '–')
    """
    return "–" if difference is None else f"{100 * difference:+.1f}".replace("-", "−")


def points_interval(low: float, high: float) -> str:
    """Write the interval of a difference in points.

    Examples
    --------
    >>> points_interval(-0.005, 0.045)
    '−0.5 to 4.5'
    """
    return f"{percent(low, 1)} to {percent(high, 1)}".replace("-", "−")


def sample(n: int, n_groups: int = 0) -> str:
    """Write on how many images something was measured; of a contest with groups also of how many.

    Examples
    --------
    >>> sample(1113), sample(1113, 40)
    ('1,113', '1,113 images, 40 groups')
    """
    return f"{n:,} images, {n_groups:,} group{'' if n_groups == 1 else 's'}" if n_groups else f"{n:,}"


def p_value(p: float, digits: int = 3) -> str:
    """Write a p-value as far as it matters.

    Examples
    --------
    >>> p_value(0.00912), p_value(0.344), p_value(2e-9), p_value(0.0004, 2)
    ('p = 0.009', 'p = 0.34', 'p < 0.001', 'p < 0.01')
    """
    least = 10**-digits
    if p < least:
        return f"p < {least:.{digits}f}"
    return f"p = {p:.{digits}f}" if p < 0.1 else f"p = {p:.2f}"
