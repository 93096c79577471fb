"""A submission's ``fit.py`` in the sandbox: it sees its own folder and the public data, and its folder alone comes out.

The folder is memory inside the sandbox.  When the last process in it is dead, plain files are copied out of it through
a descriptor: nothing that is trained here writes to this machine's disk.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from harness.contest import Limits
from harness.errors import IsolationError, PackError, RefusedZip
from harness.pack import pack
from harness.runtimes.runtime import Runtimes
from harness.sandbox.backends import AUTO, Choice, chosen
from harness.sandbox.cgroup import control_group
from harness.sandbox.isolation import RESTRICTIONS, Backend, job_for
from harness.sandbox.layout import MB, Bind, Layout, Memory, open_to_entries, python_of
from harness.sandbox.outcome import EntryRun, Outcome
from harness.sandbox.run import OWN, asked_runtime, open_to_read
from harness.sandbox.sandbox_command import (
    Command,
    Device,
    environment,
    gpu_devices,
    process_limit,
    resource_limits,
    scratch_mb,
    work_mb,
)
from harness.sandbox.scratch import scratch_folder
from harness.sandbox.unpack import unpacked
from harness.sandbox.watch import SCRATCH_FILES, WRAPPERS, Log, Waiting, Watched, watch
from harness.tree import open_file, walk
from harness.words import printable

SCRIPT = "fit.py"
SEEN = Path("/sandbox")
FOLDER = "submission"  # in the working directory: what comes out
BY_STOP = {"time": Outcome.TIMED_OUT, "memory": Outcome.OUT_OF_MEMORY}  # others that stop it: killed
# What fails most often, by the last line of a traceback, and what to do.
REMEDIES = (
    (
        re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'"),
        "Put {0}.py beside it if it is yours; there is no network to install packages.",
    ),
    (
        re.compile(r"FileNotFoundError: .*: '([^']+)'"),
        "The public data are in the folder that is its first argument: sys.argv[1], with train.npz, val.npz and "
        "val_shifted.npz. Weights that come along are left out in the closed division.",
    ),
    (
        re.compile(r"gaierror|URLError|(?:Connection|Connect|NameResolution)Error|Network is unreachable"),
        "There is no network: train from the public data alone.",
    ),
    (re.compile(r"PermissionError|Read-only file system"), "It may write into its own folder and /tmp."),
    (re.compile(r"IndexError: list index out of range"), "It is called as: python fit.py PUBLIC SEED"),
)
# Copies the submission into the working directory, says that its code begins, and becomes ``fit.py PUBLIC SEED``.
START = (
    "import os, shutil, sys\n"
    "entry, work, public, seed, ready = sys.argv[1:]\n"
    f"work += '/{FOLDER}'\n"
    "shutil.copytree(entry, work, copy_function=shutil.copyfile)\n"
    "os.chdir(work)\n"
    "os.environ['PWD'] = work\n"
    "os.write(int(ready), b'ready\\n')\n"
    "os.close(int(ready))\n"
    f"os.execv(sys.executable, [sys.executable, '-s', '-B', '{SCRIPT}', public, seed])\n"
)


@dataclass(frozen=True)
class Training:
    """How a run of ``fit.py`` ended.

    Attributes
    ----------
    problem, hint : str
        Why nothing came of it, and what to do; empty where it ended well.  Of one line, printable.
    outcome : Outcome or None
        The word for that.
    subject : str
        The file or package that it is about, where there is one.
    log : str
        What it printed, its middle left out where it was longer than the limit, paths in its own folder and in that of
        Python without these.  It has seen public data alone.
    isolation, restrictions, missing_restrictions
        As on a score card.
    left_out : tuple of str
        What of its folder did not come out, since it is no plain file.
    wall_s, peak_memory_mb : float
    """

    problem: str = ""
    hint: str = ""
    outcome: Outcome | None = None
    subject: str = ""
    log: str = ""
    isolation: str = ""
    restrictions: tuple[str, ...] = ()
    missing_restrictions: tuple[str, ...] = ()
    left_out: tuple[str, ...] = field(default=())
    wall_s: float = 0.0
    peak_memory_mb: float = 0.0

    @property
    def failed(self) -> EntryRun | None:
        """How an entry ended whose training gave nothing; None where it gave something."""
        if self.outcome is None:
            return None
        return EntryRun(
            self.outcome,
            "fit",
            self.subject,
            self.problem,
            self.hint,
            log=self.log,
            isolation=self.isolation,
            restrictions=self.restrictions,
            missing_restrictions=self.missing_restrictions,
            seconds={"fit": self.wall_s},
            peak_memory_mb=self.peak_memory_mb,
        )


def train_twice(zip_path: Path, public: Path, out: Path, limits: Limits, **terms: Any) -> list[Training]:
    """Train a submission twice in the same way; ``1.zip`` and ``2.zip`` in `out` are what came of it.

    The arguments are those of `train_in_sandbox`.  A training that fails, or a zip that is not let in, is the last one,
    and then there are no zips.

    Raises
    ------
    IsolationError
    """
    done: list[Training] = []
    for name in ("1", "2"):
        try:
            training = train_in_sandbox(zip_path, public, out / name, limits, **terms)
        except RefusedZip as refusal:
            return [Training(refusal.message, refusal.hint, Outcome.REFUSED)]
        if training.outcome is None:
            try:
                pack(out / name, out / f"{name}.zip", limits)
            except PackError as error:
                told = error.message.replace(str(out / name), "the folder that it left")
                training = replace(
                    training, outcome=Outcome.FIT_FAILED, problem=f"{SCRIPT} ended, but {told}", hint=error.hint
                )
        done.append(training)
        if training.outcome is not None:
            for path in out.glob("*.zip"):
                path.unlink()
            break
    return done


def train_in_sandbox(
    zip_path: Path,
    public: Path,
    out: Path,
    limits: Limits,
    *,
    scratch: Path,
    seed: int = 0,
    isolation: Choice = AUTO,
    device: Device = "auto",
    runtimes: Runtimes = OWN,
    log: Log | None = None,
) -> Training:
    """Run the ``fit.py`` of a submission, and put the folder that it leaves into `out`.

    It is called as ``python fit.py PUBLIC SEED`` in a copy of the submission, in the runtime of its ``entry.toml``.

    Parameters
    ----------
    zip_path : Path
        The submission, trusted in nothing.
    public : Path
        The folder of public data, which it may read.
    out : Path
        Gets the files; made here, in a folder that is there.  Where it ended badly, it is not made.
    limits : Limits
        `fit_time_s` and `fit_memory_mb`; the others as for a run.
    scratch : Path
        As in `harness.sandbox.run.prepare_entry`, as are `isolation`, `device` and `runtimes`.
    seed : int
    log : Log, optional
        Takes what it prints, as it comes.

    Raises
    ------
    IsolationError
        The isolation asked for cannot be had here.
    RefusedZip
        The zip is not let in.
    """
    limits = msgspec.structs.replace(limits, time_s=limits.fit_time_s, memory_mb=limits.fit_memory_mb)
    backends, remedy = chosen(isolation)
    reasons = []
    with scratch_folder(scratch) as folder:
        entry, work, tmp, root = (folder / name for name in ("given", "work", "tmp", "root"))
        for path in (entry, work, tmp, root):
            path.mkdir()
        with unpacked(zip_path, entry, limits) as (_, reader):
            _, runtime = asked_runtime(reader, zip_path.name, entry, runtimes, None)
        if not (entry / SCRIPT).is_file():
            raise RefusedZip(
                f"The zip has no {SCRIPT} at its top.",
                f"Put {SCRIPT} beside model.py: it trains the model, called as python {SCRIPT} PUBLIC SEED.",
            )
        open_to_read(entry)
        for backend in backends:
            taken = _Taken(out, limits)
            pair = socket.socketpair()
            try:
                built = _command(backend, folder, public, limits, seed, pair[1].fileno(), device, runtime.venv)
            except IsolationError as error:
                reasons.append(f"{backend.name}: {error.message}")
                for end in pair:
                    end.close()
                continue
            with contextlib.ExitStack() as stack:
                memory = (limits.memory_mb + scratch_mb(limits)) * MB
                group = stack.enter_context(control_group(memory, limits.processes + WRAPPERS))
                waiting = Waiting(built.argv, built.environment, pair, pid_namespace=backend.sandboxed, group=group)
                stack.callback(waiting.close)
                watched = watch(waiting, limits, (), log=log, at_end=taken.take if backend.sandboxed else None)
                if watched.ready:
                    if not backend.sandboxed:
                        at = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
                        stack.callback(os.close, at)
                        taken.take([at])
                    own = (SEEN if backend.sandboxed else folder) / "work" / FOLDER
                    told = printed(watched.log, own, runtime.venv or Path(sys.prefix))
                    return _ended(replace(watched, log=told), taken, backend, limits, runtimes)
            why = printable(watched.log.strip()[-500:]) or f"exit code {watched.returncode}"
            reasons.append(f"{backend.name}: {why}")
    raise IsolationError(f"Nothing can be trained here with isolation {isolation!r}: {'; '.join(reasons)}.", remedy)


def _command(
    backend: Backend,
    folder: Path,
    public: Path,
    limits: Limits,
    seed: int,
    ready: int,
    device: Device,
    venv: Path | None,
) -> Command:
    """Return the command that trains in the sandbox of a backend; it raises as `sandbox_command.command` does."""
    gpu = gpu_devices() if device == "auto" else []
    entry, work, data, layout = folder / "given", folder / "work", public.resolve(), None
    python = sys.executable if venv is None else python_of(venv)
    if backend.sandboxed:
        if place := open_to_entries(folder):
            raise IsolationError(
                f"the workspace lies in {place}, which every entry may read; choose another --workspace", ""
            )
        seen = [SEEN / name for name in ("entry", "public", "work")]
        binds = [Bind(str(entry), str(seen[0])), Bind(str(data), str(seen[1]))]
        layout = Layout.around(binds, memory=[Memory(str(seen[2]), work_mb(limits) * MB)], gpu=gpu, venv=venv)
        entry, data, work = seen
        python = layout.python
    variables = environment("/tmp" if backend.sandboxed else str(folder / "tmp"))
    if device == "cpu":
        variables["CUDA_VISIBLE_DEVICES"] = ""
    argv = [python, "-P", "-s", "-B", "-c", START, str(entry), str(work), str(data), str(seed), str(ready)]
    job = job_for(argv, layout, limits=resource_limits(limits, gpu) | process_limit(limits, backend), tell=ready)
    return Command(backend.command(layout, folder / "root", job), variables)


class _Taken:
    """The plain files of a folder that a stranger has filled, copied out."""

    def __init__(self, out: Path, limits: Limits) -> None:
        self.out, self.limits = out, limits
        self.left_out: list[str] = []
        self.problem = ""

    def take(self, scratch: Sequence[int]) -> None:
        """Copy from the last folder of memory, the working directory: no process can change it any more."""
        self.out.mkdir()
        try:
            left = os.open(FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=scratch[-1])
        except OSError as error:
            self.problem = f"its folder is gone: {error.strerror}"
            return
        try:
            self._copy(left)
        finally:
            os.close(left)

    def _copy(self, left: int) -> None:
        n_files = size = 0
        for item in walk(left):
            n_files += 1
            if n_files > self.limits.files:
                self.problem = f"it left more than {self.limits.files} files and folders"
                return
            place = self.out / item.path
            try:
                if item.is_folder:
                    place.mkdir()
                    continue
                size += item.status().st_size  # what it says it holds: a copy would hold all of that
                if size > self.limits.unpacked_mb * MB:
                    self.problem = f"it left more than {self.limits.unpacked_mb} MB"
                    return
                source = os.fdopen(open_file(item), "rb")
            except OSError as error:
                self.left_out.append(f"{printable(item.path)[:200]}: {error.strerror}")
                continue
            with source, place.open("xb") as target:
                shutil.copyfileobj(source, target)


def printed(log: str, *folders: Path) -> str:
    """Return what was printed with paths in these folders relative to them: they tell of this machine.

    Examples
    --------
    >>> printed('File "/sandbox/work/fit.py", line 3', Path("/sandbox/work"))
    'File "fit.py", line 3'
    """
    for folder in folders:
        log = log.replace(f"{folder}{os.sep}", "")
    return log


class _Failure(NamedTuple):
    outcome: Outcome
    problem: str
    hint: str
    subject: str = ""


def _ended(watched: Watched, taken: _Taken, backend: Backend, limits: Limits, runtimes: Runtimes) -> Training:
    in_force = {*backend.restrictions, *json.loads(watched.told[0])}
    failure = _failure(watched, limits, runtimes)
    if not failure and taken.problem:
        hint = "Leave what model.py reads, and nothing else."
        failure = _Failure(Outcome.FIT_FAILED, f"{SCRIPT} ended, but {taken.problem}.", hint)
    if failure:
        shutil.rmtree(taken.out, ignore_errors=True)
    return Training(
        **failure._asdict() if failure else {},
        log=watched.log,
        isolation=backend.name,
        restrictions=tuple(one for one in RESTRICTIONS if one in in_force),
        missing_restrictions=tuple(one for one in RESTRICTIONS if one not in in_force),
        left_out=tuple(taken.left_out),
        wall_s=watched.wall_s,
        peak_memory_mb=watched.peak_memory_mb,
    )


def _failure(watched: Watched, limits: Limits, runtimes: Runtimes) -> _Failure | None:
    """Return why a training ended badly, and what to do; None where it did not."""
    if watched.stopped:
        if watched.stopped == "time":
            told = f"after {watched.wall_s:.0f} s; it may take {limits.time_s} s"
            hint = "Train for less: the rule fit_time_s is the same for all."
        elif watched.stopped == "memory":
            told = f"at {watched.peak_memory_mb:.0f} MB of memory; it may use {limits.memory_mb} MB"
            hint = "Read images in parts, and copy none as float: the rule fit_memory_mb is the same for all."
        elif watched.stopped == "processes":
            told, hint = f"with more than {limits.processes} processes and threads", "Start fewer."
        else:
            told, hint = f"with more than {SCRATCH_FILES} files", "Keep what you need in few files."
        return _Failure(BY_STOP.get(watched.stopped, Outcome.KILLED), f"{SCRIPT} was stopped {told}.", hint)
    if not watched.returncode:
        return None
    lines = watched.log.strip().splitlines() or ["it printed nothing"]
    last = printable(lines[-1])[:300]
    hint, subject = "Run it at home, in its folder: python fit.py PUBLIC SEED", ""
    for form, remedy in REMEDIES:
        if found := form.search(last):
            subject = found[1] if form.groups else ""
            hint = remedy.format(subject)
            if form is REMEDIES[0][0]:
                hint = runtimes.with_module(subject.partition(".")[0]) or hint
            break
    problem = f"{SCRIPT} ended with exit code {watched.returncode}; the last that it printed: {last}"
    return _Failure(Outcome.FIT_FAILED, problem, hint, subject)
