"""What a model has learnt, as its answers show: all classes, more than one answer, more than its own pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.doctor.answers import Hits, Labels, percent
from harness.doctor.findings import Finding, Severity
from harness.score.stats import wilson_interval
from harness.words import counted

RARE = 5  # pictures of a class that must be there before its absence among the answers says something
MEMORISED = 0.10  # how much better on pictures that it was trained on is worth a word


def never_said(true: Labels, said: Labels, class_names: tuple[str, ...]) -> Iterator[Finding]:
    """Find classes that are shown and never answered."""
    n_classes = len(class_names)
    there, answered = (np.bincount(labels, minlength=n_classes) for labels in (true, said))
    never = [number for number in range(n_classes) if there[number] >= RARE and not answered[number]]
    if not never:
        return
    names = [class_names[number].replace("_", " ") for number in never]
    if np.count_nonzero(answered) == 1:
        classes = counted(int(np.count_nonzero(there)), "class")
        only = class_names[int(answered.argmax())].replace("_", " ")
        yield Finding(
            code="one-answer",
            severity=Severity.WRONG,
            title=f"Every picture gets the same label, {only}",
            cause="The pictures do not reach the model as it knows them, its weights were not loaded, "
            "or it learnt only which class is most frequent.",
            evidence=f"{counted(len(said), 'picture')} of {classes}, one answer.",
            mend="Compare what the network gets in predict with what it got in training: shape, scale, type.",
        )
        return
    yield Finding(
        code="class-never-said",
        severity=Severity.WARNING,
        title=f"{len(never)} of {n_classes} classes {'is' if len(never) == 1 else 'are'} never predicted",
        cause="The last layer may be too small, a folder may have been left out of the training, or rare classes "
        "are drowned by frequent ones.",
        evidence=f"{', '.join(names)}: {int(there[never].sum())} of {counted(len(true), 'picture')} shown.",
        mend=f"See that the last layer has {n_classes} units and that each class is in the training; "
        "weight rare classes.",
    )


def no_better_than_majority(true: Labels, said: Labels) -> Iterator[Finding]:
    """Find answers that are no better than always the most frequent class."""
    hits, n = int((said == true).sum()), len(true)
    most = int(np.bincount(true).max())
    low, high = wilson_interval(hits, n)
    if np.count_nonzero(np.bincount(said)) > 1 and low <= most / n:
        yield Finding(
            code="no-better-than-majority",
            severity=Severity.WARNING,
            title="It is not better than the most frequent class",
            cause="Its weights may not be those that were trained, or its input is none of the ways tried here.",
            evidence=f"{percent(hits / n)} right (95 % interval {percent(low)} to {percent(high)}); always the most "
            f"frequent class: {percent(most / n)}; n = {n}.",
            mend="Load the zip's weights at home and evaluate them on public/val.npz.",
        )


def memorised(train: Hits, val: Hits) -> Iterator[Finding]:
    """Find a model that knows its training pictures far better than others; each of shape (n,)."""
    low, high = wilson_interval(int(train.sum()), len(train))
    _, top = wilson_interval(int(val.sum()), len(val))
    if train.mean() - val.mean() > MEMORISED and low > top:
        yield Finding(
            code="memorised",
            severity=Severity.WARNING,
            title="It knows its training pictures better than others",
            cause="It learnt pictures by heart; the hidden test holds other ones.",
            evidence=f"train {percent(float(train.mean()))} (95 % interval {percent(low)} to {percent(high)}, "
            f"n = {len(train)}), val {percent(float(val.mean()))} (n = {len(val)}).",
            mend="Stop earlier, augment more, add dropout or weight decay; trust val, not train.",
        )
