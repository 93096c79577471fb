"""What a public score is foretold to be on the day its entry comes, from public data and the entries before it.

For an entry that has no row yet::

    foretell_new(earlier, val=(hits, n), shifted=(hits, n), n_hidden=n, confidence=None, rng=None)

returns a forecast, or None, for each of `METHODS`; `harness.report.ahead` reads what it needs from a workspace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.report.structure import ForecastMethod
from harness.score.forecast import (
    Forecast,
    average_thresholded_confidence,
    difference_of_confidences,
    errors,
    fit_line,
    from_shifted,
    from_shifted_and_misses,
)

# The last two learn how sure is too sure on pictures with public labels.  Those are the shifted ones, for every entry
# and before anything is measured: validation pictures look like what entries were trained on, so that nearly all of
# them are right, and say little about when an entry is wrong.
HOME = "val_shifted"
METHODS = {  # the title follows "foretold"
    "shifted": "as on shifted validation",
    "misses": "as on shifted validation, as far off as for earlier entries",
    "line": "by a line through earlier entries, in validation and shifted validation",
    "atc": "by the share of public pictures above a confidence that is set on shifted validation (ATC)",
    "doc": "from shifted validation, by as much as mean confidence differs from there (DoC)",
}
DRAWS = 500  # for ATC's interval: a board has a hundred of these, and each draw sorts all pictures
Forecasts = dict[str, Forecast | None]


@dataclass(frozen=True)
class Confidence:
    """How sure an entry is of the labels it gives.

    Attributes
    ----------
    home, right : ndarray of shape (n,), float64 and bool
        The probability of each label on shifted validation, 0 to 1, and whether it was right.
    away : ndarray of shape (n_hidden,), float64
        The same probability on the public half of the hidden test, whose labels are not needed.
    """

    home: NDArray[np.float64]
    right: NDArray[np.bool_]
    away: NDArray[np.float64]


def confidence_of(
    labels: Mapping[str, NDArray[np.int64]],
    probabilities: Mapping[str, NDArray[np.float32]],
    y_true: NDArray[np.int64],
) -> Confidence | None:
    """Return how sure an entry is of its labels, None where its probabilities are not known.

    Parameters
    ----------
    labels, probabilities : mapping of str to ndarray of shape (n,) and (n, classes)
        By split; ``val_shifted`` and ``public`` are looked at.
    y_true : ndarray of shape (n,), int64
        Of shifted validation.
    """
    if any(split not in labels or split not in probabilities for split in (HOME, "public")):
        return None
    home, away = (
        np.take_along_axis(probabilities[split], labels[split][:, None], axis=1)[:, 0].astype(np.float64)
        for split in (HOME, "public")
    )
    return Confidence(home, labels[HOME] == y_true, away)


def generator(lock: str, zip_sha256: str) -> np.random.Generator:
    """Return the generator of one entry's forecasts: it hangs on the contest and the zip, on nothing drawn before."""
    return np.random.default_rng([int(lock[:16], 16), int(zip_sha256[:16], 16)])


def foretell_new(
    earlier: NDArray[np.float64],
    *,
    val: tuple[int, int],
    shifted: tuple[int, int],
    n_hidden: int,
    confidence: Confidence | None = None,
    rng: np.random.Generator | None = None,
) -> Forecasts:
    """Foretell the public accuracy of one entry.

    Parameters
    ----------
    earlier : ndarray of shape (rows, 3), float64
        Accuracy of earlier entries on validation, shifted validation and the public half, 0 to 1.
    val, shifted : tuple of int
        Of the entry: how many pictures it has right, and of how many.
    n_hidden : int
        Pictures of the public half.
    confidence : Confidence, optional
        Of the entry, where it gives probabilities.
    rng : numpy.random.Generator, optional
        Of `generator`; needed with `confidence`.

    Returns
    -------
    dict of str to Forecast or None
        For each of `METHODS`; None where too little is known.

    Examples
    --------
    >>> foretold = foretell_new(np.empty((0, 3)), val=(95, 100), shifted=(70, 100), n_hidden=1000)
    >>> {name: forecast and round(forecast.value, 2) for name, forecast in foretold.items()}
    {'shifted': 0.7, 'misses': None, 'line': None, 'atc': None, 'doc': None}
    """
    hits, n = shifted
    found: Forecasts = dict.fromkeys(METHODS)
    found["shifted"] = from_shifted(hits, n, n_hidden)
    found["misses"] = from_shifted_and_misses(hits / n, earlier[:, 1], earlier[:, 2], n, n_hidden)
    if len(earlier) and (line := fit_line(earlier[:, :2], earlier[:, 2], n_public=n, n_hidden=n_hidden)):
        found["line"] = line.predict([val[0] / val[1], hits / n])
    if confidence is not None:
        known = (confidence.home, confidence.right, confidence.away)
        found["atc"] = average_thresholded_confidence(*known, rng or np.random.default_rng(0), draws=DRAWS)
        found["doc"] = difference_of_confidences(*known)
    return found


@dataclass(frozen=True)
class Sizes:
    """Pictures of the three splits that forecasts know of."""

    val: int
    shifted: int
    public: int


def foretell(
    ids: NDArray[np.int64],
    accuracies: NDArray[np.float64],
    asked: Mapping[int, tuple[Confidence | None, str]],
    sizes: Sizes,
    lock: str,
) -> dict[int, Forecasts]:
    """Return, for each entry in `asked`, its forecasts; one without the accuracies needed gets none.

    Parameters
    ----------
    ids, accuracies : ndarray of shape (rows,) and (rows, 3)
        Of all of the board, in the order in which entries came: see `harness.report.values.Values.accuracies`.
    asked : mapping of int to tuple
        By id: what is known of the entry's confidence, and the SHA-256 of its zip.
    sizes : Sizes
    lock : str
        Digest of the frozen contest.
    """
    found: dict[int, Forecasts] = {number: {} for number in asked}
    for row in np.flatnonzero(np.isin(ids, list(asked))).tolist():
        number = int(ids[row])
        confidence, zip_sha256 = asked[number]
        val, shifted, _ = accuracies[row].tolist()
        found[number] = foretell_new(
            accuracies[:row],
            val=(round(val * sizes.val), sizes.val),
            shifted=(round(shifted * sizes.shifted), sizes.shifted),
            n_hidden=sizes.public,
            confidence=confidence,
            rng=generator(lock, zip_sha256),
        )
    return found


def judge(foretold: Sequence[Forecasts], public: Sequence[float]) -> tuple[ForecastMethod, ...]:
    """Compare forecasts with the public accuracies that came."""
    return tuple(
        ForecastMethod(name, title, errors([forecasts.get(name) for forecasts in foretold], public))
        for name, title in METHODS.items()
    )


def best_method(methods: Iterable[ForecastMethod], known: Mapping[str, Forecast | None] | None = None) -> str | None:
    """Return the name of the forecast with the smallest mean absolute error, among those `known` where that is given.

    A method is passed over that fared well on few: half as many entries as the most is the least.
    """
    judged = [
        (method, method.errors) for method in methods if method.errors and (known is None or known.get(method.name))
    ]
    most = max((found.n for _, found in judged), default=0)
    made = [(found.mean_absolute, method.name) for method, found in judged if 2 * found.n >= most]
    return min(made)[1] if made else None
