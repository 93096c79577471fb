"""What a machine can do for entries: which isolation it builds, and how many it has room for at once."""

from __future__ import annotations

import os
import socket
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import psutil

from harness.contest import Limits
from harness.errors import HarnessError
from harness.sandbox.backends import Choice
from harness.sandbox.layout import MB
from harness.sandbox.run import run_entry
from harness.sandbox.sandbox_command import Device, gpu_devices, scratch_mb
from harness.sandbox.scratch import scratch_folder

CORES_EACH = 2  # of an entry: more entries on the same cores gain little, and their clocks are on the wall
TRIED = "class Model:\n    def predict(self, X):\n        return [0] * len(X)\n"


class Machine(msgspec.Struct, frozen=True):
    """What was found by running an entry of ours.

    Attributes
    ----------
    name : str
        Of the host.
    isolation : str
        What was built; empty where nothing ran, which `reason` explains.
    n_at_once : int
        Entries that may run here at the same time, by their limits.
    """

    name: str
    isolation: str
    missing_restrictions: tuple[str, ...]
    n_at_once: int
    n_cores: int
    memory_mb: int
    gpus: int
    reason: str = ""
    hint: str = ""


def n_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def n_at_once(limits: Limits, device: str) -> int:
    """Return how many entries may run on this machine at once without costing each other time or memory."""
    if device == "auto" and gpu_devices():  # the first takes all of its memory
        return 1
    room = psutil.virtual_memory().available // ((limits.memory_mb + scratch_mb(limits)) * MB)
    return max(1, min(n_cores() // CORES_EACH, int(room)))


def look_at(scratch: Path, limits: Limits, isolation: Choice, device: Device) -> Machine:
    """Run an entry of ours on this machine, and say in which isolation it ran, or why in none."""
    reason = hint = built = ""
    missing: tuple[str, ...] = ()
    images = {"val": np.zeros((2, 8, 8, 3), np.uint8)}
    try:
        with scratch_folder(scratch) as folder:
            zip_path = folder / "tried.zip"
            with zipfile.ZipFile(zip_path, "w") as archive:
                archive.writestr("model.py", TRIED)
            run = run_entry(zip_path, images, 2, limits, scratch=scratch, order=0, isolation=isolation, device=device)
        built, missing, reason, hint = run.isolation, run.missing_restrictions, run.message, run.hint
    except HarnessError as error:
        reason, hint = error.message, error.hint
    return Machine(
        name=socket.gethostname(),
        isolation=built,
        missing_restrictions=missing,
        n_at_once=n_at_once(limits, device),
        n_cores=n_cores(),
        memory_mb=int(psutil.virtual_memory().available // MB),
        gpus=len([path for path in gpu_devices() if path[-1].isdigit()]),
        reason=reason,
        hint=hint,
    )
