"""The score card: what one run of one zip was worth, as a JSON document."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.contest import Contest
from harness.sandbox.entry_file import EntryFile
from harness.sandbox.outcome import Repeat
from harness.score.estimate import Estimate
from harness.score.metrics import DECIMALS, METRICS, confusion_matrix
from harness.score.stats import metric_interval, metric_stretch, share_stretch, wilson_interval

FORMAT = 1


class SplitScore(msgspec.Struct, frozen=True):
    """All metrics of one split, in the contest's order, and the confusion matrix they come from."""

    n: int
    metrics: dict[str, Estimate]
    recall: dict[str, Estimate]
    confusion: tuple[tuple[int, ...], ...]  # rows: true classes, columns: predicted ones


class ScoreCard(msgspec.Struct, frozen=True, kw_only=True):
    """What was run, on what, how it ended, and what it scored.

    `outcome` is one of the words of `harness.sandbox.outcome.Outcome`; unless it is ``scored``, `scores` is empty,
    which is not the same as zero.
    """

    format: int = FORMAT
    outcome: str
    code: str = ""  # the reason, for programs; empty when scored
    message: str
    hint: str
    notes: tuple[str, ...] = ()
    contest: str
    contest_version: int
    rules: dict[str, Any] = {}  # limits, quotas and texts it ran under, by name
    lock: str
    zip_sha256: str
    zip_bytes: int
    scorer: str
    scores: dict[str, SplitScore] = {}
    predictions: dict[str, str] = {}  # split -> SHA-256 of its labels, int64 little-endian
    order: int = 0  # seed of the order in which the images were handed to the entry
    repeat: Repeat | None = None  # the consistency check, in another order and in small batches
    isolation: str
    restrictions: tuple[str, ...] = ()
    missing_restrictions: tuple[str, ...] = ()
    control_group: bool = False  # whether the kernel, too, kept the account of memory and processes
    runtime: str = ""  # the environment it ran in, and the SHA-256 of its packages; empty when nothing ran
    runtime_lock: str = ""
    declared: EntryFile = EntryFile()  # what the entry says of itself
    environment: dict[str, str] = {}
    seconds: dict[str, float] = {}
    peak_memory_mb: float = 0.0
    kept_from: str = ""  # when the run was whose kept answers these are, UTC; empty where it ran for this card
    log: str = ""  # before the entry was given any hidden image
    hidden_log: str = ""  # since then

    @property
    def whole_log(self) -> str:
        """All that is known of what the entry printed."""
        return self.log + self.hidden_log

    def document(self) -> bytes:
        """Return the card as its file has it: one fact a line, for people."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    def only(self, splits: tuple[str, ...], *, log: bool, hidden_log: bool) -> ScoreCard:
        """Return a copy that tells of these splits alone, and of the logs that are asked for."""
        return msgspec.structs.replace(
            self,
            scores={name: score for name, score in self.scores.items() if name in splits},
            predictions={name: digest for name, digest in self.predictions.items() if name in splits},
            log=self.log if log else "",
            hidden_log=self.hidden_log if hidden_log else "",
        )


def score_split(
    contest: Contest, y_true: NDArray[np.int64], y_pred: NDArray[np.int64], groups: NDArray[np.intp] | None = None
) -> SplitScore:
    """Score one split, labels of shape (n,), int64.

    Accuracy and recall are shares of images: Wilson intervals.  The other metrics are averages over classes:
    `metric_interval`.  Where images come in `groups`, of shape (n,), both are by cluster: `stretch_of`.
    """
    confusion = confusion_matrix(y_true, y_pred, contest.n_classes)
    metrics: dict[str, Estimate] = {}
    for spec in contest.metrics:
        if spec.name == "accuracy":
            metrics[spec.name] = share_right(y_true == y_pred, groups)
        else:
            value = round(float(METRICS[spec.name](confusion)), DECIMALS)
            stretch = metric_stretch(y_true, y_pred, spec.name, contest.n_classes, groups)
            low, high = metric_interval(confusion, spec.name, stretch)
            metrics[spec.name] = Estimate(value, min(low, value), max(high, value), len(y_true), count_groups(groups))
    recalls = {
        name: recall
        for name, recall in zip(contest.class_names, recalls_of(y_true, y_pred, contest.n_classes, groups), strict=True)
        if recall
    }
    return SplitScore(len(y_true), metrics, recalls, tuple(map(tuple, confusion.tolist())))


def share_of(hits: int, n: int, stretch: float = 1.0, n_groups: int = 0) -> Estimate:
    """Return `hits` of `n` images as a share with Wilson's interval; `stretch` and `n_groups` where they come so."""
    return Estimate(hits / n, *wilson_interval(hits, n, stretch), n, n_groups)


def share_right(right: NDArray[np.bool_], groups: NDArray[np.intp] | None) -> Estimate:
    """Return the share of images, shape (n,), n > 0, that are right; by cluster where they come in groups."""
    return share_of(int(right.sum()), len(right), share_stretch(right, groups), count_groups(groups))


def recalls_of(
    y_true: NDArray[np.int64], y_pred: NDArray[np.int64], n_classes: int, groups: NDArray[np.intp] | None
) -> tuple[Estimate | None, ...]:
    """Return the share found of each class; None of a class without images."""
    right, members = y_true == y_pred, [y_true == label for label in range(n_classes)]
    return tuple(
        share_right(right[rows], None if groups is None else groups[rows]) if rows.any() else None for rows in members
    )


def count_groups(groups: NDArray[np.intp] | None) -> int:
    """Return how many groups there are; 0 without any."""
    return 0 if groups is None else len(np.unique(groups))


def scorer_version() -> str:
    """Return 12 hex digits that change when the code that scores does."""
    code = b"".join((Path(__file__).parent / name).read_bytes() for name in ("card.py", "metrics.py", "stats.py"))
    return hashlib.sha256(code).hexdigest()[:12]
