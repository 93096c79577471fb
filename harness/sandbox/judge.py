"""What to believe of what a run left: labels, report and exit code, all of them perhaps written by a stranger."""

from __future__ import annotations

import contextlib
import io
import signal
from collections.abc import Sequence
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.contest import Limits
from harness.sandbox.outcome import EntryRun, Outcome
from harness.sandbox.passes import Pass
from harness.sandbox.watch import Watched

REPORT_BYTES = 64_000  # an honest report has a tenth of it
TEXT_LENGTH = 2000  # characters of an entry's message or hint that are kept

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
    file.seek(0)
    data = file.read(REPORT_BYTES + 1)
    if len(data) > REPORT_BYTES:
        return Report()
    for line in reversed(data.split(b"\n")[:-1]):  # what follows the last newline was cut by a kill
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return msgspec.json.decode(line, type=Report)
    return Report()


def read_predictions(file: BinaryIO, n: int, n_classes: int, *, n_needed: int | None = None) -> NDArray[np.int64] | str:
    """Return the labels in a ``.npy`` file written by a stranger, or what is wrong with it.

    Nothing is unpickled and nothing is allocated by the header's word: the only file accepted is, byte for byte up to
    its data, the one that NumPy writes for `n` labels.

    Parameters
    ----------
    file : binary file
    n, n_classes : int
    n_needed : int, optional
        After so many labels -1 may stand, too, for a picture without an answer; `n` where not given.

    Returns
    -------
    ndarray of shape (n,), int64, each from 0 to `n_classes` - 1; or str
    """
    n_needed = n if n_needed is None else n_needed
    expected = io.BytesIO()
    np.lib.format.write_array(expected, np.zeros(n, dtype="<i8"), allow_pickle=False)
    header = expected.getvalue()[: len(expected.getvalue()) - 8 * n]
    file.seek(0)
    data = file.read(len(header) + 8 * n + 1)
    if len(data) != len(header) + 8 * n or not data.startswith(header):
        return f"the file of predictions is not the one array of {n} integers it must be"
    labels = np.frombuffer(data, dtype="<i8", offset=len(header)).astype(np.int64)
    if n and not (-1 <= labels.min() <= labels.max() < n_classes and labels[:n_needed].min(initial=0) >= 0):
        return f"labels run from {labels.min()} to {labels.max()}, expected 0 to {n_classes - 1}"
    return labels


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
                name: told.get(name) or f"Not done within {limits.time_s} s."
                for name in failed
                if name not in predictions
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


def printable(text: str) -> str:
    """Return text in one line with nothing that steers a terminal, cut at `TEXT_LENGTH`.

    Examples
    --------
    >>> printable("a\\x1b[31mb\\nc")
    'a?[31mb c'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text[:TEXT_LENGTH].split()))
