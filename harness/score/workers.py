"""How many zips are evaluated at a time, and where: on this machine or on a cluster.

Each has a sandbox of its own.  What comes of them is taken in the order in which they were begun, by one who scores and
records, so that the board is the same for any number of workers.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from harness.contest import Limits
from harness.freeze.frozen import Frozen
from harness.freeze.hashing import hash_file
from harness.sandbox.machine import n_at_once, n_cores
from harness.sandbox.outcome import Outcome
from harness.score.evaluate import Evaluation, evaluate, prepare_evaluation

if TYPE_CHECKING:
    from harness.cluster.client import Cluster

Evaluate = Callable[..., Evaluation]
Begin = Callable[..., AbstractContextManager[Callable[[], Evaluation]]]

BEGUN_EACH = 50  # that are begun ahead for each worker: one slow entry keeps the others going for so long
MOST_AHEAD = 4  # an import takes as long as about so many small entries run
WAITING_BYTES = 1_500_000_000  # of memory that an interpreter with TensorFlow may take, twice
# What others on the same machine may have cost it: time, memory, processes.
BESIDE_OTHERS = (Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY, Outcome.KILLED)


@contextlib.contextmanager
def workers(
    limits: Limits,
    n_zips: int,
    device: str = "auto",
    n: int | None = None,
    cluster: str | None = None,
    evaluate_by: Evaluate = evaluate,
) -> Iterator[tuple[Begin, int]]:
    """Give the function that begins to evaluate a zip, and how many to begin ahead of the one that is waited for.

    It is called as `harness.score.evaluate.prepare_evaluation`, which it is where there is one worker.

    Parameters
    ----------
    limits : Limits
        Of each entry.
    n_zips : int
    device : {'auto', 'cpu'}
    n : int, optional
        How many at a time; by default as many as the machine, or the cluster, has room for.
    cluster : str, optional
        The address of a scheduler; by default they run on this machine.
    evaluate_by : callable, optional
        What evaluates a zip, in a thread of its own.

    Raises
    ------
    ClusterError
        The cluster cannot be reached.
    """
    with contextlib.ExitStack() as stack:
        elsewhere = None
        if cluster:
            from harness.cluster.client import connected

            elsewhere = stack.enter_context(connected(cluster))
            n = n or elsewhere.n_at_once(limits, device)
        n = min(n or n_at_once(limits, device), n_zips)
        if n <= 1 and elsewhere is None and evaluate_by is evaluate:
            yield prepare_evaluation, _n_ahead()
        else:
            yield stack.enter_context(Lanes(n, elsewhere, evaluate_by)).begin, n * BEGUN_EACH


def _n_ahead() -> int:
    """Return how many entries are prepared while one runs: importing is the work of one core, and takes memory."""
    return min(n_cores(), MOST_AHEAD, int(psutil.virtual_memory().available // WAITING_BYTES))


class Lanes:
    """`n` threads that each wait for one entry after another, in the order in which they are begun.

    Equal zips run one after the other, so that the second finds what was kept of the first.  On this machine an entry
    that ran out of time or memory beside others is run again with nobody beside it: what it is worth does not hang on
    the number of workers.

    Parameters
    ----------
    n : int
    elsewhere : Cluster, optional
        Where they run; by default here.
    evaluate_by : callable, optional
    """

    def __init__(self, n: int, elsewhere: Cluster | None = None, evaluate_by: Evaluate = evaluate) -> None:
        self.n, self.elsewhere, self.evaluate = n, elsewhere, evaluate_by
        self._threads = concurrent.futures.ThreadPoolExecutor(n, "hemobench")
        self._last: dict[str, concurrent.futures.Future[Evaluation]] = {}  # by zip, the last of its kind
        self._running: set[int] = set()
        self._lock, self._door = threading.Lock(), threading.Lock()
        self._free = threading.Semaphore(n)

    def __enter__(self) -> Lanes:
        return self

    def __exit__(self, *error: object) -> None:
        """Stop what is under way, as Ctrl-C stops a run that is alone."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self.elsewhere:
            self.elsewhere.stop()
        with self._lock:
            for thread in self._running:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt))
        self._threads.shutdown()

    @contextlib.contextmanager
    def begin(self, frozen: Frozen, zip_path: Path, **terms: Any) -> Iterator[Callable[[], Evaluation]]:
        """Begin to evaluate a zip; the function that is given waits for what comes of it."""
        name = hash_file(zip_path) if zip_path.is_file() else str(zip_path)
        twin = self._last.get(name)
        future = self._last[name] = self._threads.submit(self._evaluate, twin, frozen, zip_path, terms)
        try:
            yield future.result
        finally:
            future.cancel()

    def _evaluate(
        self,
        twin: concurrent.futures.Future[Evaluation] | None,
        frozen: Frozen,
        zip_path: Path,
        terms: dict[str, Any],
    ) -> Evaluation:
        if twin:
            concurrent.futures.wait([twin])
        with self._noted():
            with self._taken(1):
                found = self.evaluate(frozen, zip_path, elsewhere=self.elsewhere, **terms)
            if self.n > 1 and not self.elsewhere and found.card.outcome in BESIDE_OTHERS:
                with self._taken(self.n):
                    found = self.evaluate(frozen, zip_path, **terms)
        return found

    @contextlib.contextmanager
    def _taken(self, n: int) -> Iterator[None]:
        """Take `n` lanes; whoever wants them all waits at the door, and nobody passes."""
        with self._door:
            for _ in range(n):
                self._free.acquire()
        try:
            yield
        finally:
            self._free.release(n)

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        """Be among those that can be stopped."""
        with self._lock:
            self._running.add(threading.get_ident())
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(threading.get_ident())
