"""One run of an entry: unpack, start behind walls, watch, read the labels, leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.contest import Limits
from harness.errors import IsolationError, RefusedZip
from harness.sandbox.cgroup import control_group
from harness.sandbox.judge import judge, read_report
from harness.sandbox.layout import MB
from harness.sandbox.outcome import EntryRun, Outcome
from harness.sandbox.passes import PREDICT, PREDICT_PROBA, Pass, Showing, n_pictures
from harness.sandbox.scratch import scratch_folder
from harness.sandbox.unpack import unpack
from harness.sandbox.untrusted import REPORT_BYTES, printable
from harness.sandbox.walls import ALL_WALLS, Device, Isolation, Room, command, scratch_mb
from harness.sandbox.watch import WRAPPERS, Watched, watch
from harness.tree import walk

HEADER_BYTES = 4096  # more than NumPy writes before the labels
PAGE = 65_536  # the largest there is: a file takes whole ones
# They take about as long as the labels did.  Where loading and labels took more than this share of the time limit,
# nobody asks: the limit would end it.
PROBABILITIES_WITHIN = 0.5

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


@dataclass(frozen=True)
class _Started:
    """A run that got as far as the entrant's code."""

    isolation: Isolation
    walls: tuple[str, ...]
    control_group: bool
    watched: Watched


def run_entry(
    zip_path: Path,
    images: Mapping[str, NDArray[np.uint8]],
    n_classes: int,
    limits: Limits,
    *,
    scratch: Path,
    order: int,
    probabilities: bool = False,
    isolation: Choice = "auto",
    device: Device = "auto",
) -> EntryRun:
    """Run a submission on pictures and return its labels, or how it failed.

    The pictures of each split are handed over in an order of their own, and the labels are put back: an entry learns
    nothing from places.  A sample of all splits is then shown again, in another order and in other batch sizes.  What
    labels a picture by itself gives the same labels.

    Probabilities are asked for last, on all pictures of all splits, from an entry that offers `predict_proba`.  They
    cost about as much time as the labels, count against the same limit and decide nothing: see `PROBABILITIES_WITHIN`.

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
    probabilities : bool
        Whether an entry that offers `predict_proba` is asked for them.
    isolation : {'auto', 'bubblewrap', 'namespaces', 'none'}
        ``auto`` takes the best walls that this machine can build, and never none.
    device : {'auto', 'cpu'}
        ``auto`` lets the entry use the GPU where there is one.

    Raises
    ------
    IsolationError
        The walls asked for cannot be built here, or the interpreter does not start behind them.
    """
    showing = Showing(images, order, probabilities=probabilities)
    run = run_passes(zip_path, showing.passes, n_classes, limits, scratch=scratch, isolation=isolation, device=device)
    return showing.put_back(run)


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
    if sorted(passes, key=lambda one: (not one.needed, one.method)) != list(passes):
        raise ValueError("The passes that are needed stand first, and those that ask for probabilities last.")
    with scratch_folder(scratch) as folder:
        room = Room.at(folder, len(passes))
        # What two passes show lies there once.
        at = {id(one.images): path for path, one in zip(room.images, passes, strict=True)}
        room = replace(room, images=tuple(at[id(one.images)] for one in passes))
        for name in ("entry", "images", "out", "work", "tmp", "root"):
            (folder / name).mkdir()
        try:
            notes = unpack(zip_path, folder / "entry", limits)
        except RefusedZip as refusal:
            return EntryRun(Outcome.REFUSED, refusal.message, refusal.hint)
        for path, one in dict(zip(room.images, passes, strict=True)).items():
            np.save(path, np.ascontiguousarray(one.images), allow_pickle=False)
        _open_to_read(folder)
        # In the order of `room.answers`.
        answers = (
            HEADER_BYTES + 8 * n_pictures(passes, PREDICT),
            HEADER_BYTES + 4 * n_classes * n_pictures(passes, PREDICT_PROBA),
            REPORT_BYTES,
        )
        started = _start(room, passes, n_classes, limits, isolation, device, answers)
        with contextlib.ExitStack() as stack:
            predictions, probabilities, report = map(stack.enter_context, started.watched.answers)
            told = read_report(report)
            judged = judge(started.watched, told, predictions, probabilities, passes, n_classes, limits)
        missing = tuple(wall for wall in ALL_WALLS if wall not in started.walls)
        return replace(
            judged,
            isolation=started.isolation,
            walls=started.walls,
            missing_walls=missing,
            control_group=started.control_group,
            notes=notes,
        )


def _open_to_read(folder: Path) -> None:
    """Let the entry, who may be another user than ours, read what is laid out for it, whatever the umask is.

    The folder itself keeps everybody else out.
    """
    for item in walk(folder):
        os.chmod(item.entry.name, 0o755 if item.is_folder else 0o644, dir_fd=item.folder)


def _start(
    room: Room,
    passes: Sequence[Pass],
    n_classes: int,
    limits: Limits,
    isolation: Choice,
    device: Device,
    answers: Sequence[int],
) -> _Started:
    """Run behind the walls asked for, or behind the best that turn out to stand.

    There is no probe: a machine may have the program and forbid its use, and only a start can tell.  `child.py` says
    when it is ready, before any of the entrant's code; what ends earlier is no entry's fault, and the next is tried.
    """
    told = [
        {"name": one.name, "batches": one.batches, "needed": one.needed, "method": one.method}
        | ({"begin_within_s": PROBABILITIES_WITHIN * limits.time_s} if one.method == PREDICT_PROBA else {})
        for one in passes
    ]
    reasons = []
    for candidate in TRIED[isolation]:
        pair = socket.socketpair()
        built = command(
            candidate, room, told, n_classes, limits, pair[1].fileno(), device, sum(answers) + len(answers) * PAGE
        )
        if isinstance(built, str):
            reasons.append(f"{candidate}: {built}")
            for end in pair:
                end.close()
            continue
        walled = candidate != "none"
        with control_group((limits.memory_mb + scratch_mb(limits)) * MB, limits.processes + WRAPPERS) as group:
            watched = watch(
                built.argv, built.environment, pair, limits, pid_namespace=walled, answers=answers, group=group
            )
        if watched.ready:
            closed = {*built.walls, *msgspec.json.decode(watched.told[0], type=list[str])}
            return _Started(candidate, tuple(wall for wall in ALL_WALLS if wall in closed), group is not None, watched)
        for file in watched.answers:
            file.close()
        reasons.append(f"{candidate}: {printable(watched.log.strip()[-500:]) or f'exit code {watched.returncode}'}")
    raise IsolationError(
        f"No entry can run here with isolation {isolation!r}: {'; '.join(reasons)}.",
        REMEDY[isolation],
    )
