"""What stands for the worker's containers: the same places under ``/app``, in a sandbox, with this interpreter.

A submission is a stranger's: no network, no file of the host but the system and the interpreter, read-only, a user
that owns nothing, and an end to time, memory, processes and disk.  Two containers of one step share its clock.
"""

from __future__ import annotations

import contextlib
import functools
import os
import select
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import IsolationError
from harness.sandbox.backends import AUTOMATIC
from harness.sandbox.isolation import Backend, job_for
from harness.sandbox.layout import MB, Bind, Layout
from harness.sandbox.process_tree import start
from harness.sandbox.sandbox_command import counts_its_own_processes
from harness.sandbox.watch import DESCRIPTORS, Ends, Log
from harness.tree import DEPTH, walk

LOG_BYTES = 256_000
POLL_S = 0.05
LOOK_S = 0.25  # between two looks at memory and disk
PROCESSES = 1024  # the worker sets no limit; a fork bomb is not to reach this machine
OPEN_FILES = 65536
FILES = 100_000  # files and folders of a step: they lie on this machine's disk, which has only so many
NOT_FOUND = 127
START_S = 120.0  # for a sandbox to stand on a busy machine
# Becomes the command, found by PATH, as a container's start does; the socket it was told by is not the command's.
START = (
    "import os, sys\n"
    "os.closerange(3, 65536)\n"
    "try:\n"
    "    os.execvp(sys.argv[1], sys.argv[1:])\n"
    "except OSError as error:\n"
    f"    sys.exit(print(f'exec: {{sys.argv[1]!r}}: {{error.strerror}}', file=sys.stderr) or {NOT_FOUND})\n"
)
PASSED_ON = ("KERAS_BACKEND", "OMP_NUM_THREADS", "TZ")


@dataclass(frozen=True)
class StepLimits:
    """What one step may use on this machine; the worker itself limits time alone."""

    time_s: float
    memory_mb: int
    disk_mb: int
    files: int = FILES  # and folders


@dataclass(frozen=True)
class Container:
    """A command, and the folders of the host it sees, by the place where it sees them."""

    kind: str  # "program" or "ingestion"
    command: str
    mounts: tuple[tuple[Path, str], ...]  # read-write, as on the worker
    root: Path  # an empty folder of the host, on which its file system may be built


@dataclass(frozen=True)
class Ended:
    """How a container ended."""

    kind: str
    command: str
    exit_code: int | None  # None: it was stopped
    seconds: float
    peak_memory_mb: float
    stdout: str
    stderr: str


@dataclass(frozen=True)
class StepEnd:
    """How all containers of a step ended; `stopped` names the limit that ended them, if one did."""

    ended: tuple[Ended, ...]
    stopped: str = ""


class Running:
    """One container under way."""

    def __init__(self, container: Container, backend: Backend) -> None:
        self.container = container
        self.told_reader, told = socket.socketpair()
        self.told, self.scratch = b"", Ends(())
        try:
            with told:
                command = argv(container, backend, told.fileno())
                self.tree = start(command, _environment(), told.fileno(), stderr=subprocess.PIPE)
        except BaseException:
            self.told_reader.close()
            raise
        self.process = self.tree.process
        assert self.process.stdout is not None and self.process.stderr is not None
        self.logs = {self.process.stdout.fileno(): Log(LOG_BYTES), self.process.stderr.fileno(): Log(LOG_BYTES)}
        self.texts = tuple(self.logs.values())
        for end in (*self.logs, self.told_reader.fileno()):
            os.set_blocking(end, False)
        self.peak = 0
        self.started = time.monotonic()
        self.seconds = 0.0

    def read(self, end: int) -> bool:
        """Take in what is there; False when there is nothing now."""
        try:
            data = os.read(end, 1 << 16)
        except BlockingIOError:
            return False
        if data:
            self.logs[end].add(data)
        else:
            self.logs.pop(end)
        return bool(data)

    def hear(self) -> None:
        """Take in what `restrict.py` tells: that the sandbox stands, and descriptors of its folders of memory."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            told, ends, _, _ = socket.recv_fds(self.told_reader, 1 << 12, DESCRIPTORS)
            self.told += told
            self.scratch.take(ends)

    def close(self) -> None:
        """Leave nothing of it alive, with all read that it has said."""
        self.seconds = self.seconds or time.monotonic() - self.started
        self.tree.end(pid_namespace=True)
        for end in list(self.logs):
            while self.read(end):
                pass
        self.hear()
        self.told_reader.close()
        self.scratch.close()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def ended(self, *, stopped: bool) -> Ended:
        """Tell how it ended, when it is closed.

        Raises
        ------
        IsolationError
            It was not stopped, and never stood.
        """
        out, err = (log.text() for log in self.texts)
        if not self.told and not stopped:
            why = " ".join(err.split())[-300:] or f"exit code {self.process.returncode}"
            raise IsolationError(f"it did not start: {why}", "")
        code = None if stopped else self.process.returncode
        return Ended(self.container.kind, self.container.command, code, self.seconds, self.peak / MB, out, err)


def run_containers(containers: Sequence[Container], limits: StepLimits, folders: Sequence[Path]) -> StepEnd:
    """Run the containers of one step side by side, and leave no process of them alive.

    Parameters
    ----------
    containers : sequence of Container
    limits : StepLimits
    folders : sequence of Path
        Those that the containers may write, for the limit on disk space.

    Raises
    ------
    IsolationError
        No sandbox can be built here.
    """
    backend = best_isolation()
    running: list[Running] = []
    with contextlib.ExitStack() as open_ones:  # all are closed, whatever becomes of one
        for container in containers:
            running.append(Running(container, backend))
            open_ones.callback(running[-1].close)
        stopped = _watch(running, limits, folders)
        alive = [one.process.poll() is None for one in running]
    ends = [one.ended(stopped=bool(stopped) and lives) for one, lives in zip(running, alive, strict=True)]
    return StepEnd(tuple(ends), stopped)


def _watch(running: Sequence[Running], limits: StepLimits, folders: Sequence[Path]) -> str:
    """Return when all have ended, with "", or when a limit is passed, with its name."""
    started = next_look = time.monotonic()
    while living := [one for one in running if one.process.poll() is None]:
        now = time.monotonic()
        if now - started > limits.time_s:
            return "time"
        if now >= next_look:
            total = 0
            for one in living:
                if not one.told:
                    one.hear()
                if one.scratch.too_many():
                    return "scratch"
                memory, _ = one.tree.measure()
                one.peak = max(one.peak, memory)
                total += memory
            if total > limits.memory_mb * MB:
                return "memory"
            if passed := passed_on_disk(folders, limits):
                return passed
            next_look = time.monotonic() + max(LOOK_S, 10 * (time.monotonic() - now))
        ends = {end: one for one in living for end in one.logs}
        for end in select.select(list(ends), [], [], POLL_S)[0]:
            ends[end].read(end)
        if not ends:
            time.sleep(POLL_S)
        for one in living:
            if one.process.poll() is not None:
                one.seconds = time.monotonic() - one.started
    return passed_on_disk(folders, limits)  # between two looks there is time for a million files


def passed_on_disk(folders: Sequence[Path], limits: StepLimits) -> str:
    """Return which limit is passed by what lies in folders that strangers may be writing: "disk", "files" or "depth".

    A file counts by what it says it holds, too: a copy of it would hold all of that.  The look ends where a limit is
    passed, so that it takes no longer than the limits allow.
    """
    size = n_files = 0
    for folder in folders:
        for item in walk(folder):
            n_files += 1
            with contextlib.suppress(OSError):  # gone by now
                status = item.status()
                size += max(status.st_blocks * 512, status.st_size)
            if size > limits.disk_mb * MB:
                return "disk"
            if n_files > limits.files:
                return "files"
            if item.level >= DEPTH:
                return "depth"
    return ""


def split_command(command: str) -> list[str]:
    """Split a command as Docker's client does: no shell, so no pipe, no variable, no ``&&``.

    Examples
    --------
    >>> split_command("python3 scoring.py '/app/in put' && echo done")
    ['python3', 'scoring.py', '/app/in put', '&&', 'echo', 'done']
    """
    return shlex.split(command)


@functools.cache
def best_isolation() -> Backend:
    """Return the best isolation that starts here, which is tried once.

    Raises
    ------
    IsolationError
        None does.
    """
    reasons = []
    for backend in AUTOMATIC:
        try:
            with (
                tempfile.TemporaryDirectory() as root,
                contextlib.closing(Running(Container("program", "true", (), Path(root)), backend)) as trial,
            ):
                trial.process.wait(START_S)
            trial.ended(stopped=False)
            return backend
        except IsolationError as error:
            reasons.append(f"{backend.name}: {error.message}")
        except subprocess.TimeoutExpired:
            reasons.append(f"{backend.name}: it did not start within {START_S:.0f} s")
    raise IsolationError(
        f"Nothing stands here for the worker's containers: {'; '.join(reasons)}.",
        "Install bubblewrap (Debian, Ubuntu: sudo apt install bubblewrap), or allow user namespaces "
        "(sysctl user.max_user_namespaces).",
    )


def argv(container: Container, backend: Backend, tell: int) -> list[str]:
    """Return the command line that starts a container, in the same sandbox as an entry at home.

    Raises
    ------
    IsolationError
        What builds the sandbox is not there.
    """
    layout = Layout.around(
        [Bind(str(host), seen, writable=True) for host, seen in container.mounts],
        folders=["/app/data", "/app/program"],
        start="/app/program",
    )
    limits = {"CORE": 1, "NOFILE": OPEN_FILES}
    if counts_its_own_processes():
        limits["NPROC"] = PROCESSES
    command = [sys.executable, "-I", "-S", "-B", "-c", START, *split_command(container.command)]
    return backend.command(layout, container.root, job_for(command, layout, limits=limits, tell=tell))


def _environment() -> dict[str, str]:
    """Return all the variables a container gets; `python3` is the interpreter that runs this."""
    ours = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp",
        "USER": "root",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    return ours | {name: os.environ[name] for name in PASSED_ON if name in os.environ}
