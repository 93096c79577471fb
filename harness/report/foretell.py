"""What each entry's public score would have been foretold to be on the day it came, from entries before it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.board.rows import Entry
from harness.report.structure import ForecastMethod
from harness.score.forecast import Forecast, errors, fit_line, from_shifted, from_shifted_and_misses

METHODS = {
    "shifted": "as on shifted validation",
    "misses": "as on shifted validation, as far off as for earlier entries",
    "line": "a line through earlier entries, in validation and shifted validation",
}
ACCURACIES = tuple((split, "accuracy") for split in ("val", "val_shifted", "public"))


def foretell(entries: Sequence[Entry], asked: Sequence[int]) -> dict[int, dict[str, Forecast | None]]:
    """Return, for each id in `asked`, its forecasts by method; an entry without the accuracies needed gets none.

    Parameters
    ----------
    entries : sequence of Entry
        All of the board, in the order in which they came.
    asked : sequence of int
    """
    known = [entry for entry in entries if all(key in entry.scores for key in ACCURACIES)]
    if not known:
        return {number: {} for number in asked}
    scores = [[entry.scores[key] for key in ACCURACIES] for entry in known]
    values = np.array([[score.value for score in row] for row in scores])
    n, n_hidden = scores[0][1].n, scores[0][2].n
    found: dict[int, dict[str, Forecast | None]] = {number: {} for number in asked}
    for row, entry in enumerate(known):
        if entry.id not in found:
            continue
        shifted, features, hidden = float(values[row, 1]), values[:row, :2], values[:row, 2]
        line = fit_line(features, hidden, n_public=n, n_hidden=n_hidden) if row else None
        found[entry.id] = {
            "shifted": from_shifted(round(shifted * n), n, n_hidden),
            "misses": from_shifted_and_misses(shifted, features[:, 1], hidden, n, n_hidden),
            "line": line.predict(values[row, :2]) if line else None,
        }
    return found


def judge(foretold: Sequence[dict[str, Forecast | None]], public: Sequence[float]) -> tuple[ForecastMethod, ...]:
    """Compare forecasts with the public accuracies that came."""
    return tuple(
        ForecastMethod(name, title, errors([forecasts.get(name) for forecasts in foretold], public))
        for name, title in METHODS.items()
    )
