"""What to believe of what a run left: labels, report and exit code, all of them perhaps written by a stranger."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Sequence
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.contest import Limits
from harness.sandbox.outcome import EntryRun, Outcome
from harness.sandbox.passes import Pass
from harness.sandbox.untrusted import newest_lines, printable, read_predictions
from harness.sandbox.watch import Watched

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
NOT_DONE = "Not done within"  # begins why a pass that was not needed has no labels, where only the time was up
OUT_OF_MEMORY_HINT = "Predict in batches, and keep no copies of all pictures as float."
SIGNAL_HINTS = {
    "SIGKILL": "Nobody here sent it: most often the system itself was out of memory. Try again on a quieter machine.",
    "SIGXCPU": "All cores together used more processor time than the limit allows; use fewer threads.",
}


class Report(msgspec.Struct, frozen=True):
    """One line of what `child.py` tells; the entry may have written it."""

    stage: str = ""
    outcome: str = ""
    message: str = ""
    hint: str = ""
    seconds: dict[str, float] = {}
    environment: dict[str, str] = {}
    failed: dict[str, str] = {}


def read_report(file: BinaryIO) -> Report:
    """Return the last line that is a report; an empty one where there is none, or where the file was flooded."""
    for line in newest_lines(file):
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return msgspec.json.decode(line, type=Report)
    return Report()


def judge(
    watched: Watched,
    report: Report,
    predictions_file: BinaryIO,
    passes: Sequence[Pass],
    n_classes: int,
    limits: Limits,
) -> EntryRun:
    """Say how a run ended, the surest witness first: what we did to it, then the labels, then what it told."""
    doing = DOING.get(report.stage) or f"predict(X) on {printable(report.stage.removeprefix('predict '))}"
    outcome, message, hint = Outcome.KILLED, "", ""
    predictions: dict[str, NDArray[np.int64]] = {}
    failed = {one.name: "" for one in passes if not one.needed}
    late = watched.stopped == "time" and report.stage.removeprefix("predict ") in failed  # all that counts is answered
    if watched.stopped == "time" and not late:
        outcome = Outcome.TIMED_OUT
        message = f"Stopped after {watched.wall_s:.1f} s during {doing}; all of it may take {limits.time_s} s."
        hint = "Predict in larger batches or with a smaller model; loading and every split count together."
    elif watched.stopped == "memory":
        outcome = Outcome.OUT_OF_MEMORY
        # What the kernel counts, or the machine lacks, may be more than the resident memory of processes.
        seen = f"at {watched.peak_memory_mb:.0f} MB of memory"
        hidden = "for memory that its processes hold beside their own"
        message = (
            f"Stopped {seen if watched.peak_memory_mb > limits.memory_mb else hidden} during {doing}; "
            f"it may use {limits.memory_mb} MB."
        )
        hint = OUT_OF_MEMORY_HINT
    elif watched.stopped == "processes":
        message = f"Stopped during {doing}: more than {limits.processes} processes and threads."
        hint = "Limit the workers and threads you start; the machine has few cores."
    elif watched.stopped == "files":
        outcome = Outcome.BAD_OUTPUT
        message = f"Stopped during {doing}: the entry filled the harness's own files, where only labels belong."
        hint = "Return labels from predict(X) and leave /sandbox alone."
    elif report.outcome == Outcome.SCORED or late:
        n_needed = sum(len(one.images) for one in passes if one.needed)
        labels = read_predictions(
            predictions_file, sum(len(one.images) for one in passes), n_classes, n_needed=n_needed
        )
        if isinstance(labels, str):
            outcome = Outcome.BAD_OUTPUT
            message = f"The entry wrote into the harness's own files: {labels}."
            hint = "Return labels from predict(X) and leave numpy.save and /sandbox alone."
        else:
            outcome = Outcome.SCORED
            parts = np.split(labels, np.cumsum([len(one.images) for one in passes])[:-1])
            predictions = {one.name: part for one, part in zip(passes, parts, strict=True) if part.min(initial=0) >= 0}
            told = {name: printable(text) for name, text in report.failed.items()}
            failed = {
                name: told.get(name) or f"{NOT_DONE} {limits.time_s} s." for name in failed if name not in predictions
            }
    elif report.outcome in TOLD_OUTCOMES:
        outcome, hint = Outcome(report.outcome), printable(report.hint)
        message = printable(report.message) or f"It ended during {doing} and told no reason."
    elif name := _signal_name(watched.returncode):
        message = f"Ended by signal {name} during {doing}."
        hint = SIGNAL_HINTS.get(name, "Look at the log; native code may have crashed.")
    else:
        outcome = OUTCOME_OF_STAGE.get(report.stage, Outcome.PREDICT_FAILED)
        message = f"The process ended with exit code {watched.returncode} during {doing}, without an answer."
        hint = "Do not call os._exit or exit; return the labels from predict(X)."
    return EntryRun(
        outcome=outcome,
        message=message,
        hint=hint,
        predictions=predictions,
        failed=failed,
        log=watched.log,
        seconds={
            printable(name): value
            for name, value in report.seconds.items()
            if name in ("load", *(p.name for p in passes))
        }
        | {"wall": watched.wall_s},
        peak_memory_mb=watched.peak_memory_mb,
        environment={printable(name)[:40]: printable(value)[:40] for name, value in report.environment.items()},
    )


def _signal_name(returncode: int) -> str:
    """Return the signal that ended a process: directly, or the command in bubblewrap, which reports 128 and more."""
    number = -returncode if returncode < 0 else returncode - 128
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""
