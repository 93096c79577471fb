"""What to believe of what a run left: labels, probabilities, report, exit code, all perhaps written by a stranger."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.contest import Limits
from harness.sandbox.outcome import EntryRun, Outcome, RequestFailure
from harness.sandbox.prediction_plan import PREDICT, PREDICT_PROBA, PredictionRequest, n_images
from harness.sandbox.untrusted import newest_lines, read_predictions, read_probabilities
from harness.sandbox.watch import SCRATCH_FILES, Watched
from harness.words import printable

DOING = {"": "the start", "import": "'from model import Model'", "load": "Model()"}
OUTCOME_OF_STAGE = {"": Outcome.IMPORT_FAILED, "import": Outcome.IMPORT_FAILED, "load": Outcome.LOAD_FAILED}
# What `child.py` may say of a run; the rest is ours to say.
TOLD_OUTCOMES = (
    Outcome.IMPORT_FAILED,
    Outcome.LOAD_FAILED,
    Outcome.PREDICT_FAILED,
    Outcome.BAD_OUTPUT,
    Outcome.OUT_OF_MEMORY,
)
DISAGREE_SHARE = 0.05  # of a split's images whose label may be another than the most probable class
NOT_DONE = "not_done"  # the code of a request that was not needed, where only the time was up
# Why an entry that had been given hidden images may say it failed; any other word of it is not repeated.
FAILURES = frozenset(
    (
        *("exception", "file_missing", "keras_error", "memory_error", "module_missing", "os_error", "syntax_error"),
        *("read_only_images", "uint8_arithmetic", "class_names", "class_scores", "column", "counted_from_1"),
        *("fractions", "no_array", "no_integers", "no_numbers", "not_finite", "one_hot", "out_of_range"),
        *("returned_none", "too_many_values", "wrong_length", "wrong_shape", "wrong_sums", "not_called"),
    )
)
HIDDEN_HINT = (
    "It had hidden images by then, which its own words may hold: they are for who runs the contest. On public images "
    "alone: hemobench doctor ZIP"
)
OUT_OF_MEMORY_HINT = "Predict in batches, and keep no copies of all images as float."
SIGNAL_HINTS = {
    "SIGKILL": "Nobody here sent it: most often the system itself was out of memory. Try again on a quieter machine.",
    "SIGXCPU": "All cores together used more processor time than the limit allows; use fewer threads.",
}


class Report(msgspec.Struct, frozen=True):
    """One line of what `child.py` tells; the entry may have written it."""

    stage: str = ""
    outcome: str = ""
    code: str = ""
    message: str = ""
    hint: str = ""
    subject: str = ""
    seconds: dict[str, float] = {}
    environment: dict[str, str] = {}
    failed: dict[str, tuple[str, str]] = {}  # code and message, by request
    memory_mb: float = 0.0


def read_report(file: BinaryIO) -> Report:
    """Return the last line that is a report; an empty one where there is none, or where the file was flooded."""
    for line in newest_lines(file):
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return msgspec.json.decode(line, type=Report)
    return Report()


@dataclass(frozen=True)
class FirstAnswers:
    """What an entry had said when it was given hidden images, which none of it can hold.

    Attributes
    ----------
    labels : ndarray of shape (n,), int64
        Of all images that are not hidden, each from 0 to n_classes - 1.
    report : Report
    """

    labels: NDArray[np.int64]
    report: Report


def without_words(report: Report, first: FirstAnswers, doing: str, wall_s: float) -> Report:
    """Return what may be told of the report of an entry that had been given hidden images: nothing in its own words.

    Examples
    --------
    >>> said = Report(outcome="predict_failed", code="exception", message="pixel 3 is 17", failed={"val": ("17", "17")})
    >>> told = without_words(said, FirstAnswers(np.zeros(0, np.int64), Report()), "predict(X) on hidden", wall_s=2.0)
    >>> told.code, told.message, told.failed
    ('exception', 'predict(X) on hidden failed: exception.', {'val': ('exception', 'exception')})
    """

    def known(code: str) -> str:
        return code if code in FAILURES else "exception"

    def in_words(code: str) -> str:
        return known(code).replace("_", " ")

    seconds = {name: round(min(max(value, 0.0), wall_s), 2) for name, value in report.seconds.items()}
    return msgspec.structs.replace(
        report,
        code=known(report.code),
        message=f"{doing} failed: {in_words(report.code)}.",
        hint=HIDDEN_HINT,
        subject="",
        seconds=seconds | first.report.seconds,
        environment=first.report.environment,
        failed={name: (known(code), in_words(code)) for name, (code, _) in report.failed.items()},
        memory_mb=float(round(report.memory_mb)),
    )


@dataclass(frozen=True)
class _End:
    """How a run ended, in the words of an `EntryRun`."""

    outcome: Outcome
    code: str = ""
    message: str = ""
    hint: str = ""
    subject: str = ""


SCORED = _End(Outcome.SCORED)


def resolve_outcome(
    watched: Watched,
    report: Report,
    predictions_file: BinaryIO,
    probabilities_file: BinaryIO,
    requests: Sequence[PredictionRequest],
    n_classes: int,
    limits: Limits,
    *,
    first: FirstAnswers | None = None,
) -> EntryRun:
    """Say how a run ended, the surest witness first: what we did to it, then the labels, then what it told.

    Where it was given hidden images, `first` is what it had said by then.
    """
    not_done = RequestFailure(NOT_DONE, f"Not done within {limits.time_s} s.")
    during = next((one for one in requests if one.key == report.stage.removeprefix("predict ")), None)
    doing = DOING.get(report.stage) or (during.doing if during else "predict(X)")
    if first:
        report = without_words(report, first, doing, watched.wall_s)
    cut: RequestFailure | None = None
    end = _end_of(watched, report, doing, limits)
    # In a pass that is not needed all that counts is answered, if the file of labels says so, too: the score then
    # stands when the time is up, and in one that asks for probabilities, whatever happens.
    if during and not during.needed and watched.stopped == "time":
        end, cut = SCORED, not_done
    elif during and during.method == PREDICT_PROBA and watched.stopped != "answers" and end != SCORED:
        end, cut = SCORED, RequestFailure(end.code, end.message)
    labelling = [one for one in requests if one.method == PREDICT]
    asking = [one for one in requests if one.method == PREDICT_PROBA]
    predictions: dict[str, NDArray[np.int64]] = {}
    probabilities: dict[str, NDArray[np.float32]] = {}
    failed: dict[str, RequestFailure] = {}
    if end == SCORED:
        n_needed = sum(len(one.images) for one in labelling if one.needed)
        labels = read_predictions(predictions_file, n_images(requests, PREDICT), n_classes, n_needed=n_needed)
        if isinstance(labels, str):
            end = _End(
                Outcome.BAD_OUTPUT,
                "answers_forged",
                _forged(labels, first),
                "Return labels from predict(X) and leave numpy.save and /sandbox alone.",
            )
        else:
            if first:
                labels[: len(first.labels)] = first.labels
            predictions = {name: part for name, part in _by_name(labels, labelling).items() if part.min(initial=0) >= 0}
            told = {
                name: RequestFailure(printable(code), printable(text))
                for name, (code, text) in report.failed.items()
                if text
            }
            if during and cut:
                told[during.key] = cut
            failed = {
                one.key: told.get(one.key, not_done)
                for one in labelling
                if not one.needed and one.key not in predictions
            }
            failed |= {one.key: told[one.key] for one in asking if one.key in told}
            # An empty file without a reason: the entry offers none.
            if probabilities_file.seek(0, os.SEEK_END) and not any(one.key in failed for one in asking):
                found = _read_probabilities(probabilities_file, asking, predictions, n_classes, first)
                if isinstance(found, RequestFailure):
                    failed[asking[0].key] = found
                else:
                    probabilities = found
    return EntryRun(
        outcome=end.outcome,
        code=end.code,
        subject=end.subject,
        message=end.message,
        hint=end.hint,
        predictions=predictions,
        probabilities=probabilities,
        failed=failed,
        log=watched.log,
        hidden_log=watched.later_log,
        seconds={
            printable(name): value
            for name, value in report.seconds.items()
            if name in ("load", *(one.key for one in requests))
        }
        | {"wall": watched.wall_s},
        # Between two looks from outside a short run comes and goes; then what it tells of itself is more.  An entry can
        # make that larger than it was, up to its limit, which is to nobody's loss, and never smaller than was seen.
        peak_memory_mb=max(watched.peak_memory_mb, min(report.memory_mb, limits.memory_mb)),
        environment={printable(name)[:40]: printable(value)[:40] for name, value in report.environment.items()},
    )


def _forged(why: str, first: FirstAnswers | None) -> str:
    """Say that an entry wrote into the files of the answers; what it wrote is not repeated after hidden images."""
    return "The entry wrote into the harness's own files" + (f": {why}." if first is None else ".")


def _end_of(watched: Watched, report: Report, doing: str, limits: Limits) -> _End:
    """Return how a run ended, as far as it can be told without its labels."""
    if watched.stopped == "time":
        return _End(
            Outcome.TIMED_OUT,
            "time_limit",
            f"Stopped after {watched.wall_s:.1f} s during {doing}; all of it may take {limits.time_s} s.",
            "Predict in larger batches or with a smaller model; loading and every split count together.",
        )
    if watched.stopped == "memory":
        # What the kernel counts, or the machine lacks, may be more than the resident memory of processes.
        seen = f"at {watched.peak_memory_mb:.0f} MB of memory"
        hidden = "for memory that its processes hold beside their own"
        return _End(
            Outcome.OUT_OF_MEMORY,
            "memory_limit",
            f"Stopped {seen if watched.peak_memory_mb > limits.memory_mb else hidden} during {doing}; "
            f"it may use {limits.memory_mb} MB.",
            OUT_OF_MEMORY_HINT,
        )
    if watched.stopped == "processes":
        return _End(
            Outcome.KILLED,
            "process_limit",
            f"Stopped during {doing}: more than {limits.processes} processes and threads.",
            "Limit the workers and threads you start; the machine has few cores.",
        )
    if watched.stopped == "files":
        return _End(
            Outcome.KILLED,
            "file_limit",
            f"Stopped during {doing}: more than {SCRATCH_FILES} files in its working directory, /tmp and /dev/shm.",
            "Keep what you need in few files, or in memory.",
        )
    if watched.stopped == "answers":
        return _End(
            Outcome.BAD_OUTPUT,
            "answers_flooded",
            f"Stopped during {doing}: the entry filled the harness's own files, where only labels belong.",
            "Return labels from predict(X) and leave /sandbox alone.",
        )
    if report.outcome == Outcome.SCORED:
        return SCORED
    if report.outcome in TOLD_OUTCOMES:
        message = printable(report.message) or f"It ended during {doing} and told no reason."
        code, subject = printable(report.code), printable(report.subject)
        return _End(Outcome(report.outcome), code, message, printable(report.hint), subject)
    if name := _signal_name(watched.returncode):
        hint = SIGNAL_HINTS.get(name, "Look at the log; native code may have crashed.")
        return _End(Outcome.KILLED, "signal", f"Ended by signal {name} during {doing}.", hint, name)
    return _End(
        OUTCOME_OF_STAGE.get(report.stage, Outcome.PREDICT_FAILED),
        "exited",
        f"The process ended with exit code {watched.returncode} during {doing}, without an answer.",
        "Do not call os._exit or exit; return the labels from predict(X).",
    )


def _read_probabilities(
    file: BinaryIO,
    asking: Sequence[PredictionRequest],
    predictions: dict[str, NDArray[np.int64]],
    n_classes: int,
    first: FirstAnswers | None,
) -> dict[str, NDArray[np.float32]] | RequestFailure:
    """Return the probabilities by split, or why they are of no use: one that contradicts the labels tells of others."""
    read = read_probabilities(file, n_images(asking, PREDICT_PROBA), n_classes)
    if isinstance(read, str):
        return RequestFailure("answers_forged", _forged(read, first))
    found = _by_name(read, asking)
    for split, rows in found.items():
        labels = predictions[split]
        # Not argmax: of two classes equally probable either may be the label.
        n_other = int((rows[np.arange(len(rows)), labels] < rows.max(axis=1)).sum())
        if n_other > DISAGREE_SHARE * len(rows):
            return RequestFailure(
                "contradicts_labels",
                f"predict_proba(X) on {split} finds another class most probable than predict(X) for {n_other} of "
                f"{len(rows)} images, expected at most {DISAGREE_SHARE:.0%}.",
            )
    return found


def _by_name(answers: NDArray[Any], requests: Sequence[PredictionRequest]) -> dict[str, NDArray[Any]]:
    """Cut what was answered in all these requests together."""
    ends = np.cumsum([len(one.images) for one in requests])
    return {one.name: part for one, part in zip(requests, np.split(answers, ends[:-1]), strict=True)}


def _signal_name(returncode: int) -> str:
    """Return the signal that ended a process: directly, or the command in bubblewrap, which reports 128 and more."""
    number = -returncode if returncode < 0 else returncode - 128
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""
