"""A process and all its descendants, watched from outside: time, memory, processes, log; none survives."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

import psutil

from harness.contest import Limits
from harness.sandbox.cgroup import Group

KB, MB = 1000, 1_000_000
POLL_S = 0.05  # between two looks at memory and processes ...
POLL_SHARE = 0.05  # ... or so long that looking costs at most this share of one core
DEATH_S = 10.0  # for the kernel to clear away what was killed; gigabytes take a while
# For sandbox and interpreter to stand, with what is imported ahead, on a busy machine; the entry's own clock starts
# after that.
START_S = 300.0
READY = b"ready\n"  # what the command tells when the entrant's code begins
TOLD_BYTES = 64 * KB  # what is read of the socket for "ready"; an honest child writes 300 bytes
DESCRIPTORS = 16  # that are taken from it; `restrict.py` sends 6
# In all folders of memory together.  A submission may hold 2,000, and an empty one costs the kernel a kilobyte that no
# size limit counts.
SCRATCH_FILES = 20_000
FLOOR_SHARE, FLOOR_BYTES = 0.04, 300 * MB  # memory that stays with the machine, whoever has taken the rest
WRAPPERS = 4  # processes of the sandbox itself, which are not the entry's


Stopped = Literal["", "time", "memory", "processes", "files", "answers"]


@dataclass(frozen=True)
class Watched:
    """What was seen of a process from outside.

    Attributes
    ----------
    told : tuple of str
        Lines it wrote to the descriptor it was given for that.
    ready : bool
        Whether it told that the entrant's code begins.
    stopped : {'', 'time', 'memory', 'processes', 'files', 'answers'}
        The limit for which it was killed, if it was.
    returncode : int
        As `subprocess.Popen` has it: negative for a signal.
    wall_s : float, seconds
        Since the entrant's code began.
    peak_memory_mb : float
        Resident memory of all processes together; a page that two share counts twice.
    log : str
    answers : tuple of binary file
        What it was given to write into, by the file itself and not by its name; nobody is left to write them.
    """

    told: tuple[str, ...]
    ready: bool
    stopped: Stopped
    returncode: int
    wall_s: float
    peak_memory_mb: float
    log: str
    answers: tuple[BinaryIO, ...] = ()


class Log:
    """The first and the last half of what is written to it, never more than `capacity` bytes.

    Examples
    --------
    >>> log = Log(8)
    >>> log.add(b"abcdefgh")
    >>> log.text()
    'abcdefgh'
    >>> log.add(b"ijkl")
    >>> print(log.text())
    abcd
    [... 4 bytes cut out here, the log may have 8 ...]
    ijkl
    """

    def __init__(self, capacity: int) -> None:
        self.half = capacity // 2
        self.head, self.tail = bytearray(), bytearray()
        self.n_written = 0

    def add(self, data: bytes) -> None:
        """Take `data` in; what is neither first nor last is forgotten."""
        self.n_written += len(data)
        free = self.half - len(self.head)
        self.head += data[:free]
        self.tail += data[free:]
        del self.tail[: -self.half]

    def text(self) -> str:
        """Return what is kept; bytes that are no UTF-8 become replacement characters."""
        n_cut = self.n_written - len(self.head) - len(self.tail)
        said = f"\n[... {n_cut} bytes cut out here, the log may have {2 * self.half} ...]\n".encode() if n_cut else b""
        return bytes(self.head + said + self.tail).decode(errors="replace")


class ProcessTree:
    """A process and its descendants.

    Parameters
    ----------
    process : subprocess.Popen
    mark : str
        A variable, ``NAME=value``, that stands in the environment of `process` and of nothing else.  Where there is no
        PID namespace, it finds descendants that have cut themselves loose.
    """

    def __init__(self, process: subprocess.Popen[bytes], mark: str) -> None:
        self.process = process
        self.root = psutil.Process(process.pid)
        self.mark = mark
        self.seen: set[psutil.Process] = {self.root}

    def members(self) -> list[psutil.Process]:
        """Return those alive now, as far as parents lead to them."""
        try:
            found = [self.root, *self.root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []
        self.seen.update(found)
        return found

    def measure(self) -> tuple[int, int]:
        """Return resident memory in bytes and the number of threads, both over all members."""
        memory = threads = 0
        for member in self.members():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied), member.oneshot():
                memory += member.memory_info().rss
                threads += _n_threads(member)
        return memory, threads

    def end(self, *, pid_namespace: bool) -> None:
        """Kill every member and wait until the kernel has cleared them away.

        With a PID namespace the death of its first process is the death of all; without one, members are looked for
        until a look finds none, since they may multiply meanwhile.
        """
        give_up = time.monotonic() + DEATH_S
        while True:
            members = {*self.members(), *self.seen}
            if not pid_namespace:
                members |= self._marked()
            living = [member for member in members if _is_alive(member)]
            for member in living:
                with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    member.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.01)
            if not living and self.process.returncode is not None:
                return
            if time.monotonic() > give_up:
                raise RuntimeError(f"Processes {sorted(member.pid for member in living)} do not die.")
            psutil.wait_procs(living, timeout=0.05)

    def _marked(self) -> set[psutil.Process]:
        """Return the processes that were born with the mark; one that clears its environment as it starts escapes."""
        name, _, value = self.mark.partition("=")
        found = set()
        for other in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if other.environ().get(name) == value:
                    found.add(other)
        return found


def start(argv: list[str], environment: dict[str, str], tell: int, *, stderr: int) -> ProcessTree:
    """Start a command with a mark by which its descendants are known; `tell` is a descriptor that it inherits.

    Parameters
    ----------
    stderr : int
        ``subprocess.PIPE`` or ``subprocess.STDOUT``.
    """
    name, value = "HEMOBENCH_RUN", os.urandom(16).hex()
    process = subprocess.Popen(
        argv,
        env={**environment, name: value},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        pass_fds=(tell,),
        start_new_session=True,
    )
    return ProcessTree(process, f"{name}={value}")


def _n_threads(process: psutil.Process) -> int:
    """Return the number of threads; not as ``status`` of ``/proc`` tells it, where a process's own name stands, too."""
    try:
        return os.stat(f"/proc/{process.pid}/task").st_nlink - 2  # noqa: PTH116 - hundreds of times a second
    except OSError:  # gone by now, or a system without /proc
        return process.num_threads()


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Ends:
    """The descriptors that `restrict.py` sends: the files of the answers, then the folders of memory.

    Parameters
    ----------
    sizes : sequence of int, bytes
        The largest size of each answer.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = sizes
        self.answers: tuple[BinaryIO, ...] = ()
        self.scratch: list[int] = []

    def take(self, descriptors: Sequence[int]) -> None:
        """Take over what came with one message; only the first that brings any is that of `restrict.py`."""
        if self.answers or self.scratch or len(descriptors) < len(self.sizes):
            for end in descriptors:
                os.close(end)
            return
        self.answers = tuple(os.fdopen(end, "rb") for end in descriptors[: len(self.sizes)])
        self.scratch = list(descriptors[len(self.sizes) :])

    def too_large(self) -> bool:
        """Return whether more was written into an answer than belongs there."""
        return any(
            os.fstat(file.fileno()).st_size > largest for file, largest in zip(self.answers, self.sizes, strict=False)
        )

    def too_many(self) -> bool:
        """Return whether there are more than `SCRATCH_FILES` files in the folders of memory."""
        found = (os.fstatvfs(folder) for folder in self.scratch)
        return sum(one.f_files - one.f_ffree for one in found) > SCRATCH_FILES

    def close(self) -> None:
        """Let go of the folders, and so of the memory; the answers are the reader's to close."""
        for folder in self.scratch:
            os.close(folder)
        self.scratch.clear()


def _machine_is_full() -> bool:
    """Return whether hardly any memory is left: what an entry holds without mapping it is not in its resident size."""
    memory = psutil.virtual_memory()
    return bool(memory.available < max(FLOOR_SHARE * memory.total, FLOOR_BYTES))


class Waiting:
    """A command that was started and waits for its entry.

    Parameters
    ----------
    argv : list of str
    environment : dict of str to str
        All of it.
    pair : tuple of socket
        Ours, and the one that the command gets under the same number, to send descriptors, to learn that its entry is
        there, and to tell when it is `READY`.  Both are closed in the end.
    pid_namespace : bool
        Whether the command makes a PID namespace, with which its descendants die.
    group : Group or None
        The control group that the command is put into.
    """

    def __init__(
        self,
        argv: list[str],
        environment: dict[str, str],
        pair: tuple[socket.socket, socket.socket],
        *,
        pid_namespace: bool,
        group: Group | None,
    ) -> None:
        self.pid_namespace, self.group = pid_namespace, group
        self.ours, theirs = pair
        try:
            with theirs:
                argv = group.entered(argv) if group else argv
                self.tree = start(argv, environment, theirs.fileno(), stderr=subprocess.STDOUT)
        except BaseException:
            self.ours.close()
            raise

    def hand_over(self) -> None:
        """Tell the command that its entry is there; one that has ended by now cannot be told, as `watch` will see."""
        with contextlib.suppress(OSError):
            self.ours.send(b"\n")

    def close(self) -> None:
        """Leave no process of it alive, also where it was never handed an entry."""
        self.tree.end(pid_namespace=self.pid_namespace)
        assert self.tree.process.stdout is not None
        self.tree.process.stdout.close()
        self.ours.close()


def watch(waiting: Waiting, limits: Limits, answers: Sequence[int]) -> Watched:
    """Watch a command, whose entry was handed over, until it ends or passes a limit; leave no process of it alive.

    Parameters
    ----------
    waiting : Waiting
    limits : Limits
        `time_s`, `memory_mb`, `processes` and `log_kb`.
    answers : sequence of int, bytes
        The largest size of each file that the command is to write.
    """
    tree, ours = waiting.tree, waiting.ours
    process = tree.process
    assert process.stdout is not None
    output, reader = process.stdout.fileno(), ours.fileno()
    for end in (output, reader):
        os.set_blocking(end, False)
    log, told, ends = Log(limits.log_kb * KB), bytearray(), Ends(answers)
    stopped: Stopped = ""
    peak = 0
    open_ends = {output, reader}
    ready = False
    next_look = started = time.monotonic()

    def read(end: int) -> bool:
        """Take in what is there; False when there is nothing now."""
        try:
            if end == reader:
                data, descriptors, _, _ = socket.recv_fds(ours, 1 << 16, DESCRIPTORS)
                ends.take(descriptors)
            else:
                data = os.read(end, 1 << 16)
        except BlockingIOError:
            return False
        except ConnectionError:  # closed with something unread
            data = b""
        if not data:
            open_ends.discard(end)
        elif end == output:
            log.add(data)
        elif len(told) < TOLD_BYTES:
            told.extend(data)
        return bool(data)

    try:
        while process.poll() is None and not stopped:
            now = time.monotonic()
            if now >= next_look:
                memory, threads = tree.measure()
                peak = max(peak, memory)
                if memory > limits.memory_mb * MB or _machine_is_full():
                    stopped = "memory"
                elif threads > limits.processes + WRAPPERS:
                    stopped = "processes"
                elif ends.too_many():
                    stopped = "files"
                elif ends.too_large():
                    stopped = "answers"
                next_look = now + max(POLL_S, (time.monotonic() - now) / POLL_SHARE)
            if now - started > (limits.time_s if ready else START_S):
                stopped = "time"
            if not open_ends:  # nobody is left to write: the end is near
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(POLL_S)
            for end in select.select(list(open_ends), [], [], POLL_S if open_ends else 0)[0]:
                read(end)
            if not ready and told.endswith(READY):
                ready, started = True, time.monotonic()
    finally:
        wall_s = time.monotonic() - started
        tree.end(pid_namespace=waiting.pid_namespace)
        for end in (output, reader):
            while read(end):
                pass
        waiting.close()
        ends.close()
    if not stopped and ends.too_large():  # filled between two looks
        stopped = "answers"
    if waiting.group is not None and waiting.group.ran_out():
        stopped = "memory"
    return Watched(
        told=tuple(told.decode(errors="replace").splitlines()),
        ready=told.endswith(READY),
        answers=ends.answers,
        stopped=stopped,
        returncode=process.returncode,
        wall_s=wall_s,
        peak_memory_mb=peak / MB,
        log=log.text(),
    )
