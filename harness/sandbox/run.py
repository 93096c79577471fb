"""One run of an entry: unpack, start in isolation, watch, read the labels, leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.contest import Limits
from harness.errors import IsolationError, RefusedZip
from harness.sandbox.backends import AUTO, Choice, chosen
from harness.sandbox.cgroup import control_group
from harness.sandbox.isolation import RESTRICTIONS, Backend
from harness.sandbox.layout import MB
from harness.sandbox.outcome import EntryRun, Outcome
from harness.sandbox.prediction_plan import PREDICT, PREDICT_PROBA, PredictionPlan, PredictionRequest, n_images
from harness.sandbox.resolve_outcome import read_report, resolve_outcome
from harness.sandbox.sandbox_command import Device, RunPaths, command, scratch_mb
from harness.sandbox.scratch import scratch_folder
from harness.sandbox.unpack import unpack
from harness.sandbox.untrusted import REPORT_BYTES
from harness.sandbox.watch import WRAPPERS, Watched, watch
from harness.tree import walk
from harness.words import printable

HEADER_BYTES = 4096  # more than NumPy writes before the labels
PAGE = 65_536  # the largest there is: a file takes whole ones
# They take about as long as the labels did.  Where loading and labels took more than this share of the time limit,
# nobody asks: the limit would end it.
PROBABILITIES_WITHIN = 0.5


@dataclass(frozen=True)
class _Started:
    """A run that got as far as the entrant's code."""

    backend: Backend
    restrictions: tuple[str, ...]
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
    isolation: Choice = AUTO,
    device: Device = "auto",
) -> EntryRun:
    """Run a submission on images and return its labels, or how it failed.

    The images of each split are handed over in an order of their own, and the labels are put back: an entry learns
    nothing from places.  A sample of all splits is then shown again, in another order and in other batch sizes.  What
    labels an image by itself gives the same labels.

    Probabilities are asked for last, on all images of all splits, from an entry that offers `predict_proba`.  They
    cost about as much time as the labels, count against the same limit and decide nothing: see `PROBABILITIES_WITHIN`.

    Parameters
    ----------
    zip_path : Path
        The submission.
    images : mapping of str to ndarray of shape (n, height, width, 3), uint8
        Images by split, predicted in this order.
    n_classes : int
        Labels run from 0 to this number less one.
    limits : Limits
    scratch : Path
        Folder for temporary files, made if missing; left as it was found, less what killed runs have left in it.
    order : int
        Seed of the order, 0 or more; to be drawn anew for each run, where nobody wants to repeat one.
    probabilities : bool
        Whether an entry that offers `predict_proba` is asked for them.
    isolation : str
        ``auto``, or the name of a backend: ``bubblewrap``, ``namespaces``, ``none``.
        ``auto`` takes the best isolation that this machine can build, and never none.
    device : {'auto', 'cpu'}
        ``auto`` lets the entry use the GPU where there is one.

    Raises
    ------
    IsolationError
        The isolation asked for cannot be had here, or the interpreter does not start in it.
    """
    plan = PredictionPlan(images, order, probabilities=probabilities)
    run = run_requests(zip_path, plan.requests, n_classes, limits, scratch=scratch, isolation=isolation, device=device)
    return plan.put_back(run)


def run_requests(
    zip_path: Path,
    requests: Sequence[PredictionRequest],
    n_classes: int,
    limits: Limits,
    *,
    scratch: Path,
    isolation: Choice = AUTO,
    device: Device = "auto",
) -> EntryRun:
    """Run a submission on `requests`, in their order, the needed ones first; otherwise as `run_entry`."""
    if sorted(requests, key=lambda one: (not one.needed, one.method)) != list(requests):
        raise ValueError("The requests that are needed stand first, and those that ask for probabilities last.")
    with scratch_folder(scratch) as folder:
        paths = RunPaths.at(folder, len(requests))
        # What two requests show lies there once.
        at = {id(one.images): path for path, one in zip(paths.images, requests, strict=True)}
        paths = replace(paths, images=tuple(at[id(one.images)] for one in requests))
        for name in ("entry", "images", "out", "work", "tmp", "root"):
            (folder / name).mkdir()
        try:
            notes = unpack(zip_path, folder / "entry", limits)
        except RefusedZip as refusal:
            return EntryRun(Outcome.REFUSED, "refused", message=refusal.message, hint=refusal.hint)
        for path, one in dict(zip(paths.images, requests, strict=True)).items():
            np.save(path, np.ascontiguousarray(one.images), allow_pickle=False)
        _open_to_read(folder)
        # In the order of `paths.answers`.
        answers = (
            HEADER_BYTES + 8 * n_images(requests, PREDICT),
            HEADER_BYTES + 4 * n_classes * n_images(requests, PREDICT_PROBA),
            REPORT_BYTES,
        )
        started = _start(paths, requests, n_classes, limits, isolation, device, answers)
        with contextlib.ExitStack() as stack:
            predictions, probabilities, report = map(stack.enter_context, started.watched.answers)
            told = read_report(report)
            resolved = resolve_outcome(started.watched, told, predictions, probabilities, requests, n_classes, limits)
        missing = tuple(one for one in RESTRICTIONS if one not in started.restrictions)
        return replace(
            resolved,
            isolation=started.backend.name,
            restrictions=started.restrictions,
            missing_restrictions=missing,
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
    paths: RunPaths,
    requests: Sequence[PredictionRequest],
    n_classes: int,
    limits: Limits,
    isolation: Choice,
    device: Device,
    answers: Sequence[int],
) -> _Started:
    """Run in the isolation asked for, or in the best that turns out to work.

    There is no probe: a machine may have the program and forbid its use, and only a start can tell.  `child.py` says
    when it is ready, before any of the entrant's code; what ends earlier is no entry's fault, and the next is tried.
    """
    told = [
        {"name": one.name, "batches": one.batches, "needed": one.needed, "method": one.method}
        | ({"begin_within_s": PROBABILITIES_WITHIN * limits.time_s} if one.method == PREDICT_PROBA else {})
        for one in requests
    ]
    backends, remedy = chosen(isolation)
    reasons = []
    for backend in backends:
        pair = socket.socketpair()
        answer_bytes = sum(answers) + len(answers) * PAGE
        try:
            built = command(backend, paths, told, n_classes, limits, pair[1].fileno(), device, answer_bytes)
        except IsolationError as error:
            reasons.append(f"{backend.name}: {error.message}")
            for end in pair:
                end.close()
            continue
        with control_group((limits.memory_mb + scratch_mb(limits)) * MB, limits.processes + WRAPPERS) as group:
            watched = watch(
                built.argv,
                built.environment,
                pair,
                limits,
                pid_namespace=backend.sandboxed,
                answers=answers,
                group=group,
            )
        if watched.ready:
            in_force = {*backend.restrictions, *msgspec.json.decode(watched.told[0], type=list[str])}
            restrictions = tuple(one for one in RESTRICTIONS if one in in_force)
            return _Started(backend, restrictions, group is not None, watched)
        for file in watched.answers:
            file.close()
        reasons.append(f"{backend.name}: {printable(watched.log.strip()[-500:]) or f'exit code {watched.returncode}'}")
    raise IsolationError(f"No entry can run here with isolation {isolation!r}: {'; '.join(reasons)}.", remedy)
