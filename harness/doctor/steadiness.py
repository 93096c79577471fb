"""Does a picture get the same label whenever, in whatever company and of whatever type it is shown?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from harness.doctor.answers import Labels
from harness.doctor.findings import Finding, Severity
from harness.doctor.ways import AGAIN, ALONE, FIRST, FLOAT, SHUFFLED, SIXTY_FOUR
from harness.sandbox.judge import NOT_DONE
from harness.sandbox.outcome import EntryRun

ROUNDING = 1  # pictures that may change with the batch: sums are rounded in another order there


def changed_by_chance(run: EntryRun) -> int:
    """Return how many pictures changed their label when exactly the same was shown twice."""
    first, again = (run.predictions.get(name) for name in (FIRST, AGAIN))
    return int((first != again).sum()) if first is not None and again is not None else 0


def failure(run: EntryRun, name: str) -> str:
    """Return why a way of showing gave no labels; empty where it did, or where only the time was up."""
    reason = run.failed.get(name, "")
    return "" if reason.startswith(NOT_DONE) else reason


def unsteady(run: EntryRun, shuffle: NDArray[np.int64]) -> Iterator[Finding]:
    """Find labels that depend on chance, else on place, else on the batch; `shuffle` is the order of ``shuffled``."""
    first = run.predictions.get(FIRST)
    if first is None:
        return
    n = len(first)
    if changed := changed_by_chance(run):
        yield Finding(
            code="random",
            severity=Severity.WRONG,
            title="The same pictures, shown twice, get other labels",
            cause="Dropout or augmentation is alive at prediction (the model is called with training=True), "
            "or something is drawn at random.",
            evidence=f"{changed} of {n} labels changed.",
            mend="Call model(X, training=False) or model.predict(X); leave augmentation to the training.",
        )
        return  # what follows could not be told from chance
    by_place = run.predictions.get(SHUFFLED)
    if by_place is not None and (changed := int((first[shuffle] != by_place).sum())) > ROUNDING:
        yield Finding(
            code="order-dependent",
            severity=Severity.WRONG,
            title="A picture's label depends on its place among the others",
            cause="predict sorts, counts or remembers; or it mixes up the order of its batches.",
            evidence=f"{changed} of {n} labels changed when the same pictures came in another order.",
            mend="Label each picture by itself, and return labels in the order of X.",
        )
        return
    yield from _batches(run, first)


def _batches(run: EntryRun, first: Labels) -> Iterator[Finding]:
    for name, words in ((ALONE, "one by one"), (SIXTY_FOUR, "in batches of 64")):
        if reason := failure(run, name):
            yield Finding(
                code="batch-size",
                severity=Severity.WARNING,
                title=f"It fails when pictures come {words}",
                cause="A server may hand over any number at once.",
                evidence=reason,
                mend="Let the first axis have any length; look for reshape and squeeze.",
            )
    changed = {}
    for name, words in ((ALONE, "one by one"), (SIXTY_FOUR, "in batches of 64")):
        if name in run.predictions:
            said = run.predictions[name]
            changed[words] = (int((said != first[: len(said)]).sum()), len(said))
    if any(count > ROUNDING for count, _ in changed.values()):
        told = "; ".join(f"{words} {count} of {n} labels changed" for words, (count, n) in changed.items())
        yield Finding(
            code="batch-dependent",
            severity=Severity.WRONG,
            title="A picture's label depends on the pictures beside it",
            cause="Batch normalisation works in training mode, or X is standardised over the whole batch.",
            evidence=f"Against all {len(first)} at once: {told}.",
            mend="Call model(X, training=False); take means and deviations from the training set, or from each "
            "picture alone.",
        )


def float_differs(run: EntryRun) -> Iterator[Finding]:
    """Find labels that depend on the type of the pictures."""
    if reason := failure(run, FLOAT):
        yield Finding(
            code="float-input",
            severity=Severity.WARNING,
            title="It fails on pictures that are not uint8",
            cause="Another server may hand over the same values, 0–255, as floating-point numbers.",
            evidence=reason,
            mend="Begin predict with: X = np.asarray(X).astype('uint8')",
        )
    elif FLOAT in run.predictions and FIRST in run.predictions:
        n = len(run.predictions[FIRST])
        changed = int((run.predictions[FLOAT] != run.predictions[FIRST]).sum())
        if changed > ROUNDING and not changed_by_chance(run):
            yield Finding(
                code="float-input",
                severity=Severity.WARNING,
                title="The same pictures get other labels as float32 than as uint8",
                cause="Something in predict depends on the type: arithmetic in uint8 wraps at 256, "
                "and some functions rescale one type and not the other.",
                evidence=f"{changed} of {n} labels differ.",
                mend="Begin predict with: X = np.asarray(X).astype('float32')",
            )
