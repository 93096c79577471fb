"""Whether an entry's probabilities may be believed, on one split."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.analysis.calibration import brier_loss, expected_calibration_error, log_loss, reliability
from harness.analysis.document import Calibration

BINS = 15
DIGITS = 3  # of losses on hidden pictures


def calibrate(probabilities: NDArray[np.float32], y_true: NDArray[np.int64], *, hidden: bool = False) -> Calibration:
    """Return how far probabilities of shape (n, classes) may be believed, in bins of equally many pictures.

    Notes
    -----
    Of hidden pictures no number is told more finely than to three digits: probabilities can be made up so that the
    digits of an exact log loss spell the labels of single pictures, and those of a bin's mean confidence the bins.

    References
    ----------
    J. Whitehill, "Climbing the Kaggle leaderboard by exploiting the log-loss oracle", AAAI workshops 2018.
    """
    bins = reliability(probabilities, y_true, bins=BINS, cut="mass")
    found = Calibration(
        bins, expected_calibration_error(bins), log_loss(probabilities, y_true), brier_loss(probabilities, y_true)
    )
    if not hidden:
        return found
    return msgspec.structs.replace(
        found,
        ece=round(found.ece, DIGITS),
        log_loss=round(found.log_loss, DIGITS),
        brier=round(found.brier, DIGITS),
    )
