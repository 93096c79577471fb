"""What `predict` returns instead of labels, and the line that makes labels of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.sandbox.outcome import EntryRun, Outcome


@dataclass(frozen=True)
class Output:
    """One fault of what is returned.

    Attributes
    ----------
    name : str
    pattern : str
        Found in the message of the outcome ``bad_output``, which `harness.sandbox.child.check_labels` writes.
    cause, remedy : str
    code : str
        A line of Python that makes the array `labels` right; it may use ``np``.
    """

    name: str
    pattern: str
    cause: str
    remedy: str
    code: str


OUTPUTS = (
    Output(
        "one-hot rows",
        r"one-hot rows for",
        "Labels were encoded one-hot for the training, and predict returns them so.",
        "Return the place of the 1 in each row: labels.argmax(axis=1)",
        "labels = labels.argmax(axis=1)",
    ),
    Output(
        "scores for each class",
        r"scores or probabilities for",
        "The network's softmax is returned as it is; the contest wants the class alone.",
        "Return the place of the largest: scores.argmax(axis=1)",
        "labels = labels.argmax(axis=1)",
    ),
    Output(
        "a column of labels",
        r"of shape \((\d+), 1\)",
        "The labels have a second axis, as the training file has it.",
        "Drop it: labels.ravel()",
        "labels = labels.ravel()",
    ),
    Output(
        "labels counted from 1",
        r"labels from [1-9]\d* to {n_classes}\b",
        "The classes were counted from 1; the contest counts from 0.",
        "Return labels - 1",
        "labels = labels - 1",
    ),
    Output(
        "labels as fractions",
        r"float\d+ of shape \(\d+,\)",
        "The labels are stored as floating-point numbers.",
        "Cast them: labels.astype(int). If they are no whole numbers, a regression was trained in place of a "
        "classification.",
        "labels = np.rint(labels).astype(int)",
    ),
    Output(
        "names of classes",
        r"that becomes <U\d+ of shape \(\d+,\)",
        "The class is returned by its name; the contest wants its number.",
        "Return the number of the class, in the contest's order.",
        "labels = np.array([NAMES.index(str(label).replace(' ', '_').casefold()) for label in labels])",
    ),
)


def explain(run: EntryRun, n_classes: int) -> Output | None:
    """Return what was returned instead of labels, where it is one of the usual things."""
    if run.outcome is not Outcome.BAD_OUTPUT:
        return None
    for output in OUTPUTS:
        if re.search(output.pattern.replace("{n_classes}", str(n_classes)), run.message):
            return output
    return None


def find_output(name: str) -> Output:
    return next(output for output in OUTPUTS if output.name == name)
