"""What a worker of a cluster does: it runs one zip in a sandbox of its own, on images.  No label is ever near it."""

from __future__ import annotations

import hashlib
import platform
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


def hold(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images as they are: a task of their own, so that workers hold them and hand them to each other."""
    return images


def run_zip(zipped: bytes, images: dict[str, NDArray[np.uint8]], question: Question) -> EntryRun | Unfit:
    """Run a zip as `harness.sandbox.run.run_entry` does, on the machine of the worker that calls this."""
    from distributed import get_worker

    worker = get_worker()
    try:
        if differing := _differing(software(question.runtimes), question.software):
            raise HarnessError(f"not the same software: {differing}", SAME)
        scratch = Path(worker.local_directory, "hemobench")
        with writing_to(scratch), scratch_folder(scratch) as folder:
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


def _differing(here: dict[str, str], there: dict[str, str]) -> str:
    names = [name for name in {**there, **here} if here.get(name) != there.get(name)]
    return "; ".join(f"{name}: {here.get(name, 'none')}, expected {there.get(name, 'none')}" for name in names)
