"""What an entry that has no row yet is foretold to score, and by which method: shown before it is submitted."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.analysis.document import ForecastMethod
from harness.analysis.forecast import Forecast
from harness.analysis.predictions import SEEN_AT_HOME, Told, truth_of
from harness.analysis.preview import best_method, confidence_of, foretell, foretell_new, generator, judge
from harness.analysis.values import read_values
from harness.board.artifacts import find_kept
from harness.board.recorder import open_to_read
from harness.board.rows import read_some
from harness.freeze.frozen import Frozen
from harness.score.card import score_split
from harness.workspace import Workspace

JUDGED = 100  # the last entries of the board, by which the methods are judged


class Ahead(msgspec.Struct, frozen=True):
    """The public score by `metric`, foretold by each method, the one that has fared best so far, and how all fared.

    `metric` is the one that ranks.  `best` is one of `forecasts` that is not None; before any entry was scored it is
    ``shifted``.
    """

    metric: str
    best: str
    forecasts: dict[str, Forecast | None]
    methods: tuple[ForecastMethod, ...]

    @property
    def forecast(self) -> Forecast:
        """What the best method foretells."""
        found = self.forecasts[self.best]
        assert found is not None
        return found

    @property
    def title(self) -> str:
        """How the best method foretells, in words."""
        return next(method.title for method in self.methods if method.name == self.best)


def look_ahead(
    workspace: Workspace,
    frozen: Frozen,
    labels: Mapping[str, NDArray[np.int64]],
    zip_sha256: str,
    probabilities: Mapping[str, NDArray[np.float32]] | None = None,
) -> Ahead:
    """Foretell the public score, by the metric that ranks, of a zip that was run.

    Known are public labels and the entries on the board.

    Parameters
    ----------
    workspace : Workspace
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
    truth, metric = truth_of(frozen, (*SEEN_AT_HOME, "public")), frozen.contest.metrics[0].name
    n_hidden = len(truth.labels["public"])
    val, shifted = (
        score_split(frozen.contest, truth.labels[split], labels[split]).metrics[metric] for split in SEEN_AT_HOME
    )
    with open_to_read(workspace) as board:
        ids, earlier = read_values(board, frozen.contest.name, frozen.lock_hash, metric).measured(metric)
        judged = read_some(board, ids[-JUDGED:].tolist())
    kept = find_kept(workspace, frozen.contest.name, judged)
    whole = [judged[row].id for row in Told(judged, kept, truth).rows]
    confidences = {
        number: confidence_of(kept[number].labels, kept[number].probabilities, truth.labels["val_shifted"])
        for number in whole
    }
    found = foretell(ids, earlier, judged, confidences, metric=metric, n_hidden=n_hidden, lock=frozen.lock_hash)
    methods = judge([found[entry.id] for entry in judged], earlier[len(earlier) - len(judged) :, 2].tolist())
    forecasts = foretell_new(
        earlier,
        metric=metric,
        val=val.value,
        shifted=shifted,
        n_hidden=n_hidden,
        confidence=confidence_of(labels, probabilities or {}, truth.labels["val_shifted"]),
        rng=generator(frozen.lock_hash, zip_sha256),
    )
    return Ahead(metric, best_method(methods, forecasts) or "shifted", forecasts, methods)
