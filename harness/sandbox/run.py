"""One run of an entry: unpack, start behind walls, watch, read the labels, leave nothing behind."""

from __future__ import annotations

import contextlib
import io
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.contest import Limits
from harness.errors import IsolationError, RefusedZip
from harness.sandbox.outcome import Outcome
from harness.sandbox.scratch import scratch_folder
from harness.sandbox.unpack import unpack
from harness.sandbox.walls import ALL_WALLS, Device, Isolation, Room, command
from harness.sandbox.watch import Watched, watch

REPORT_BYTES = 64_000  # an honest report has a tenth of it
HEADER_BYTES = 4096  # more than NumPy writes before the labels
TEXT_LENGTH = 2000  # characters of an entry's message or hint that are kept

Choice = Literal["auto", "bubblewrap", "namespaces", "none"]
# What each choice tries, in turn.  Without walls only who asks for it by name.
TRIED: dict[str, tuple[Isolation, ...]] = {
    "auto": ("bubblewrap", "namespaces"),
    "bubblewrap": ("bubblewrap",),
    "namespaces": ("namespaces",),
    "none": ("none",),
}
REMEDY = {
    "auto": "Install bubblewrap (Debian, Ubuntu: sudo apt install bubblewrap). For a zip that you trust as you trust "
    "your own programs: --isolation none",
    "bubblewrap": "Install it (Debian, Ubuntu: sudo apt install bubblewrap), or let the harness choose: auto.",
    "namespaces": "Allow user namespaces (sysctl user.max_user_namespaces), or let the harness choose: auto.",
    "none": "Run `hemobench` from its own environment, and look at the reason above.",
}
# The second look: enough pictures to notice one in twenty that changes, and few enough to cost seconds.
AGAIN, N_AGAIN, AGAIN_BATCHES = "again", 64, (1, 2, 5, 8, 16, 32)
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


@dataclass(frozen=True)
class Pass:
    """Pictures that an entry is to label, and how they are handed to it.

    Attributes
    ----------
    name : str
    images : ndarray of shape (n, height, width, 3)
        uint8, 0-255, unless something else is to be tried.
    batches : tuple of int
        Sizes of the batches, used in turn; empty: all pictures at once.
    needed : bool
        False: a failure here is told in `EntryRun.failed` and ends nothing.
    """

    name: str
    images: NDArray[Any]
    batches: tuple[int, ...] = ()
    needed: bool = True


@dataclass(frozen=True)
class Repeat:
    """What the second look found: of `n` pictures, `n_changed` got another label in other company."""

    n: int
    n_changed: int


@dataclass(frozen=True)
class EntryRun:
    """How one run ended and what it left.

    Attributes
    ----------
    outcome : Outcome
    message, hint : str
        What was got and expected, and what to do; empty when scored.  One line, printable characters only.
    predictions : dict of str to ndarray of shape (n,), int64
        Labels by pass, each from 0 to n_classes - 1; empty unless scored.
    failed : dict of str to str
        Why a pass that was not needed gave no labels.
    order : int
        Seed of the order in which the pictures were handed over.
    repeat : Repeat or None
        None where there was no second look, or where it failed.
    log : str
        What the entry printed, its middle left out where it was longer than the limit.  As the entry wrote it: to be
        escaped before it reaches a terminal or a page.
    isolation : str
        ``bubblewrap``, ``namespaces`` or ``none``; empty when nothing ran.
    walls, missing_walls : tuple of str
        Which walls stood and which did not, of `walls.ALL_WALLS`; both empty when nothing ran.
    notes : tuple of str
        What was ignored in the zip.
    seconds : dict of str to float
        ``load`` and one per pass, as the entry's process measured them; ``wall``, all of it, as we did.
    peak_memory_mb : float
        Largest resident memory of all its processes together, looked at every 50 ms; shared pages count in each.
    environment : dict of str to str
        Versions of ``python`` and of the packages the entry imported; ``device``, ``cpu`` or ``gpu``.
    """

    outcome: Outcome
    message: str = ""
    hint: str = ""
    predictions: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    order: int = 0
    repeat: Repeat | None = None
    log: str = ""
    isolation: str = ""
    walls: tuple[str, ...] = ()
    missing_walls: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    peak_memory_mb: float = 0.0
    environment: dict[str, str] = field(default_factory=dict)


class Report(msgspec.Struct, frozen=True):
    """One line of what `child.py` tells; the entry may have written it."""

    stage: str = ""
    outcome: str = ""
    message: str = ""
    hint: str = ""
    seconds: dict[str, float] = {}
    environment: dict[str, str] = {}
    failed: dict[str, str] = {}


@dataclass(frozen=True)
class _Started:
    """A run that got as far as the entrant's code."""

    isolation: Isolation
    walls: tuple[str, ...]
    watched: Watched


def run_entry(
    zip_path: Path,
    images: Mapping[str, NDArray[np.uint8]],
    n_classes: int,
    limits: Limits,
    *,
    scratch: Path,
    order: int,
    isolation: Choice = "auto",
    device: Device = "auto",
) -> EntryRun:
    """Run a submission on pictures and return its labels, or how it failed.

    The pictures of each split are handed over in an order of their own, and the labels are put back: an entry learns
    nothing from places.  A sample of all splits is then shown again, in another order and in other batch sizes.  What
    labels a picture by itself gives the same labels.

    Parameters
    ----------
    zip_path : Path
        The submission.
    images : mapping of str to ndarray of shape (n, height, width, 3), uint8
        Pictures by split, predicted in this order.
    n_classes : int
        Labels run from 0 to this number less one.
    limits : Limits
    scratch : Path
        Folder for temporary files, made if missing; left as it was found, less what killed runs have left in it.
    order : int
        Seed of the order, 0 or more; to be drawn anew for each run, where nobody wants to repeat one.
    isolation : {'auto', 'bubblewrap', 'namespaces', 'none'}
        ``auto`` takes the best walls that this machine can build, and never none.
    device : {'auto', 'cpu'}
        ``auto`` lets the entry use the GPU where there is one.

    Raises
    ------
    IsolationError
        The walls asked for cannot be built here, or the interpreter does not start behind them.
    """
    rng = np.random.default_rng(order)
    orders = {split: rng.permutation(len(pictures)) for split, pictures in images.items()}
    passes = [Pass(split, pictures[orders[split]]) for split, pictures in images.items()]
    n_each = {split: min(len(pictures), N_AGAIN // len(images)) for split, pictures in images.items()}
    chosen = [
        (split, int(at)) for split, n in n_each.items() for at in rng.choice(len(images[split]), n, replace=False)
    ]
    chosen = [chosen[at] for at in rng.permutation(len(chosen))]
    if chosen:
        again = np.stack([images[split][at] for split, at in chosen])
        passes.append(Pass(AGAIN, again, AGAIN_BATCHES, needed=False))
    run = run_passes(zip_path, passes, n_classes, limits, scratch=scratch, isolation=isolation, device=device)
    if run.outcome is not Outcome.SCORED:
        return replace(run, order=order)
    predictions = {split: run.predictions[split][np.argsort(orders[split])] for split in images}
    repeat, notes = None, run.notes
    if AGAIN in run.predictions:
        first = np.array([predictions[split][at] for split, at in chosen])
        repeat = Repeat(len(chosen), int((first != run.predictions[AGAIN]).sum()))
        if repeat.n_changed:
            notes += (
                f"Order-dependent: {repeat.n_changed} of {repeat.n} pictures got another label when shown again in "
                "another order and in batches of 1 to 32. Each picture must be labelled by itself, the same each time.",
            )
    elif AGAIN in run.failed:
        notes += (f"Shown again in batches of 1 to 32, the pictures got no labels: {run.failed[AGAIN]}",)
    return replace(run, predictions=predictions, order=order, repeat=repeat, notes=notes)


def run_passes(
    zip_path: Path,
    passes: Sequence[Pass],
    n_classes: int,
    limits: Limits,
    *,
    scratch: Path,
    isolation: Choice = "auto",
    device: Device = "auto",
) -> EntryRun:
    """Run a submission on `passes`, in their order, the needed ones first; otherwise as `run_entry`."""
    if sorted(passes, key=lambda one: not one.needed) != list(passes):
        raise ValueError("The passes that are needed stand first.")
    with scratch_folder(scratch) as folder:
        room = Room.at(folder, len(passes))
        for name in ("entry", "images", "out", "work", "tmp"):
            (folder / name).mkdir(mode=0o755)
        try:
            notes = unpack(zip_path, folder / "entry", limits)
        except RefusedZip as refusal:
            return EntryRun(Outcome.REFUSED, refusal.message, refusal.hint)
        for path, one in zip(room.images, passes, strict=True):
            np.save(path, np.ascontiguousarray(one.images), allow_pickle=False)
        # Opened before the entry starts: whatever it puts in the place of these files, this is what is read.
        with Path(room.predictions).open("w+b") as predictions, Path(room.report).open("w+b") as report:
            # The entry may run as another user than ours; the folder above keeps everyone else out.
            os.fchmod(predictions.fileno(), 0o666)
            os.fchmod(report.fileno(), 0o666)
            sizes = {
                predictions.fileno(): HEADER_BYTES + 8 * sum(len(one.images) for one in passes),
                report.fileno(): REPORT_BYTES,
            }
            started = _start(room, passes, n_classes, limits, isolation, device, sizes)
            judged = _judge(started, _read_report(report), predictions, passes, n_classes, limits)
            return replace(judged, notes=notes)


def _start(
    room: Room,
    passes: Sequence[Pass],
    n_classes: int,
    limits: Limits,
    isolation: Choice,
    device: Device,
    sizes: Mapping[int, int],
) -> _Started:
    """Run behind the walls asked for, or behind the best that turn out to stand.

    There is no probe: a machine may have the program and forbid its use, and only a start can tell.  `child.py` says
    when it is ready, before any of the entrant's code; what ends earlier is no entry's fault, and the next is tried.
    """
    told = [{"name": one.name, "batches": one.batches, "needed": one.needed} for one in passes]
    reasons = []
    for candidate in TRIED[isolation]:
        pipe = os.pipe()
        built = command(candidate, room, told, n_classes, limits, ready=pipe[1], device=device)
        if isinstance(built, str):
            reasons.append(f"{candidate}: {built}")
            for end in pipe:
                os.close(end)
            continue
        walled = candidate != "none"
        watched = watch(built.argv, built.environment, pipe, limits, pid_namespace=walled, files=sizes)
        if watched.ready:
            closed = {*built.walls, *msgspec.json.decode(watched.told[0], type=list[str])}
            return _Started(candidate, tuple(wall for wall in ALL_WALLS if wall in closed), watched)
        reasons.append(f"{candidate}: {printable(watched.log.strip()[-500:]) or f'exit code {watched.returncode}'}")
    raise IsolationError(
        f"No entry can run here with isolation {isolation!r}: {'; '.join(reasons)}.",
        REMEDY[isolation],
    )


def _read_report(file: BinaryIO) -> Report:
    """Return the last line that is a report; an empty one where there is none, or where the file was flooded."""
    file.seek(0)
    data = file.read(REPORT_BYTES + 1)
    if len(data) > REPORT_BYTES:
        return Report()
    for line in reversed(data.split(b"\n")[:-1]):  # what follows the last newline was cut by a kill
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
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


def _judge(
    started: _Started,
    report: Report,
    predictions_file: BinaryIO,
    passes: Sequence[Pass],
    n_classes: int,
    limits: Limits,
) -> EntryRun:
    """Say how a run ended, the surest witness first: what we did to it, then the labels, then what it told."""
    watched = started.watched
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
        message = (
            f"Stopped at {watched.peak_memory_mb:.0f} MB of memory during {doing}; it may use {limits.memory_mb} MB."
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
        outcome, message, hint = Outcome(report.outcome), printable(report.message), printable(report.hint)
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
        isolation=started.isolation,
        walls=started.walls,
        missing_walls=tuple(wall for wall in ALL_WALLS if wall not in started.walls),
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
