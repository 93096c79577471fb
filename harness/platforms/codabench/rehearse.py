"""A submission's way through a bundle, as Codabench's compute worker leads it: two steps, and its quirks.

Prediction: the submission lies in ``program/``; ingestion runs beside it.  Scoring: the scoring program lies in
``program/``, labels in ``input/ref``, what prediction left in ``input/res``.  Each step has its own folders, its own
containers and the whole time limit.  A failing ingestion program is not noticed; a submission without metadata is
copied into the output; scores that are no finite numbers are lost without a word.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from harness.errors import BundleError, did_you_mean
from harness.platforms.codabench.bundle import Bundle, materialise, open_bundle, unpack
from harness.platforms.codabench.container import FILES, Container, Ended, StepLimits, passed_on_disk, run_containers
from harness.platforms.codabench.metadata import command_fault, metadata_of, read_command, replace_variables
from harness.platforms.codabench.scores import leaderboard_cells
from harness.platforms.codabench.transfer import copy_plain, open_to_all
from harness.sandbox.scratch import scratch_folder
from harness.sandbox.watch import SCRATCH_FILES
from harness.tree import DEPTH

SUBMISSION_BYTES = 4_000_000_000  # unpacked; the worker sets no limit, but a bomb is not to fill this disk
TIME_LIMIT_S = 600  # where a phase states none
LONGEST_S = 7 * 24 * 3600  # of a step here, whatever a phase states
MOST_PARTS = 100  # phases with each of their tasks
MEMORY_MB, DISK_MB = 12_000, 20_000  # this machine's, not the worker's: that has no limits but time


class Step(msgspec.Struct, frozen=True):
    """One step: its end in the worker's words, and what each container did."""

    name: str  # "prediction" or "scoring"
    status: str  # "Scoring" or "Finished" when all went well, else "Failed"
    message: str = ""
    containers: tuple[Ended, ...] = ()
    notes: tuple[str, ...] = ()  # quirks that struck, each with its effect


class Rehearsal(msgspec.Struct, frozen=True):
    """What the server would show of a submission on one task of one phase."""

    phase: str
    task: str
    status: str  # "Finished" or "Failed"
    message: str
    scores: dict[str, float | None]  # a cell of the leaderboard for each column; None: the cell stays empty
    steps: tuple[Step, ...]
    detailed_results: bool

    @property
    def scored(self) -> bool:
        """Whether every cell of the leaderboard gets a number."""
        return self.status == "Finished" and bool(self.scores) and None not in self.scores.values()


class Failed(Exception):
    """The worker's ``SubmissionException``: the step ends, the message is shown."""


@dataclass(frozen=True)
class Part:
    """A phase and one of its tasks."""

    phase: dict[str, Any]
    task: dict[str, Any]

    @property
    def time_s(self) -> int:
        limit = self.phase.get("execution_time_limit")
        return int(min(limit, LONGEST_S)) if isinstance(limit, int | float) and limit >= 1 else TIME_LIMIT_S


def parts_of(bundle: Bundle, phase: str | None = None) -> list[Part]:
    """Return the tasks of a bundle's phases, or of the one phase with this name or number.

    Raises
    ------
    BundleError
        ``competition.yaml`` cannot be read, or has no such phase or task.
    """
    if bundle.fault:
        raise BundleError(f"{bundle.path}: {bundle.fault}.", f"Type: hemobench codabench lint {bundle.path}")
    phases = bundle.phases()
    if phase is not None:
        names = [str(one.get("name")) for one in phases]
        wanted = [one for place, one in enumerate(phases) if phase in (names[place], str(place))]
        if not wanted:
            raise BundleError(f"No phase is called {phase!r}.", did_you_mean(phase, names))
        phases = wanted
    found = []
    for one in phases:
        listed = one.get("tasks")
        for index in listed if isinstance(listed, list) else []:
            if (task := bundle.task(index)) is None:
                raise BundleError(
                    f"Phase {one.get('name')!r} names task {index!r}, which is not there.",
                    f"Type: hemobench codabench lint {bundle.path}",
                )
            found.append(Part(one, task))
    if len(found) > MOST_PARTS:
        raise BundleError(
            f"The phases of {bundle.path} have {len(found)} tasks, at most {MOST_PARTS} are run.",
            "Name one phase: --phase NAME",
        )
    if not found:
        raise BundleError(f"{bundle.path} has no phase with a task.", f"Type: hemobench codabench lint {bundle.path}")
    return found


def rehearse_all(
    path: Path, zip_path: Path, *, scratch: Path, phase: str | None = None, keep: Path | None = None
) -> list[Rehearsal]:
    """Lead one submission through all tasks of a bundle's phases, or of one phase.

    `keep` gets a folder for each, named by its number and phase.

    Raises
    ------
    BundleError
        The bundle or the submission cannot be opened.
    IsolationError
        The containers cannot be had here.
    """
    with open_bundle(path) as bundle:
        found = []
        for number, part in enumerate(parts_of(bundle, phase)):
            slug = re.sub(r"[^a-z0-9]+", "-", str(part.phase.get("name")).lower()).strip("-")[:60]
            kept = keep / f"{number}-{slug}" if keep else None
            found.append(rehearse(bundle, part, zip_path, scratch=scratch, keep=kept))
        return found


def rehearse(bundle: Bundle, part: Part, zip_path: Path, *, scratch: Path, keep: Path | None = None) -> Rehearsal:
    """Lead one submission through one task.

    Parameters
    ----------
    bundle : Bundle
    part : Part
    zip_path : Path
        The submission, trusted in nothing.
    scratch : Path
        Folder for temporary files.
    keep : Path, optional
        A folder that gets what the scoring program wrote, ``detailed_results.html`` among it.

    Raises
    ------
    BundleError
        A file of the bundle, or the submission, cannot be opened.
    IsolationError
        The containers cannot be had here.
    """
    during_scoring = bool(part.task.get("ingestion_only_during_scoring"))
    with scratch_folder(scratch) as home:
        data = home / "data"
        data.mkdir()
        first = _Run(home / "prediction", data, part, is_scoring=False)
        extract_submission(zip_path, first.folder("program"))
        if not during_scoring:
            first.take(bundle, "ingestion_program", "ingestion_program")
            first.take(bundle, "input_data", "input_data")
        prediction = first.lead()
        steps, scores = [prediction], dict[str, float | None]()
        if prediction.status != "Failed":
            second = _Run(home / "scoring", data, part, is_scoring=True)
            second.take(bundle, "scoring_program", "program")
            second.take(bundle, "reference_data", "input/ref")
            second.collect(first.root / "output", "input/res")
            if during_scoring:
                second.take(bundle, "ingestion_program", "ingestion_program")
                second.take(bundle, "input_data", "input_data")
            steps.append(second.lead())
            if steps[-1].status == "Finished":
                scores, lost = leaderboard_cells(bundle, second.root / "output")
                steps[-1] = msgspec.structs.replace(steps[-1], notes=steps[-1].notes + tuple(lost))
            if keep is not None and not passed_on_disk([second.root / "output"], second.limits):
                copy_plain(second.root / "output", keep)
        return Rehearsal(
            phase=str(part.phase.get("name")),
            task=str(part.task.get("name", part.task.get("index"))),
            status=steps[-1].status,
            message=steps[-1].message,
            scores=scores,
            steps=tuple(steps),
            detailed_results=keep is not None and any(keep.glob("*.html")),
        )


def extract_submission(zip_path: Path, folder: Path) -> None:
    if not zip_path.is_file():
        raise BundleError(f"There is no zip {zip_path}.", "Build one: hemobench pack FOLDER -o ZIP")
    unpack(zip_path, folder, SUBMISSION_BYTES)


class _Run:
    """One step: its folders on the host, and what is told of it."""

    def __init__(self, root: Path, data: Path, part: Part, *, is_scoring: bool) -> None:
        self.root, self.data, self.part, self.is_scoring = root, data, part, is_scoring
        self.limits = StepLimits(part.time_s, MEMORY_MB, DISK_MB, FILES)
        self.during_scoring = bool(part.task.get("ingestion_only_during_scoring"))
        self.notes: list[str] = []
        self.ended: tuple[Ended, ...] = ()
        root.mkdir()

    def folder(self, name: str) -> Path:
        """Return a folder of the step, made if missing, as the worker does before it mounts it."""
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def take(self, bundle: Bundle, key: str, name: str) -> None:
        """Put a file of the task where the worker unpacks it; what the task does not name is not there."""
        if not (value := self.part.task.get(key)):
            return
        source = bundle.file(value)
        if source is None:
            raise BundleError(
                f"Task {self.part.task.get('name')!r} names {key} {value!r}, which is not in the bundle.",
                f"Type: hemobench codabench lint {bundle.path}",
            )
        self.notes += [f"{key}, {left}, left behind." for left in materialise(source, self.root / name)]

    def collect(self, output: Path, name: str) -> None:
        """Take over what the step before left: plain files only.

        The worker zips the folder and follows links; here a link could lead to the host's own files.
        """
        left = copy_plain(output, self.folder(name))
        self.notes += [f"{path}: a link or special file in the output, left behind." for path in left]

    def lead(self) -> Step:
        """Run the step's containers and return how it ended."""
        name = "scoring" if self.is_scoring else "prediction"
        try:
            containers = [
                container
                for kind in ("program", "ingestion")
                if (
                    container := self._container(
                        kind, self.root / ("program" if kind == "program" else f"{kind}_program")
                    )
                )
            ]
            self._run(containers)
            self._push_output()
        except Failed as failure:
            return Step(name, "Failed", str(failure), self.ended, tuple(self.notes))
        return Step(name, "Finished" if self.is_scoring else "Scoring", "", self.ended, tuple(self.notes))

    def _container(self, kind: str, program: Path) -> Container | None:
        """Return the container for a program's folder, by the worker's rules for metadata; None: nothing runs."""
        if not program.is_dir():
            return None
        found = metadata_of(program)
        output = self.folder("output")
        if found is None:
            if kind == "ingestion":
                raise Failed("Program directory missing 'metadata.yaml/metadata'")
            if self.is_scoring:
                self.notes.append("The scoring program has no metadata at its root: it is not run.")
            copy_plain(program, output)
            return None
        command = read_command(found)
        if not command:
            if kind == "ingestion":
                raise Failed("Program directory missing 'command' in metadata")
            who = "scoring program" if self.is_scoring else "submission"
            self.notes.append(f"The {who} has a file {found.name} without a command: nothing of it runs or is copied.")
            return None
        command = replace_variables(command, kind, self.is_scoring, self.during_scoring and self.is_scoring)
        if fault := command_fault(command):
            raise Failed(f"The command of the {kind} {fault}.")
        mounts = [(program, "/app/program"), (output, "/app/output"), (self.data, "/app/data")]
        if kind == "ingestion":
            ingested = "input/res" if self.is_scoring else "program"
            mounts.append((self.folder(ingested), "/app/ingested_program"))
        if self.is_scoring:
            mounts += [(self.folder("shared"), "/app/shared"), (self.folder("input"), "/app/input")]
        if (self.root / "input_data").is_dir():
            mounts.append((self.root / "input_data", "/app/input_data"))
        if self.during_scoring and self.is_scoring and kind == "ingestion":
            self.notes.append("Ingestion runs during scoring: what it imports of the submission can read the labels.")
        return Container(kind, command, tuple(mounts), self.folder(f"{kind}_root"))

    def _run(self, containers: list[Container]) -> None:
        if not containers:
            return
        mounted = {host for container in containers for host, _ in container.mounts}
        for folder in mounted - {self.data}:
            open_to_all(folder)
        end = run_containers(containers, self.limits, sorted(mounted))
        for folder in mounted:
            folder.chmod(0o755)  # where the container's user is ours, it may have shut us out
        self.ended = end.ended
        if end.stopped == "time":
            raise Failed(f"Execution Time Limit exceeded. Limit was {self.part.time_s} seconds")
        if end.stopped:
            limit = {
                "memory": f"{MEMORY_MB:,} MB of memory",
                "disk": f"{DISK_MB:,} MB of disk",
                "files": f"{FILES:,} files and folders",
                "depth": f"{DEPTH} folders in one another",
                "scratch": f"{SCRATCH_FILES:,} files in /tmp and /dev/shm",
            }[end.stopped]
            raise Failed(f"Stopped at {limit}: a limit of this machine; the worker may have more, or less.")
        for container in end.ended:
            if container.kind == "ingestion" and container.exit_code:
                self.notes.append(
                    f"The ingestion program ended with exit code {container.exit_code}, which the worker ignores."
                )
            if container.kind == "program" and self.is_scoring and container.exit_code:
                raise Failed("Child task failed or non-zero return code")

    def _push_output(self) -> None:
        """Write the worker's own ``metadata`` into the output, which must not be there yet."""
        output = self.folder("output")
        if os.path.lexists(output / "metadata"):
            raise Failed(
                "Error, the output directory already contains a metadata file. This file is used to store exitCode and "
                "other data, do not write to this file manually."
            )
        by_kind = {one.kind: one for one in self.ended}
        program, ingestion = by_kind.get("program"), by_kind.get("ingestion")
        told = {
            "exitCode": program and program.exit_code,
            "elapsedTime": (program or ingestion) and (program or ingestion).seconds,  # type: ignore[union-attr]
            "ingestionExitCode": ingestion and ingestion.exit_code,
            "ingestionElapsedTime": ingestion and ingestion.seconds,
        }
        (output / "metadata").write_text(yaml.safe_dump(told, default_flow_style=False), encoding="utf-8")
