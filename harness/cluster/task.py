"""What a worker of a cluster does: it runs one zip in a sandbox of its own, on images, or trains it on public data.

No hidden label is ever near it.
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.contest import Limits
from harness.errors import HarnessError, writing_to
from harness.runtimes.runtime import Runtimes
from harness.sandbox import run as sandbox
from harness.sandbox.kept import hash_around
from harness.sandbox.machine import Machine, look_at
from harness.sandbox.outcome import EntryRun
from harness.sandbox.sandbox_command import Device
from harness.sandbox.scratch import scratch_folder
from harness.sandbox.train import Training, train_twice

if TYPE_CHECKING:
    from distributed import Worker

SAME = "Install the same lock on every machine."


@dataclass(frozen=True)
class Question:
    """What a zip is asked, and the software that the answer is to come from; of the contest it tells nothing else."""

    zip_name: str
    zip_sha256: str
    n_classes: int
    limits: Limits
    order: int
    hidden: tuple[str, ...]
    probabilities: bool
    isolation: sandbox.Choice
    device: Device
    runtimes: Runtimes
    runtime: str | None
    software: dict[str, str]


@dataclass(frozen=True)
class Lesson:
    """How a zip is trained, as `harness.sandbox.train.train_twice` has it, and the software for it."""

    zip_sha256: str
    limits: Limits
    seed: int
    isolation: sandbox.Choice
    device: Device
    runtimes: Runtimes
    software: dict[str, str]


@dataclass(frozen=True)
class Unfit:
    """Why a worker runs no entry: a fault of its machine, never one of the entry."""

    worker: str
    message: str
    hint: str


def software(runtimes: Runtimes) -> dict[str, str]:
    """Return what must be the same on every machine, so that an entry answers the same on each: a hash by name."""
    code = hashlib.sha256()
    for path in sorted(Path(sandbox.__file__).parent.glob("*.py")):
        code.update(path.read_bytes())
    locks = {f"packages of the runtime {one.name}": one.lock[:12] for one in runtimes.all()}
    return {"Hemobench": code.hexdigest()[:12], "Python": platform.python_version(), **locks}


def look(
    limits: Limits, isolation: sandbox.Choice, device: Device, needed: dict[str, str], dask_worker: Worker
) -> Machine:
    """Say what the machine of a worker can do for entries."""
    found = look_at(Path(dask_worker.local_directory, "hemobench"), limits, isolation, device)
    if differing := _differing(software(Runtimes()), needed):
        return msgspec.structs.replace(found, reason=f"not the same software: {differing}", hint=SAME)
    return found


def hold(data: NDArray[np.uint8] | bytes) -> NDArray[np.uint8] | bytes:
    """Return data as they are: a task of their own, so that workers hold them and hand them to each other."""
    return data


def run_zip(zipped: bytes, images: dict[str, NDArray[np.uint8]], question: Question) -> EntryRun | Unfit:
    """Run a zip as `harness.sandbox.run.run_entry` does, on the machine of the worker that calls this."""
    from distributed import get_worker

    worker = get_worker()
    try:
        with _folder_for(worker, question.runtimes, question.software) as (scratch, folder):
            zip_path = folder / question.zip_name
            zip_path.write_bytes(zipped)
            run = sandbox.run_entry(
                zip_path,
                images,
                question.n_classes,
                question.limits,
                scratch=scratch,
                order=question.order,
                hidden=question.hidden,
                probabilities=question.probabilities,
                isolation=question.isolation,
                device=question.device,
                runtimes=question.runtimes,
                runtime=question.runtime,
            )
    except HarnessError as error:
        return Unfit(worker.address, error.message, error.hint)
    return replace(run, around=hash_around(question.device))


def train_zip(
    zipped: bytes, public: dict[str, bytes], lesson: Lesson
) -> tuple[list[Training], dict[str, bytes]] | Unfit:
    """Train a zip twice on the machine of the worker that calls this, and return what came of it, by name."""
    from distributed import get_worker

    worker = get_worker()
    try:
        with _folder_for(worker, lesson.runtimes, lesson.software) as (scratch, folder):
            zip_path, data, out = folder / "entry.zip", folder / "public", folder / "trained"
            zip_path.write_bytes(zipped)
            for path in (data, out):
                path.mkdir()
            for name, content in public.items():
                (data / name).write_bytes(content)
            done = train_twice(
                zip_path,
                data,
                out,
                lesson.limits,
                scratch=scratch,
                seed=lesson.seed,
                isolation=lesson.isolation,
                device=lesson.device,
                runtimes=lesson.runtimes,
            )
            return done, {path.name: path.read_bytes() for path in sorted(out.glob("*.zip"))}
    except HarnessError as error:
        return Unfit(worker.address, error.message, error.hint)


@contextlib.contextmanager
def _folder_for(worker: Worker, runtimes: Runtimes, needed: dict[str, str]) -> Iterator[tuple[Path, Path]]:
    """Give the scratch of a worker that has the software `needed`, and an empty folder in it.

    Raises
    ------
    HarnessError
        It has not.
    """
    if differing := _differing(software(runtimes), needed):
        raise HarnessError(f"not the same software: {differing}", SAME)
    scratch = Path(worker.local_directory, "hemobench")
    with writing_to(scratch), scratch_folder(scratch) as folder:
        yield scratch, folder


def _differing(here: dict[str, str], there: dict[str, str]) -> str:
    names = [name for name in {**there, **here} if here.get(name) != there.get(name)]
    return "; ".join(f"{name}: {here.get(name, 'none')}, expected {there.get(name, 'none')}" for name in names)
