"""One run of an entry: unpack, start in isolation, watch, read the labels, leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.ahead import at_once
from harness.contest import Limits
from harness.errors import IsolationError, RefusedZip, UnreadableError, UsageError
from harness.limited import Reader
from harness.runtimes.runtime import DEFAULT, Runtime, Runtimes
from harness.sandbox.backends import AUTO, Choice, chosen
from harness.sandbox.cgroup import control_group
from harness.sandbox.entry_file import EntryFile, read_entry_file
from harness.sandbox.isolation import RESTRICTIONS, Backend
from harness.sandbox.layout import MB
from harness.sandbox.outcome import EntryRun, Outcome
from harness.sandbox.prediction_plan import PREDICT, PREDICT_PROBA, PredictionPlan, PredictionRequest, n_images
from harness.sandbox.resolve_outcome import FirstAnswers, read_report, resolve_outcome
from harness.sandbox.sandbox_command import HIDDEN, IMAGES, Device, RunPaths, command, scratch_mb
from harness.sandbox.scratch import scratch_folder
from harness.sandbox.slow_imports import slow_imports
from harness.sandbox.unpack import unpacked
from harness.sandbox.untrusted import REPORT_BYTES, read_predictions
from harness.sandbox.watch import WRAPPERS, Waiting, Watched, watch
from harness.sandbox.wrong_files import WrongFile, explained, wrong_files
from harness.tree import walk
from harness.words import printable

OWN = Runtimes()
HEADER_BYTES = 4096  # more than NumPy writes before the labels
PAGE = 65_536  # the largest there is: a file takes whole ones
# They take about as long as the labels did.  Where loading and labels took more than this share of the time limit,
# nobody asks: the limit would end it.
PROBABILITIES_WITHIN = 0.5


@contextlib.contextmanager
def prepare_entry(
    zip_path: Path,
    images: Mapping[str, NDArray[np.uint8]],
    n_classes: int,
    limits: Limits,
    *,
    scratch: Path,
    order: int,
    hidden: Collection[str] = (),
    probabilities: bool = False,
    isolation: Choice = AUTO,
    device: Device = "auto",
    runtimes: Runtimes = OWN,
    runtime: str | None = None,
) -> Iterator[Callable[[], EntryRun]]:
    """Prepare a run of a submission on images, which returns its labels, or how it failed: see `prepare_requests`.

    The images of each split are handed over in an order of their own, and the labels are put back: an entry learns
    nothing from places.  A sample of all splits is then shown again, in another order and in other batch sizes.  What
    labels an image by itself gives the same labels.

    The `hidden` images come into the sandbox when all others are labelled: what was answered and printed until then is
    not made of them.

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
    hidden : collection of str
        Splits whose images are hidden; they follow the others in `images`.
    probabilities : bool
        Whether an entry that offers `predict_proba` is asked for them.
    isolation : str
        ``auto``, or the name of a backend: ``bubblewrap``, ``namespaces``, ``none``.
        ``auto`` takes the best isolation that this machine can build, and never none.
    device : {'auto', 'cpu'}
        ``auto`` lets the entry use the GPU where there is one.
    runtimes : Runtimes
        Those that it may ask for; by default there is our own environment alone.
    runtime : str, optional
        The one that it runs in, whatever its ``entry.toml`` says, by a word that `Runtimes.find` takes.

    Raises
    ------
    IsolationError
        The isolation asked for cannot be had here, or the interpreter does not start in it.
    """
    plan = PredictionPlan(images, order, hidden=hidden, probabilities=probabilities)
    with prepare_requests(
        zip_path,
        plan.requests,
        n_classes,
        limits,
        scratch=scratch,
        isolation=isolation,
        device=device,
        runtimes=runtimes,
        runtime=runtime,
    ) as finish:
        yield lambda: plan.put_back(finish())


@contextlib.contextmanager
def prepare_requests(
    zip_path: Path,
    requests: Sequence[PredictionRequest],
    n_classes: int,
    limits: Limits,
    *,
    scratch: Path,
    isolation: Choice = AUTO,
    device: Device = "auto",
    runtimes: Runtimes = OWN,
    runtime: str | None = None,
) -> Iterator[Callable[[], EntryRun]]:
    """Start an interpreter in its sandbox, and give the function that hands the submission over and runs it.

    The requests are run in their order, the needed ones first, hidden ones among them last; the rest is as in
    `prepare_entry`.  Until then the
    sandbox holds nothing of the submission; only the slow packages that it is sure to import are imported meanwhile.
    Others may be prepared or run at the same time: each has its own sandbox, and none is used twice.
    """
    if sorted(requests, key=lambda one: (not one.needed, one.method, one.needed and one.hidden)) != list(requests):
        raise ValueError(
            "The requests that are needed stand first, hidden ones after the others, and those that ask for "
            "probabilities last."
        )
    with scratch_folder(scratch) as folder, contextlib.ExitStack() as stack:
        paths = RunPaths.at(folder, [one.hidden for one in requests])
        # What two requests show lies there once.
        at = {id(one.images): path for path, one in zip(paths.images, requests, strict=True)}
        paths = replace(paths, images=tuple(at[id(one.images)] for one in requests))
        here = paths.below(folder / "aside")  # until it is handed over
        given = (here.entry, *(str(Path(here.given, one)) for one in (IMAGES, HIDDEN)), paths.given)
        for path in (*given, str(folder / "out"), paths.work):
            Path(path).mkdir(parents=True)
        for path in (paths.tmp, paths.root):
            Path(path).mkdir()
        try:
            with unpacked(zip_path, Path(here.entry), limits) as (notes, reader):
                declared, chosen_runtime = asked_runtime(reader, zip_path.name, Path(here.entry), runtimes, runtime)
                imports: tuple[str, ...] = ()
                wrong: tuple[WrongFile, ...] = ()
                with contextlib.suppress(UnreadableError):
                    modules = frozenset() if chosen_runtime.own else chosen_runtime.modules
                    imports = reader.call(zip_path.name, slow_imports, Path(here.entry), modules)
                    wrong = reader.call(zip_path.name, wrong_files, Path(here.entry))
        except RefusedZip as refusal:
            refused = EntryRun(Outcome.REFUSED, "refused", message=refusal.message, hint=refusal.hint)
            yield lambda: refused
            return
        open_to_read(folder)
        later = _HiddenImages(Path(here.given, HIDDEN), Path(paths.given, HIDDEN), requests, n_classes)
        attempts = _Attempts(paths, requests, n_classes, limits, isolation, device, imports, chosen_runtime, later)
        attempts.begin(stack)
        for path, one in dict(zip(here.images, requests, strict=True)).items():
            np.save(path, np.ascontiguousarray(one.images), allow_pickle=False)
        open_to_read(Path(here.given))

        def finish() -> EntryRun:
            for name in (Path(here.entry).name, IMAGES):
                Path(here.given, name).rename(Path(paths.given, name))
            run = attempts.run()
            if run.code == "module_missing" and (hint := runtimes.with_module(run.subject.partition(".")[0])):
                run = replace(run, hint=hint)
            return replace(
                explained(run, wrong),
                notes=notes,
                runtime=chosen_runtime.name,
                runtime_lock=chosen_runtime.lock,
                declared=declared,
            )

        yield finish


run_entry, run_requests = at_once(prepare_entry), at_once(prepare_requests)


def asked_runtime(
    reader: Reader, name: str, entry: Path, runtimes: Runtimes, runtime: str | None
) -> tuple[EntryFile, Runtime]:
    """Return what an unpacked entry says of itself, and the environment that it is to run in.

    Raises
    ------
    RefusedZip
        Its ``entry.toml`` cannot be read, or names a runtime that it cannot have.
    """
    try:
        declared = reader.call(name, read_entry_file, entry)
    except UnreadableError as error:
        raise RefusedZip(error.message, error.hint) from error
    if runtime is not None:
        return declared, runtimes.find(runtime)
    try:
        return declared, runtimes.find(declared.runtime or DEFAULT)
    except UsageError as error:
        raise RefusedZip(f"entry.toml: {error.message}", error.hint) from error


def open_to_read(folder: Path) -> None:
    """Let the entry, who may be another user than ours, read what is laid out for it, whatever the umask is.

    The folder itself keeps everybody else out.
    """
    for item in walk(folder):
        os.chmod(item.entry.name, 0o755 if item.is_folder else 0o644, dir_fd=item.folder)


class _HiddenImages:
    """The images that an entry is given when it has labelled all others, and what it had said by then."""

    def __init__(self, folder: Path, given: Path, requests: Sequence[PredictionRequest], n_classes: int) -> None:
        self.folder, self.given, self.n_classes = folder, given, n_classes
        self.n_first = sum(len(one.images) for one in requests if one.needed and not one.hidden)
        self.n_all = n_images(requests, PREDICT)
        self.are_there = any(one.hidden for one in requests)
        self.first: FirstAnswers | None = None

    def is_due(self, answers: Sequence[BinaryIO]) -> bool:
        labels = read_predictions(answers[0], self.n_all, self.n_classes, n_needed=self.n_first)
        if isinstance(labels, str):
            return False
        self.first = FirstAnswers(labels[: self.n_first], read_report(answers[-1]))
        return True

    def hand_over(self) -> None:
        self.folder.rename(self.given)


class _Attempts:
    """A run in the isolation asked for, or in the best that turns out to work.

    There is no probe: a machine may have the program and forbid its use, and only a start can tell.  `child.py` says
    when it is ready, before any of the entrant's code; what ends earlier is no entry's fault, and the next is tried:
    first the same without what was to be imported ahead, then the next isolation.
    """

    def __init__(
        self,
        paths: RunPaths,
        requests: Sequence[PredictionRequest],
        n_classes: int,
        limits: Limits,
        isolation: Choice,
        device: Device,
        imports: tuple[str, ...],
        runtime: Runtime,
        later: _HiddenImages,
    ) -> None:
        self.runtime, self.later = runtime, later
        self.paths, self.requests, self.n_classes, self.limits = paths, requests, n_classes, limits
        self.isolation, self.device = isolation, device
        self.told = [
            {"name": one.name, "n": len(one.images), "batches": one.batches, "needed": one.needed, "method": one.method}
            | ({"begin_within_s": PROBABILITIES_WITHIN * limits.time_s} if one.method == PREDICT_PROBA else {})
            for one in requests
        ]
        # In the order of `paths.answers`.
        self.answers = (
            HEADER_BYTES + 8 * n_images(requests, PREDICT),
            HEADER_BYTES + 4 * n_classes * n_images(requests, PREDICT_PROBA),
            REPORT_BYTES,
        )
        backends, self.remedy = chosen(isolation)
        self.left = [(backend, ahead) for backend in backends for ahead in dict.fromkeys((imports, ()))]
        self.reasons: list[str] = []
        self.begun: tuple[Backend, Waiting] | None = None

    def begin(self, stack: contextlib.ExitStack) -> None:
        """Start the first that can be started, to wait for its entry until `stack` ends it."""
        while self.left and self.begun is None:
            backend, imports = self.left.pop(0)
            pair = socket.socketpair()
            answer_bytes = sum(self.answers) + len(self.answers) * PAGE
            try:
                built = command(
                    backend,
                    self.paths,
                    self.told,
                    self.n_classes,
                    self.limits,
                    pair[1].fileno(),
                    self.device,
                    answer_bytes,
                    imports,
                    venv=self.runtime.venv,
                )
            except IsolationError as error:
                self.reasons.append(f"{backend.name}: {error.message}")
                for end in pair:
                    end.close()
                continue
            memory = (self.limits.memory_mb + scratch_mb(self.limits)) * MB
            group = stack.enter_context(control_group(memory, self.limits.processes + WRAPPERS))
            waiting = Waiting(built.argv, built.environment, pair, pid_namespace=backend.sandboxed, group=group)
            stack.callback(waiting.close)
            self.begun = backend, waiting

    def run(self) -> EntryRun:
        """Hand the entry over, and return how it ended."""
        with contextlib.ExitStack() as stack:
            while self.begun:
                (backend, waiting), self.begun = self.begun, None
                waiting.hand_over()
                watched = watch(waiting, self.limits, self.answers, self.later if self.later.are_there else None)
                files = [stack.enter_context(file) for file in watched.answers]
                if watched.ready:
                    in_force = {*backend.restrictions, *msgspec.json.decode(watched.told[0], type=list[str])}
                    return replace(
                        self._resolve(watched, *files),
                        isolation=backend.name,
                        restrictions=tuple(one for one in RESTRICTIONS if one in in_force),
                        missing_restrictions=tuple(one for one in RESTRICTIONS if one not in in_force),
                        control_group=waiting.group is not None,
                    )
                why = printable(watched.log.strip()[-500:]) or f"exit code {watched.returncode}"
                self.reasons.append(f"{backend.name}: {why}")
                self.begin(stack)
        reasons = "; ".join(dict.fromkeys(self.reasons))
        raise IsolationError(f"No entry can run here with isolation {self.isolation!r}: {reasons}.", self.remedy)

    def _resolve(self, watched: Watched, predictions: BinaryIO, probabilities: BinaryIO, report: BinaryIO) -> EntryRun:
        return resolve_outcome(
            watched,
            read_report(report),
            predictions,
            probabilities,
            self.requests,
            self.n_classes,
            self.limits,
            first=self.later.first,
        )
