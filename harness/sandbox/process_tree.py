"""A process with all its descendants: started with a mark by which they are known, measured, and ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time

import psutil

DEATH_S = 10.0  # for the kernel to clear away what was killed; gigabytes take a while


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
