"""A cluster of `distributed` workers that run zips, seen from the machine that keeps labels and ledger.

One task a zip, named by all that its answer hangs on.  What travels is the zip, the images, and what it is asked: no
label, no name of a team.  Where a worker is lost, the scheduler gives its tasks to others; one that cannot run entries
gets no more.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.cluster.task import Lesson, Question, Unfit, hold, look, run_zip, software, train_zip
from harness.contest import Limits
from harness.errors import ClusterError
from harness.freeze.hashing import hash_array
from harness.runtimes.runtime import Runtimes
from harness.sandbox.layout import MB
from harness.sandbox.machine import Machine
from harness.sandbox.outcome import EntryRun
from harness.sandbox.sandbox_command import scratch_mb
from harness.sandbox.train import Training

if TYPE_CHECKING:
    from distributed import Client, Future

T = TypeVar("T")

CONNECT_S = 30
# As the documentation of Dask calls them: `dask worker ADDRESS --resources "MEMORY=64e9 GPU=1"`.
MEMORY, GPU = "MEMORY", "GPU"


@contextlib.contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Give the cluster whose scheduler listens at `address`.

    Raises
    ------
    ClusterError
        `distributed` is not installed, nobody answers, or there is no worker.
    """
    try:
        import dask
        from distributed import Client
    except ModuleNotFoundError as error:
        raise ClusterError(
            "--cluster needs the package distributed, which is not installed.",
            'Type: pip install "hemobench[cluster]", or from the lock: pip install -r requirements/cluster.lock',
        ) from error
    # What goes wrong is said once, by us.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    # A zip is as large as it is; a worker that is busy for minutes is not lost.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "100GB"}):
        try:
            client = Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise ClusterError(
                f"No scheduler answers at {address}: {str(error) or type(error).__name__}.",
                "Start one: dask scheduler, then on each machine: dask worker ADDRESS --nthreads 1",
            ) from error
        with client:
            cluster = Cluster(client, address)
            if not cluster.workers():
                raise ClusterError(
                    f"The scheduler at {address} has no worker.", f"On each machine: dask worker {address} --nthreads 1"
                )
            yield cluster


class Cluster:
    """The workers of one scheduler; `connected` makes it."""

    def __init__(self, client: Client, address: str) -> None:
        self.client, self.address = client, address
        self._held: dict[tuple[str, str], Future] = {}
        self._running: set[Future] = set()
        self._unfit: dict[str, Unfit] = {}
        self._lock = threading.Lock()

    def workers(self) -> dict[str, dict[str, Any]]:
        """Return what the scheduler knows of each worker, by address."""
        found: dict[str, dict[str, Any]] = self.client.scheduler_info(n_workers=-1)["workers"]
        return found

    def needs(self, limits: Limits, device: str) -> dict[str, float]:
        """Return what an entry takes of the resources that workers of this cluster say they have."""
        need: dict[str, float] = {MEMORY: (limits.memory_mb + scratch_mb(limits)) * MB}
        if device == "auto":
            need[GPU] = 1
        stated = {name for worker in self.workers().values() for name in worker["resources"]}
        return {name: amount for name, amount in need.items() if name in stated}

    def n_at_once(self, limits: Limits, device: str) -> int:
        """Return how many entries the workers can run at once, by their threads and the resources they state.

        Raises
        ------
        ClusterError
            None has room for one.
        """
        needs = self.needs(limits, device)
        n = sum(
            min([int(worker["nthreads"]), *(int(worker["resources"].get(name, 0) // needs[name]) for name in needs)])
            for worker in self.workers().values()
        )
        if n == 0:
            needed = ", ".join(f"{name} {amount:,.0f}" for name, amount in needs.items())
            raise ClusterError(
                f"No worker of {self.address} has room for an entry, which needs {needed} of the resources stated.",
                "Start workers with more --resources, or type: hemobench contest rules memory_mb=N --why TEXT",
            )
        return n

    def look(self, limits: Limits, isolation: str, device: str) -> dict[str, Machine]:
        """Return what the machine of each worker can do for entries, by address."""
        found: dict[str, Machine] = self.client.run(look, limits, isolation, device, software(Runtimes()))
        return found

    def run_entry(
        self,
        zip_path: Path,
        images: Mapping[str, Callable[[], NDArray[np.uint8]]],
        contest: str,
        n_classes: int,
        limits: Limits,
        *,
        runtimes: Runtimes,
        **asked: Any,
    ) -> EntryRun:
        """Run a zip on one of the workers, and wait for it; as `harness.sandbox.run.run_entry`.

        Parameters
        ----------
        images : mapping of str to callable
            By split, what reads them; called once for each split of a contest.
        contest : str
            The hash of its lock.

        Raises
        ------
        ClusterError
            The scheduler is gone, or there is no worker that can run entries.
        """
        zipped = zip_path.read_bytes()
        digest = hashlib.sha256(zipped).hexdigest()
        question = Question(
            zip_path.name, digest, n_classes, limits, runtimes=runtimes, software=software(runtimes), **asked
        )
        held = {split: self._hold((contest, split), load) for split, load in images.items()}
        # Not the order: of one question that is asked twice at a time, one answer will do.
        content = [replace(question, order=0), sorted(future.key for future in held.values())]
        return self._ask("run", content, limits, question.device, run_zip, zipped, held, question)

    def train_twice(
        self, zip_path: Path, public: Path, out: Path, limits: Limits, *, runtimes: Runtimes, **asked: Any
    ) -> list[Training]:
        """Train a zip twice on one of the workers; as `harness.sandbox.train.train_twice`.

        Raises
        ------
        ClusterError
            As `run_entry`.
        """
        zipped = zip_path.read_bytes()
        lesson = Lesson(
            hashlib.sha256(zipped).hexdigest(), limits, runtimes=runtimes, software=software(runtimes), **asked
        )
        held = {path.name: self._hold(("", str(path)), path.read_bytes) for path in sorted(public.iterdir())}
        content = [lesson, sorted(future.key for future in held.values())]
        room = msgspec.structs.replace(limits, memory_mb=limits.fit_memory_mb)
        done, zips = self._ask("train", content, room, lesson.device, train_zip, zipped, held, lesson)
        for name, trained in zips.items():
            (out / name).write_bytes(trained)
        return done

    def _ask(
        self,
        what: str,
        content: list[Any],
        limits: Limits,
        device: str,
        function: Callable[..., T | Unfit],
        *args: Any,
    ) -> T:
        """Return what `function` returns on a worker that is fit for it; of equal `content` one answer will do."""
        from distributed.scheduler import KilledWorker

        key = hashlib.sha256(msgspec.json.encode(content, enc_hook=str)).hexdigest()
        while True:
            future = self.client.submit(
                function,
                *args,
                key=f"hemobench-{what}-{key}-{len(self._unfit)}",
                pure=False,
                workers=self._fit(),
                resources=self.needs(limits, device) or None,
            )
            self._running.add(future)
            try:
                ended: T | Unfit = future.result()
            except CancelledError as error:
                raise ClusterError(
                    f"The scheduler at {self.address} is gone, or has let go of what it was asked.",
                    "What is on record stays. Start it again with its workers, and type the same command.",
                ) from error
            except KilledWorker as error:
                raise ClusterError(
                    f"{error.allowed_failures + 1} workers died one after the other while they had the same zip to "
                    f"{what}, the last one at {error.last_worker.address}.",
                    "Look into the log of that worker: does its machine run out of memory?",
                ) from error
            finally:
                self._running.discard(future)
            if not isinstance(ended, Unfit):
                return ended
            self._unfit[ended.worker] = ended

    def stop(self) -> None:
        """Let nobody wait any longer; what runs on a worker ends by itself, and nobody hears of it."""
        self.client.cancel(list(self._running), force=True)

    def _hold(self, place: tuple[str, str], load: Callable[[], NDArray[np.uint8] | bytes]) -> Future:
        """Return public data, or the images of a split, as they lie on the workers, by content."""
        with self._lock:
            if place not in self._held:
                data = load()
                digest = hashlib.sha256(data).hexdigest() if isinstance(data, bytes) else hash_array(data).sha256
                key = f"hemobench-data-{digest}"
                self._held[place] = self.client.submit(hold, data, key=key, pure=False)
            return self._held[place]

    def _fit(self) -> list[str] | None:
        """Return the workers that may run entries; None where that is any."""
        if not self._unfit:
            return None
        fit = sorted(self.workers().keys() - self._unfit.keys())
        if not fit:
            reasons = "; ".join(f"{one.worker}: {one.message}" for one in self._unfit.values())
            hint = next(iter(self._unfit.values())).hint
            raise ClusterError(f"No worker of {self.address} can run entries: {reasons}", hint)
        return fit
