"""The scoring step on the server: compares labels with the truth and writes ``scores.json``.

    python3 scoring.py INPUT OUTPUT

Metrics and intervals are those of ``harness/score``, the same files as at home.  What the prediction step left is
trusted in nothing: the entry's code ran beside it.  An entry without labels gets no score, which is not a score of 0:
this program then repeats what went wrong and ends with exit code 1, which the worker turns into "Failed".
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.platforms.codabench.programs import page
from harness.sandbox.untrusted import read_predictions
from harness.score.metrics import DECIMALS, METRICS, confusion_matrix
from harness.score.stats import metric_interval, metric_stretch, share_stretch, wilson_interval
from harness.words import printable

HERE = Path(__file__).resolve().parent
STATUS_BYTES = 64_000
LOST = {
    "outcome": "killed",
    "message": "The prediction step left no result.",
    "hint": "It ended before it could say why; the log of the ingestion program may tell.",
}


def read_status(path: Path) -> dict[str, Any]:
    """Return how the prediction step ended, as it told it."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(STATUS_BYTES))
    except (OSError, ValueError):
        return LOST
    return found if isinstance(found, dict) and isinstance(found.get("outcome"), str) else LOST


def score(
    contest: dict[str, Any],
    y_true: NDArray[np.int64],
    y_pred: NDArray[np.int64],
    groups: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], dict[str, tuple[float, float, float]]]:
    """Return the confusion matrix, and value and 95 % interval of each metric in the contest's order.

    Intervals are by cluster where images come in `groups`, of shape (n,).
    """
    confusion = confusion_matrix(y_true, y_pred, len(contest["class_names"]))
    metrics: dict[str, tuple[float, float, float]] = {}
    for name in contest["metrics"]:
        value = float(METRICS[name](confusion))
        if name == "accuracy":
            stretch = share_stretch(y_true == y_pred, groups)
            metrics[name] = (value, *wilson_interval(int(np.trace(confusion)), len(y_true), stretch))
        else:
            value = round(value, DECIMALS)
            stretch = metric_stretch(y_true, y_pred, name, len(contest["class_names"]), groups)
            low, high = metric_interval(confusion, name, stretch)
            metrics[name] = (value, min(low, value), max(high, value))
    return confusion, metrics


def _of_classes(
    y_true: NDArray[np.int64], y_pred: NDArray[np.int64], groups: NDArray[np.int64] | None
) -> dict[int, float]:
    """Return by how much groups stretch the interval of the share found of each class; without groups, of none."""
    if groups is None:
        return {}
    members = {label: y_true == label for label in np.unique(y_true).tolist()}
    return {label: share_stretch(y_pred[rows] == label, groups[rows]) for label, rows in members.items()}


def main(given: Path, output: Path) -> int:
    """Score one submission on one task."""
    contest = json.loads((HERE / "contest.json").read_text(encoding="utf-8"))
    task = json.loads((given / "ref" / "task.json").read_text(encoding="utf-8"))
    y_true = np.load(given / "ref" / "labels.npy", allow_pickle=False)
    # In a contest with groups alone: they are as secret as the labels, since a group may have one class.
    path = given / "ref" / "groups.npy"
    groups = np.load(path, allow_pickle=False) if path.is_file() else None
    status = read_status(given / "res" / "status.json")
    y_pred: NDArray[np.int64] | str = ""
    if status["outcome"] == "scored":
        try:
            with (given / "res" / "predictions.npy").open("rb") as file:
                y_pred = read_predictions(file, len(y_true), len(contest["class_names"]))
        except OSError:
            y_pred = "the file of predictions is missing"
        if isinstance(y_pred, str):
            status = {**LOST, "outcome": "bad_output", "message": f"There are no labels to score: {y_pred}."}
    output.mkdir(parents=True, exist_ok=True)
    if isinstance(y_pred, str):
        message, hint = printable(status.get("message", "")), printable(status.get("hint", ""))
        (output / "detailed_results.html").write_text(
            page.failure(contest, task, printable(status["outcome"]), message, hint), encoding="utf-8"
        )
        print(f"Not scored, {printable(status['outcome'])}: {message}\n{hint}", file=sys.stderr)
        return 1
    confusion, metrics = score(contest, y_true, y_pred, groups)
    values = {name: value for name, (value, _, _) in metrics.items()}
    if not all(map(math.isfinite, values.values())):
        print(f"A metric is no finite number: {values}. The reference data are damaged.", file=sys.stderr)
        return 1
    # The board's one column; see `competition.yaml`. The others stand in the detailed results.
    primary = contest["metrics"][0]
    scores = {primary: values[primary]}
    (output / "detailed_results.html").write_text(
        page.results(contest, task, confusion, metrics, status, _of_classes(y_true, y_pred, groups)), encoding="utf-8"
    )
    (output / "scores.json").write_text(json.dumps(scores, allow_nan=False) + "\n", encoding="utf-8")
    for name, (value, low, high) in metrics.items():
        print(f"{name}: {value:.6f} (95 %: {low:.4f} to {high:.4f}, n = {len(y_true)})")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:3])))
