"""A process and all its descendants, watched from outside: time, memory, processes, log; none survives."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol

import psutil

from harness.contest import Limits
from harness.sandbox.cgroup import Group
from harness.sandbox.process_tree import start

KB, MB = 1000, 1_000_000
POLL_S = 0.05  # between two looks at memory and processes ...
HANDOVER_POLL_S = 0.01  # between two looks at answers that something more is handed over for
PIPE_READS = 16  # of 64 KiB: no pipe holds more, and who goes on printing meanwhile does not hold anything up
POLL_SHARE = 0.05  # ... or so long that looking costs at most this share of one core
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
    later_log : str
        What was printed after what came later had been handed over.
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
    later_log: str = ""
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
        # Without a buffer: they are read while they are written.
        self.answers = tuple(os.fdopen(end, "rb", buffering=0) for end in descriptors[: len(self.sizes)])
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


class Handover(Protocol):
    """What is handed over later, when something has been answered."""

    def is_due(self, answers: Sequence[BinaryIO]) -> bool:
        """Say whether that has been answered, by the files of the answers as they are now."""

    def hand_over(self) -> None:
        """Put it within reach."""


def watch(
    waiting: Waiting,
    limits: Limits,
    answers: Sequence[int],
    later: Handover | None = None,
    *,
    log: Log | None = None,
    at_end: Callable[[Sequence[int]], None] | None = None,
) -> Watched:
    """Watch a command, whose entry was handed over, until it ends or passes a limit; leave no process of it alive.

    Parameters
    ----------
    waiting : Waiting
    limits : Limits
        `time_s`, `memory_mb`, `processes` and `log_kb`.
    answers : sequence of int, bytes
        The largest size of each file that the command is to write.
    later : Handover, optional
        What was printed until then is told apart by what had been read when it was handed over: nobody can forge that.
    log : Log, optional
        Takes what is printed, as it comes; by default one of the size of `limits`.
    at_end : callable, optional
        Called with descriptors of the folders of memory, when no process is left to change what lies in them.
    """
    tree, ours = waiting.tree, waiting.ours
    process = tree.process
    assert process.stdout is not None
    output, reader = process.stdout.fileno(), ours.fileno()
    for end in (output, reader):
        os.set_blocking(end, False)
    logs, told, ends = [log or Log(limits.log_kb * KB)], bytearray(), Ends(answers)
    stopped: Stopped = ""
    peak = 0
    open_ends = {output, reader}
    ready = whole = False
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
            logs[-1].add(data)
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
            pause = HANDOVER_POLL_S if later else POLL_S
            for end in select.select(list(open_ends), [], [], pause if open_ends else 0)[0]:
                read(end)
            if later and ends.answers and later.is_due(ends.answers):
                for _ in range(PIPE_READS):
                    if not read(output):
                        break
                logs.append(Log(limits.log_kb * KB))
                later.hand_over()
                later = None
            if not ready and told.endswith(READY):
                ready, started = True, time.monotonic()
        whole = True
    finally:
        wall_s = time.monotonic() - started
        tree.end(pid_namespace=waiting.pid_namespace)
        for end in (output, reader):
            while read(end):
                pass
        waiting.close()
        if at_end and whole and ready:
            at_end(ends.scratch)
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
        log=logs[0].text(),
        later_log="".join(log.text() for log in logs[1:]),
    )
