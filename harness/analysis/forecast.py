"""What an entry will score on images whose labels nobody has shown, predicted from public data and earlier entries.

Each forecast has a 95 % interval for the score that will be measured on the hidden images: accuracy, or another
metric from 0 to 1, which is then taken for a share.  Shares are compared as logits, so that no interval leaves 0 to 1
and a point at 98 % weighs as much as it should.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.score.stats import Z_95, student_95

SPARE = 3  # rows a fit needs beyond its coefficients: with fewer its interval is from 0 to 1, or nearly


class Forecast(msgspec.Struct, frozen=True):
    """A predicted score, with its 95 % interval, all 0 to 1."""

    value: float
    low: float
    high: float

    def holds(self, measured: float) -> bool:
        """Say whether a score, unrounded, lies in the interval; its ends are in it."""
        return self.low <= measured <= self.high


class Errors(msgspec.Struct, frozen=True):
    """How `n` forecasts fared: their mean absolute error, and the share whose interval held the truth, both 0 to 1."""

    mean_absolute: float
    covered: float
    n: int


class Line(msgspec.Struct, frozen=True):
    """Least squares over earlier entries: the logit of hidden accuracy as a line in the logits of public ones.

    Attributes
    ----------
    coefficients : ndarray of shape (1 + features,), float64
        The intercept first.
    covariance : ndarray of shape (1 + features, 1 + features), float64
        Of the coefficients, for a residual variance of 1.
    variance : float
        Of the residuals, in logits squared.
    freedom : int
        Rows less coefficients.
    n_public, n_hidden : int
        Images that accuracies were measured on.
    """

    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]
    variance: float
    freedom: int
    n_public: int
    n_hidden: int

    def predict(self, features: Sequence[float] | NDArray[np.float64]) -> Forecast:
        """Predict hidden accuracy of an entry from its public ones, shape (features,), 0 to 1."""
        row = np.concatenate([[1.0], logit(np.asarray(features, float), self.n_public)])
        spread = sqrt(self.variance * (1 + float(row @ self.covariance @ row)))  # of one new entry, not of the line
        return _around(float(row @ self.coefficients), student_95(self.freedom) * spread, self.n_hidden)


def from_shifted(share: float, n: float, n_hidden: float) -> Forecast:
    """Predict that the hidden score will be that on shifted validation, `share` of `n` images.

    Of another metric than accuracy the numbers are effective ones: see `harness.score.stats.effective_number`.

    Notes
    -----
    The interval holds the chance of both samples and nothing else: it is right where the hidden shift is exactly as
    hard as the public one.  `from_shifted_and_misses` adds what earlier entries have shown of that.

    Examples
    --------
    >>> forecast = from_shifted(0.6, 1000, 1000)
    >>> f"{forecast.value:.3f} {forecast.low:.3f} {forecast.high:.3f}"
    '0.600 0.556 0.642'
    """
    return _with(share, _around(float(logit(np.array(share), n)), _chance(share, n, n_hidden), n_hidden))


def _chance(share: float, n: float, n_hidden: float) -> float:
    """Return half the 95 % interval, in logits, that two samples of images leave of one share, seen on `n`."""
    here, there = share * n + 0.5, (1 - share) * n + 0.5
    shrunk = here / (n + 1)
    return Z_95 * sqrt(1 / here + 1 / there + 1 / (n_hidden * shrunk * (1 - shrunk)))


def from_shifted_and_misses(
    shifted: float, earlier_shifted: NDArray[np.float64], earlier_hidden: NDArray[np.float64], n: float, n_hidden: float
) -> Forecast | None:
    """Predict the score on shifted validation, with an interval as wide as this has missed for earlier entries.

    Parameters
    ----------
    shifted : float
        Of the entry, on shifted validation, 0 to 1.
    earlier_shifted, earlier_hidden : ndarray of shape (rows,), float64
        Of earlier entries, on shifted validation and on hidden images.
    n, n_hidden : float
        Images these were measured on, as for `from_shifted`.

    Returns
    -------
    Forecast or None
        None with fewer than `SPARE` earlier entries.
    """
    rows = len(earlier_hidden)
    if rows < SPARE:
        return None
    miss = logit(earlier_hidden, n_hidden) - logit(earlier_shifted, n)
    half = student_95(rows) * sqrt(float((miss**2).mean()))  # around 0, so that no mean is estimated
    # Entries that are nearly one, as seeds and resubmissions are, miss alike: that makes no forecast surer than chance.
    half = max(half, _chance(shifted, n, n_hidden))
    return _with(shifted, _around(float(logit(np.array(shifted), n)), half, n_hidden))


def fit_line(
    features: NDArray[np.float64], hidden: NDArray[np.float64], *, n_public: int, n_hidden: int
) -> Line | None:
    """Learn from earlier entries how public accuracies and hidden accuracy go together.

    Parameters
    ----------
    features : ndarray of shape (rows, features), float64
        Accuracies on public splits, such as validation and shifted validation, 0 to 1.
    hidden : ndarray of shape (rows,), float64
        Accuracy of the same entries on hidden images.
    n_public, n_hidden : int
        Images these were measured on.

    Returns
    -------
    Line or None
        None with fewer than `SPARE` rows beyond the coefficients.

    References
    ----------
    J. P. Miller, R. Taori, A. Raghunathan et al., "Accuracy on the line: on the strong correlation between
    out-of-distribution and in-distribution generalization", ICML 2021, who find lines in probits.
    """
    design = np.column_stack([np.ones(len(hidden)), logit(features, n_public)])
    coefficients, _, rank, _ = np.linalg.lstsq(design, target := logit(hidden, n_hidden), rcond=None)
    freedom = len(hidden) - int(rank)
    if freedom < SPARE:
        return None
    residuals = target - design @ coefficients
    covariance = np.linalg.pinv(design.T @ design).astype(np.float64)
    return Line(
        coefficients.astype(np.float64), covariance, float(residuals @ residuals) / freedom, freedom, n_public, n_hidden
    )


def difference_of_confidences(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], hidden_confidence: NDArray[np.float64]
) -> Forecast:
    """Predict that accuracy falls by as much as mean confidence does (DoC).

    Parameters
    ----------
    confidence, right : ndarray of shape (n,)
        On images with public labels: the probability of the label given, and whether it was right.
    hidden_confidence : ndarray of shape (n_hidden,), float64
        On the images to predict, whose labels are not needed.

    References
    ----------
    D. Guillory, V. Shankar, S. Ebrahimi, T. Darrell, L. Schmidt, "Predicting with confidence on unseen distributions",
    ICCV 2021.  They regress on the difference; this is the difference itself, their "DoC" without a fit.  The interval
    is ours: the chance of the offset, and of each hidden label given its corrected confidence.
    """
    offset = confidence - right
    value = float(hidden_confidence.mean() - offset.mean())
    corrected = np.clip(hidden_confidence - offset.mean(), 0, 1)
    chance = float((corrected * (1 - corrected)).mean()) / len(hidden_confidence)
    half = Z_95 * sqrt(float(offset.var(ddof=1)) / len(offset) + chance)
    return Forecast(_within(value), _within(value - half), _within(value + half))


def average_thresholded_confidence(
    confidence: NDArray[np.float64],
    right: NDArray[np.bool_],
    hidden_confidence: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    draws: int = 2000,
) -> Forecast:
    """Predict the share of images above the confidence that, at home, as many were above as were right (ATC).

    Parameters
    ----------
    confidence, right, hidden_confidence : ndarray
        See `difference_of_confidences`.
    rng : numpy.random.Generator
    draws : int

    References
    ----------
    S. Garg, S. Balakrishnan, Z. C. Lipton, B. Neyshabur, H. Sedghi, "Leveraging unlabeled data to predict
    out-of-distribution performance", ICLR 2022, with maximum confidence as the score.  The interval is ours: labelled
    images drawn anew, and for each draw hidden labels that fall right with the share forecast.

    Examples
    --------
    >>> home, right = np.linspace(0.5, 1, 100), np.arange(100) >= 20  # 80 % right, so the threshold is at 0.6
    >>> away, rng = np.linspace(0.3, 1, 71), np.random.default_rng(0)
    >>> f"{average_thresholded_confidence(home, right, away, rng).value:.2f}"
    '0.56'
    """
    ordered = np.sort(hidden_confidence)
    n, n_hidden = len(right), len(ordered)

    def above(labelled: NDArray[np.float64], wrong: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the share of hidden images above the threshold of each row of labelled confidences."""
        sorted_rows = np.column_stack([np.sort(labelled, axis=1), np.full(len(labelled), np.inf)])
        threshold = np.take_along_axis(sorted_rows, wrong[:, None], axis=1)[:, 0]
        return 1 - np.searchsorted(ordered, threshold) / n_hidden

    value = float(above(confidence[None], np.array([(~right).sum()]))[0])
    rows = rng.integers(n, size=(draws, n))
    drawn = above(confidence[rows], (~right[rows]).sum(axis=1))
    low, high = np.quantile(rng.binomial(n_hidden, drawn) / n_hidden, [0.025, 0.975])
    return Forecast(value, float(low), float(high))


def errors(forecasts: Sequence[Forecast | None], hidden: Sequence[float] | NDArray[np.float64]) -> Errors | None:
    """Compare forecasts with what came; those that could not be made are left out, and None says that none could.

    Examples
    --------
    >>> errors([Forecast(0.5, 0.4, 0.6), None, Forecast(0.75, 0.7, 0.9)], [0.75, 0.1, 0.5])
    Errors(mean_absolute=0.25, covered=0.0, n=2)
    """
    made = [(forecast, true) for forecast, true in zip(forecasts, hidden, strict=True) if forecast]
    if not made:
        return None
    missed = [abs(forecast.value - true) for forecast, true in made]
    held = [forecast.holds(true) for forecast, true in made]
    return Errors(float(np.mean(missed)), float(np.mean(held)), len(made))


def logit(share: NDArray[np.float64], n: float) -> NDArray[np.float64]:
    """Return ln(hits / misses) of shares of `n`, half an image added to both, so that 0 and 1 have one too.

    References
    ----------
    J. B. S. Haldane (1956), F. J. Anscombe (1956): the least biased constant to add.
    """
    return np.log((share * n + 0.5) / ((1 - share) * n + 0.5))


def in_whole_images(found: Forecast, n: int) -> Forecast:
    """Widen an interval to the next shares of `n` images: what is measured then lies in it or clearly outside.

    Examples
    --------
    >>> in_whole_images(Forecast(0.97, 0.904, 0.9996), 100)
    Forecast(value=0.97, low=0.9, high=1.0)
    """
    return Forecast(found.value, floor(found.low * n) / n, ceil(found.high * n) / n)


def _around(centre: float, half: float, n: float) -> Forecast:
    """Return the shares of `n` images whose logits, as of `logit`, are `centre` and `half` to either side."""
    # The logistic function, in the form that never overflows; SciPy's would cost each submission 0.4 s of imports.
    with_halves = (1 + np.tanh(np.array([centre, centre - half, centre + half]) / 2)) / 2
    # Else all of `n` right, whose logit is finite, would lie above every interval.
    return Forecast(*(_within(share) for share in ((with_halves * (n + 1) - 0.5) / n).tolist()))


def _with(value: float, around: Forecast) -> Forecast:
    """Return the forecast `value` with the interval of `around`, which holds it."""
    return Forecast(value, min(value, around.low), max(value, around.high))


def _within(share: float) -> float:
    return min(1.0, max(0.0, share))
