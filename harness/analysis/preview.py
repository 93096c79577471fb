"""What a public score is predicted to be on the day its entry comes, from public data and the entries before it.

For an entry that has no row yet::

    predict_score(earlier, metric="accuracy", val=0.9, shifted=Estimate(...), n_hidden=n, confidence=None, rng=None)

returns a forecast, or None, for each of `METHODS`; `harness.analysis.ahead` reads what it needs from a workspace.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.analysis.forecast import (
    Errors,
    Forecast,
    average_thresholded_confidence,
    difference_of_confidences,
    errors,
    fit_line,
    from_shifted,
    from_shifted_and_misses,
    in_whole_images,
)
from harness.analysis.predictions import SEEN_AT_HOME, VisiblePredictions, truth_of
from harness.analysis.values import read_values
from harness.board.artifacts import read_artifacts
from harness.board.rows import Entry, read_some
from harness.board.visibility import Role, visible_to
from harness.freeze.frozen import Frozen
from harness.score.card import score_split
from harness.score.estimate import Estimate
from harness.score.stats import effective_number
from harness.workspace import Workspace

# The last two learn how sure is too sure on images with public labels.  Those are the shifted ones, for every entry
# and before anything is measured: validation images look like what entries were trained on, so that nearly all of
# them are right, and say little about when an entry is wrong.
HOME = "val_shifted"
METHODS = {
    "shifted": "shifted validation",
    "misses": "shifted validation, earlier misses",
    "line": "regression on earlier entries",
    "atc": "thresholded confidence (ATC)",
    "doc": "difference of confidences (DoC)",
}
DRAWS = 500  # for ATC's interval: a board has a hundred of these, and each draw sorts all images
Forecasts = dict[str, Forecast | None]
RATED = 100  # the last entries of the board, by which the methods are rated


class ForecastMethod(msgspec.Struct, frozen=True):
    """A way to predict the public score, and how it fared; None where it could predict nothing."""

    name: str
    title: str
    errors: Errors | None


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


def predict_score(
    earlier: NDArray[np.float64],
    *,
    metric: str,
    val: float,
    shifted: Estimate,
    n_hidden: int,
    confidence: Confidence | None = None,
    rng: np.random.Generator | None = None,
) -> Forecasts:
    """Predict the public score of one entry.

    Parameters
    ----------
    earlier : ndarray of shape (rows, 3), float64
        `metric` of earlier entries on validation, shifted validation and the public half, 0 to 1.
    metric : str
        The one that ranks.
    val : float
    shifted : Estimate
        `metric` of the entry.
    n_hidden : int
        Images of the public half.
    confidence : Confidence, optional
        Of the entry, where it gives probabilities; it predicts accuracy alone.
    rng : numpy.random.Generator, optional
        Of `generator`; needed with `confidence`.

    Returns
    -------
    dict of str to Forecast or None
        For each of `METHODS`; None where too little is known.

    Examples
    --------
    >>> shifted = Estimate(0.7, 0.604, 0.781, 100)
    >>> forecasts = predict_score(np.empty((0, 3)), metric="accuracy", val=0.95, shifted=shifted, n_hidden=1000)
    >>> {name: forecast and round(forecast.value, 2) for name, forecast in forecasts.items()}
    {'shifted': 0.7, 'misses': None, 'line': None, 'atc': None, 'doc': None}
    """
    share, plain = shifted.value, metric == "accuracy"
    # Of images in groups, too, the interval is that of fewer independent ones.
    n = shifted.n if plain and not shifted.n_groups else effective_number(share, shifted.low, shifted.high)
    away = n_hidden * n / shifted.n
    found: Forecasts = dict.fromkeys(METHODS)
    found["shifted"] = from_shifted(share, n, away)
    found["misses"] = from_shifted_and_misses(share, earlier[:, 1], earlier[:, 2], n, away)
    if len(earlier) and (line := fit_line(earlier[:, :2], earlier[:, 2], n_public=shifted.n, n_hidden=n_hidden)):
        found["line"] = line.predict([val, share])
    if confidence is not None and plain and not shifted.n_groups:  # they take images for independent
        known = (confidence.home, confidence.right, confidence.away)
        found["atc"] = average_thresholded_confidence(*known, rng or np.random.default_rng(0), draws=DRAWS)
        found["doc"] = difference_of_confidences(*known)
    if plain:
        found = {name: forecast and in_whole_images(forecast, n_hidden) for name, forecast in found.items()}
    return found


def predict_scores(
    ids: NDArray[np.int64],
    measured: NDArray[np.float64],
    asked: Iterable[Entry],
    confidences: Mapping[int, Confidence | None],
    *,
    metric: str,
    n_hidden: int,
    lock: str,
) -> dict[int, Forecasts]:
    """Return, for each entry in `asked`, its forecasts by id; one without the scores needed gets none.

    Parameters
    ----------
    ids, measured : ndarray of shape (rows,) and (rows, 3)
        Of all of the board, in the order in which entries came: see `harness.analysis.values.Values.measured`.
    asked : iterable of Entry
    confidences : mapping of int to Confidence
        By id, of those whose labels and probabilities are kept.
    metric, n_hidden :
        See `predict_score`.
    lock : str
        Digest of the frozen contest.
    """
    entries = {entry.id: entry for entry in asked}
    found: dict[int, Forecasts] = {number: {} for number in entries}
    for row in np.flatnonzero(np.isin(ids, list(entries))).tolist():
        entry = entries[int(ids[row])]
        found[entry.id] = predict_score(
            measured[:row],
            metric=metric,
            val=float(measured[row, 0]),
            shifted=entry.scores[HOME, metric],
            n_hidden=n_hidden,
            confidence=confidences.get(entry.id),
            rng=generator(lock, entry.zip_sha256),
        )
    return found


def rate_methods(predicted: Sequence[Forecasts], public: Sequence[float]) -> tuple[ForecastMethod, ...]:
    """Compare forecasts with the public scores that came."""
    return tuple(
        ForecastMethod(name, title, errors([forecasts.get(name) for forecasts in predicted], public))
        for name, title in METHODS.items()
    )


def best_method(methods: Iterable[ForecastMethod], known: Mapping[str, Forecast | None] | None = None) -> str | None:
    """Return the name of the forecast with the smallest mean absolute error, among those `known` where that is given.

    A method is passed over that fared well on few: half as many entries as the most is the least.
    """
    rated = [
        (method, method.errors) for method in methods if method.errors and (known is None or known.get(method.name))
    ]
    most = max((found.n for _, found in rated), default=0)
    made = [(found.mean_absolute, method.name) for method, found in rated if 2 * found.n >= most]
    return min(made)[1] if made else None


class Preview(msgspec.Struct, frozen=True):
    """The public score by `metric`, predicted by each method, the one that has fared best so far, and how all fared.

    `metric` is the one that ranks.  `best` is one of `forecasts` that is not None; before any entry was scored it is
    ``shifted``.
    """

    metric: str
    best: str
    forecasts: dict[str, Forecast | None]
    methods: tuple[ForecastMethod, ...]

    @property
    def forecast(self) -> Forecast:
        """What the best method predicts."""
        found = self.forecasts[self.best]
        assert found is not None
        return found

    @property
    def title(self) -> str:
        """The name of the best method, for people."""
        return next(method.title for method in self.methods if method.name == self.best)


def preview(
    workspace: Workspace,
    board: sqlite3.Connection,
    frozen: Frozen,
    labels: Mapping[str, NDArray[np.int64]],
    zip_sha256: str,
    probabilities: Mapping[str, NDArray[np.float32]] | None = None,
) -> Preview:
    """Predict the public score, by the metric that ranks, of a zip that was run.

    Known are public labels and the entries on the board.

    Parameters
    ----------
    workspace, board
        Whose entries are known.
    frozen : Frozen
    labels : mapping of str to ndarray of shape (n,), int64
        What the zip said of ``val`` and ``val_shifted``; with probabilities of ``public``, too, whose labels are not
        looked at.
    zip_sha256 : str
        64 hex digits.
    probabilities : mapping of str to ndarray of shape (n, classes), float32, optional
        Of the same splits.

    Raises
    ------
    BoardError, WorkspaceError
        Board or contest cannot be read.
    """
    hidden = () if frozen.lock.from_kit else ("public",)
    truth, metric = truth_of(frozen, (*SEEN_AT_HOME, *hidden)), frozen.contest.metrics[0].name
    n_hidden = sum(frozen.lock.counts["public"].values())
    val, shifted = (
        score_split(frozen.contest, truth.labels[split], labels[split], truth.clusters.get(split)).metrics[metric]
        for split in SEEN_AT_HOME
    )
    ids, earlier = read_values(board, frozen.contest.name, frozen.lock_hash, metric).measured(metric)
    rated = read_some(board, ids[-RATED:].tolist())
    kept, visible = read_artifacts(workspace, rated), visible_to(Role.TEAM, workspace, frozen)
    whole = [rated[row].id for row in VisiblePredictions(rated, kept, truth, visible).rows]
    confidences = {
        number: confidence_of(kept[number].labels, kept[number].probabilities, truth.labels["val_shifted"])
        for number in whole
    }
    found = predict_scores(ids, earlier, rated, confidences, metric=metric, n_hidden=n_hidden, lock=frozen.lock_hash)
    methods = rate_methods([found[entry.id] for entry in rated], earlier[len(earlier) - len(rated) :, 2].tolist())
    forecasts = predict_score(
        earlier,
        metric=metric,
        val=val.value,
        shifted=shifted,
        n_hidden=n_hidden,
        confidence=confidence_of(labels, probabilities or {}, truth.labels["val_shifted"]),
        rng=generator(frozen.lock_hash, zip_sha256),
    )
    return Preview(metric, best_method(methods, forecasts) or "shifted", forecasts, methods)
