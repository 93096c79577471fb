"""Runs that are kept: what an entry answered, found again by all that could have made it answer otherwise.

Only answers that the consistency check found to be the same a second time are kept.  Whoever wants to know whether they
still are runs the entry again: ``--fresh``, or ``hemobench ledger replay``, which never asks here.
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
import re
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from harness import __version__
from harness.contest import Limits
from harness.errors import HarnessError, WorkspaceError
from harness.freeze.frozen import read_arrays
from harness.runtimes.runtime import Runtimes
from harness.sandbox.backends import Choice, chosen
from harness.sandbox.outcome import EntryRun, Outcome
from harness.sandbox.sandbox_command import Device, environment, gpu_devices
from harness.workspace import atomic_file

FACTS, PROBABILITIES = ".run", ".probabilities"  # no name of a split has a dot
OWN_CODE = ("child.py", "answer_checks.py", "prediction_plan.py")  # decides what an entry is asked, and how


@dataclass(frozen=True)
class KeptRuns:
    """The kept runs of one zip, in a folder of the workspace.

    Parameters
    ----------
    folder : Path
    question : mapping of str to object
        What was run, on what, and for which answers, as JSON holds it: the hash of the zip among it.
    limits : Limits
    device : {'auto', 'cpu'}
    runtimes : Runtimes
        What ran in another environment than the one of that name now is run anew.
    """

    folder: Path
    question: Mapping[str, Any]
    limits: Limits
    device: Device
    runtimes: Runtimes

    def find(self, isolation: Choice) -> EntryRun | None:
        """Return the run in one of the kinds of isolation that may be chosen; None where it is to be run."""
        for backend in chosen(isolation)[0]:
            try:
                arrays = read_arrays(self.path(backend.name))
                facts = msgspec.json.decode(arrays.pop(FACTS).tobytes(), type=dict[str, Any])
                empty: dict[str, Any] = {"predictions": {}, "probabilities": {}}
                run = msgspec.convert(facts | empty, EntryRun)
                if self.runtimes.find(run.runtime).lock != run.runtime_lock:
                    continue
            except (HarnessError, KeyError, msgspec.MsgspecError):  # none, damaged, or its runtime is not there
                continue
            likely = {
                name.removesuffix(PROBABILITIES): rows for name, rows in arrays.items() if name.endswith(PROBABILITIES)
            }
            labels = {name: array for name, array in arrays.items() if not name.endswith(PROBABILITIES)}
            return replace(run, predictions=labels, probabilities=likely)
        return None

    def keep(self, run: EntryRun) -> None:
        """Keep a run whose answers do not hang on the moment: scored, complete, and the same when asked again.

        Where the disk is full or cannot be written, nothing is kept, and it is run again another time.
        """
        if run.outcome is not Outcome.SCORED or run.failed or run.repeat is None or run.repeat.n_changed:
            return
        if run.around not in ("", hash_around(self.device)):  # it ran on another machine, and answers for that one
            return
        when = datetime.now(UTC).isoformat(timespec="seconds")
        facts = msgspec.json.encode(replace(run, predictions={}, probabilities={}, kept_from=when))
        arrays = run.predictions | {f"{name}{PROBABILITIES}": rows for name, rows in run.probabilities.items()}
        with contextlib.suppress(WorkspaceError), atomic_file(self.path(run.isolation), private=True) as file:
            np.savez(file, allow_pickle=False, **arrays, **{FACTS: np.frombuffer(facts, np.uint8)})

    def path(self, isolation: str) -> Path:
        """Return the file of the run in this isolation, under everything that is as it is now."""
        limits = msgspec.to_builtins(self.limits)
        for rule in ("submissions_per_day", "fit_time_s", "fit_memory_mb"):
            del limits[rule]
        question = {**self.question, "limits": limits, "isolation": isolation, "around": hash_around(self.device)}
        digest = hashlib.sha256(msgspec.json.encode(question, order="deterministic")).hexdigest()
        return self.folder / f"{digest}.npz"


def hash_around(device: Device) -> str:
    """Hash what an entry's answers may hang on beside itself: code, packages, system, processor, variables."""
    here = Path(__file__).parent
    packages = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    try:
        processor = re.findall(r"^(?:model name|flags|Features)\s*:.*", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        processor = [platform.processor()]
    found = {
        "code": [__version__, *(hashlib.sha256((here / name).read_bytes()).hexdigest() for name in OWN_CODE)],
        "python": sys.version,
        "packages": sorted(info.name for folder in packages for info in Path(folder).glob("*.dist-info")),
        "system": [platform.system(), platform.release(), platform.machine()],
        "processor": sorted(set(processor)),
        "environment": environment(""),
        "device": [device, *(gpu_devices() if device == "auto" else [])],
    }
    return hashlib.sha256(msgspec.json.encode(found, order="deterministic")).hexdigest()
