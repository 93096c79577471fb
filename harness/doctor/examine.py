"""One examination, from the zip check to the repaired zip: will it load, is it right, will it fit?"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import msgspec
import numpy as np

from harness.doctor import behaviour, fit, static_checks
from harness.doctor.behaviour import AS_SUBMITTED, REPAIRED
from harness.doctor.findings import Checkup, Finding, Fit, Severity, worst_first
from harness.doctor.repair import Plan, output_of, repair, zip_of
from harness.doctor.runtime_checks import Asked, with_runtime
from harness.errors import HarnessError, PackError, RefusedZip, UnreadableError, UsageError
from harness.freeze.frozen import Frozen
from harness.limited import read
from harness.runtimes.runtime import Runtimes
from harness.sandbox import repair as zip_repair
from harness.sandbox.backends import Choice
from harness.sandbox.entry_file import FILE
from harness.sandbox.outcome import EntryRun, Outcome
from harness.sandbox.prediction_plan import PredictionRequest
from harness.sandbox.run import run_requests
from harness.sandbox.sandbox_command import Device
from harness.sandbox.scratch import scratch_folder
from harness.sandbox.unpack import unpack
from harness.words import printable

N_FEW = 16  # images of the first look: enough to see what comes out, and over in a second
SHOWN = 5  # files named of many
SEED = 4430  # of the draw of images: the same submission gets the same examination
HANDED_OVER = ("val", "val_shifted", "public", "private")
LOOKED_AT = {
    "door": "the zip: names, sizes, damage, links, leftovers, model.py at its root",
    "code": "the code: class Model, arguments, files named, absolute paths, imports",
    "saved": "saved models: version of Keras, layers, custom objects, Lambda",
    "inputs": "nine scales and orders of the input, against the images as they are",
    "labels": "order of the classes, classes never predicted, train against val",
    "steady": "twice, shuffled, one by one, in batches of 64",
    "fit": "size, time and memory",
}

CAUSES = {
    Outcome.REFUSED: "The zip check lets a submission in whole or not at all.",
    Outcome.IMPORT_FAILED: "The contest does: from model import Model. Nothing can follow where that fails.",
    Outcome.LOAD_FAILED: "The contest does: Model(). Nothing can follow where that fails.",
    Outcome.PREDICT_FAILED: "The contest does: predict(X), with X uint8 of shape (n, height, width, 3).",
    Outcome.BAD_OUTPUT: "The contest takes integer labels of shape (n,), from 0 on.",
    Outcome.TIMED_OUT: "Loading and predicting together have a limit.",
    Outcome.OUT_OF_MEMORY: "All processes of a submission together have a limit.",
    Outcome.KILLED: "A process that a signal ended has answered nothing.",
}
STATIC = (
    *("file-absent", "file-case", "absolute-path", "import", "wrong-file"),
    *("saved-damaged", "saved-lambda", "saved-custom", "saved-keras-2", "saved-newer"),
)

Say = Callable[[str], None]


@dataclass
class Examination:
    """The state of one examination.

    Attributes
    ----------
    folder : Path
        Scratch, removed when it ends.
    zip_path : Path
        The submission as it came, then with what was repaired so far.
    plan : Plan
        What is repaired in `zip_path`, counted from `entry`.
    entry : Path
        The submission as it came, unpacked.
    """

    frozen: Frozen
    target: fit.Target
    folder: Path
    zip_path: Path
    isolation: Choice
    device: Device
    runtimes: Runtimes
    say: Say
    findings: list[Finding] = field(default_factory=list)
    plan: Plan = field(default_factory=Plan)
    looked_at: list[str] = field(default_factory=list)
    fits: tuple[Fit, ...] = ()
    accuracy: dict[str, float] = field(default_factory=dict)
    n: dict[str, int] = field(default_factory=dict)
    was_repaired: bool = False
    ran: EntryRun | None = None  # the last run
    n_repaired: int = 0

    @property
    def entry(self) -> Path:
        return self.folder / "entry"

    def run(self, requests: list[PredictionRequest]) -> EntryRun:
        contest = self.frozen.contest
        self.ran = run_requests(
            self.zip_path,
            requests,
            contest.n_classes,
            contest.limits,
            scratch=self.folder / "runs",
            isolation=self.isolation,
            device=self.device,
            runtimes=self.runtimes,
        )
        return self.ran

    def look(self) -> None:
        """Look at everything, as far as the submission gets."""
        zip_bytes = self.zip_path.stat().st_size
        if not self.enter():
            return
        reading = self.read()
        if reading.hopeless:
            return
        sample = behaviour.draw(self.frozen, np.random.default_rng(SEED))
        few = self.load(reading, sample)
        if few is None:
            return
        self.say("It runs. Showing it the images in other ways ...")
        run = self.until_it_answers(behaviour.requests(sample), reading)
        if run is None:
            return
        trial = behaviour.Trial(self.frozen.contest, sample, run, plan=self.plan)
        trial.analyse(self.run)
        self.findings += trial.findings
        self.accuracy, self.n = trial.accuracy, trial.n
        self.looked_at += ["inputs", "labels", "steady", "fit"]
        self.measure(few, run, zip_bytes)
        if trial.plan != self.plan:
            self.prove(trial.plan, sample)

    def enter(self) -> bool:
        """Come in through the zip check; fix how it was packed where that is all; return whether it got in."""
        self.looked_at.append("door")
        limits = self.frozen.contest.limits
        self.entry.mkdir()
        try:
            notes = unpack(self.zip_path, self.entry, limits)
        except RefusedZip as refusal:
            shutil.rmtree(self.entry)
            repaired = self.folder / "packed.zip"
            try:
                changes = zip_repair.repair(self.zip_path, repaired, limits).changes
            except HarnessError as error:
                changes = ()
                reason = error.message if isinstance(error, PackError) else ""
            else:
                reason = ""
            self.findings.append(_refused(refusal, changes, reason))
            if not changes:
                return False
            self.zip_path, self.was_repaired = repaired, True
            self.entry.mkdir()
            notes = unpack(repaired, self.entry, limits)
        self.findings += [_note(note) for note in notes]
        return True

    def read(self) -> static_checks.Reading:
        """Read the code and the saved models."""
        files = frozenset(path.relative_to(self.entry).as_posix() for path in self.entry.rglob("*") if path.is_file())
        asked, building = Asked.by(self.entry, self.runtimes), self.folder / "saved"
        try:
            reading = read(
                "The submission", static_checks.read, self.entry, files, self.target, building, asked.modules
            )
        except UnreadableError as error:
            reading = static_checks.unread(error)
        if self.target.is_here:
            if name := asked.remedy(reading.findings):
                written = (FILE, str(with_runtime(self.entry, name, building)))
                reading = replace(reading, plan=replace(reading.plan, files=(*reading.plan.files, written)))
            reading = replace(reading, findings=tuple(asked.told(reading.findings, files)))
        self.looked_at += ["code", "saved"]
        self.findings += reading.findings
        return reading

    def load(self, reading: static_checks.Reading, sample: behaviour.Sample) -> EntryRun | None:
        """Run it on a few images; None where it does not answer."""
        if reading.plan.wraps:  # it cannot run as it is
            self.repair(replace(reading.plan, edits=(), files=()))
        self.say("Loading it ...")
        run = self.until_it_answers([PredictionRequest(AS_SUBMITTED, sample.val.images[:N_FEW])], reading)
        if run and self.pending(reading) != self.plan:
            self.repair(self.pending(reading))  # not what stops it here, but the target, or another machine
        return run

    def until_it_answers(self, requests: list[PredictionRequest], reading: static_checks.Reading) -> EntryRun | None:
        """Run it, repairing what can be repaired in between, until it answers; None where it does not."""
        while (run := self.run(requests)).outcome is not Outcome.SCORED:
            output = output_of(run)
            self.findings, known = promote(self.findings, run)
            if output and not self.plan.output:
                self.findings.append(_wrong_output(output.cause, output.remedy, run))
                self.repair(replace(self.plan, output=output.name))
            elif self.pending(reading) != self.plan:
                self.repair(self.pending(reading))
            else:
                self.findings += [] if known else [explain(run)]
                return None
        return run

    def pending(self, reading: static_checks.Reading) -> Plan:
        """Return the plan at hand with all that reading found to fix inside the entrant's files."""
        return replace(self.plan, edits=reading.plan.edits, files=reading.plan.files)

    def repair(self, plan: Plan) -> None:
        """Put a repaired zip in the place of the one at hand."""
        self.n_repaired += 1
        zip_path = self.folder / f"repaired-{self.n_repaired}.zip"
        repair(self.entry, plan, self.frozen.contest, self.folder / f"repaired-{self.n_repaired}", zip_path)
        self.zip_path, self.plan, self.was_repaired = zip_path, plan, True

    def measure(self, few: EntryRun, run: EntryRun, zip_bytes: int) -> None:
        """Compare what it needed with what the target gives."""
        counts = {split: sum(self.frozen.lock.counts[split].values()) for split in HANDED_OVER}
        hidden = counts.pop("public") + counts.pop("private")
        measured = fit.Measured(
            zip_bytes=zip_bytes,
            load_s=run.seconds.get("load", 0.0),
            predict_s=run.seconds.get(AS_SUBMITTED, 0.0),
            n=len(run.predictions[AS_SUBMITTED]),
            n_few=N_FEW,
            memory_mb=run.peak_memory_mb,
            memory_few_mb=few.peak_memory_mb,
        )
        limits = self.frozen.contest.limits
        handed = {**counts, "hidden": hidden} if self.target.as_contest else {"hidden": hidden}
        self.fits = fit.compare(measured, self.target, limits, handed)
        self.findings += fit.findings(self.fits, self.target)

    def prove(self, plan: Plan, sample: behaviour.Sample) -> None:
        """Fix input and labels, and run the result on all images of the sample: no promise is left untried."""
        self.repair(plan)
        self.say("Trying the repaired zip ...")
        run = self.run([PredictionRequest(REPAIRED, sample.val.images)])
        if run.outcome is Outcome.SCORED:
            hits = run.predictions[REPAIRED] == sample.val.labels
            self.accuracy[REPAIRED], self.n[REPAIRED] = float(hits.mean()), len(hits)


def examine(
    path: Path,
    frozen: Frozen,
    target: fit.Target,
    *,
    scratch: Path,
    fix: Path | None = None,
    isolation: Choice = "auto",
    device: Device = "auto",
    runtimes: Path | None = None,
    say: Say = lambda text: None,
) -> Checkup:
    """Examine a submission and say what is the matter with it, the worst first.

    Parameters
    ----------
    path : Path
        A zip, or a folder, which is zipped as it is.
    frozen : Frozen
        The contest whose public images it is tried on; nothing private is read.
    target : Target
        Where it is to run.
    scratch : Path
        Folder for temporary files.
    fix : Path, optional
        Where to write a repaired zip.
    isolation, device : str
        See `harness.sandbox.run.run_entry`.
    runtimes : Path, optional
        The folder of the runtimes that were built.
    say : callable, optional
        Gets a sentence when something starts that takes a while.

    Raises
    ------
    UsageError
        There is no such zip or folder, or `fix` would overwrite it.
    """
    started = time.monotonic()
    if not path.exists():
        raise UsageError(f"There is no zip or folder {path}.", "Look for a misspelt name.")
    if fix and fix.resolve() == path.resolve():
        raise UsageError("The repaired zip would overwrite the one it is made of.", "Give -o another name.")
    with scratch_folder(scratch) as folder:
        zip_path, left_out = path, list[str]()
        if path.is_dir():
            zip_path = folder / "folder.zip"
            left_out = zip_of(path, zip_path)
        there = Runtimes(runtimes, frozen.contest.runtimes)
        examination = Examination(frozen, target, folder, zip_path, isolation, device, there, say)
        if left_out:
            more = f" and {len(left_out) - SHOWN} more" if len(left_out) > SHOWN else ""
            examination.findings.append(_note(f"Left out of the zip: {', '.join(left_out[:SHOWN])}{more}."))
        examination.look()
        repaired = ""
        if fix and examination.was_repaired:
            fix.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(examination.zip_path, fix)
            repaired = str(fix)
        return Checkup(
            path=str(path),
            target=target.name,
            findings=worst_first(examination.findings),
            fits=examination.fits,
            looked_at=tuple(LOOKED_AT[word] for word in examination.looked_at),
            accuracy=examination.accuracy,
            n=examination.n,
            repaired=repaired,
            isolation=examination.ran.isolation if examination.ran else "",
            missing_restrictions=examination.ran.missing_restrictions if examination.ran else (),
            seconds=round(time.monotonic() - started, 1),
        )


def _refused(refusal: RefusedZip, changes: tuple[str, ...], reason: str) -> Finding:
    return Finding(
        code="refused",
        severity=Severity.FAIL,
        title=refusal.message,
        cause="The zip check lets a submission in whole or not at all.",
        evidence=" ".join(changes) or reason,
        fix=refusal.hint,
        fixable=bool(changes),
    )


def _note(note: str) -> Finding:
    return Finding(code="zip-note", severity=Severity.NOTE, title=note)


def _wrong_output(cause: str, remedy: str, run: EntryRun) -> Finding:
    return Finding(
        code="output",
        severity=Severity.FAIL,
        title="predict does not return integer labels of shape (n,)",
        cause=cause,
        evidence=run.message,
        fix=remedy,
        fixable=True,
    )


def explain(run: EntryRun) -> Finding:
    """Return the finding for a run that did not score."""
    last = " | ".join(printable(line) for line in run.log.strip().splitlines()[-3:] if line.strip())
    return Finding(
        code=str(run.outcome).replace("_", "-"),
        severity=Severity.FAIL,
        title=run.message or f"It ended as {run.outcome}",
        cause=CAUSES.get(run.outcome, ""),
        evidence=f"Last log lines: {last[-400:]}" if last else "",
        fix=run.hint,
        subject=run.subject,
    )


def promote(findings: list[Finding], run: EntryRun) -> tuple[list[Finding], bool]:
    """Make suspicions that a failed run bears out into failures; return whether there was one."""
    borne_out = [finding for finding in findings if finding.code in STATIC and _bears_out(run, finding)]
    changed = [
        msgspec.structs.replace(
            finding, severity=Severity.FAIL, evidence=f"{finding.evidence}. When run: {run.message}"
        )
        if finding in borne_out
        else finding
        for finding in findings
    ]
    return changed, bool(borne_out)


def _bears_out(run: EntryRun, finding: Finding) -> bool:
    """Tell whether a run failed of what was found: by its code and subject, else by the name in what a library said."""
    if finding.code == "import":
        return run.code == "module_missing" and run.subject.partition(".")[0] == finding.subject
    if finding.code == "wrong-file" and run.hint.startswith(finding.title):
        return True
    if finding.code.startswith("saved-") and run.code == "keras_error":
        return True
    return PurePosixPath(finding.subject).name in (run.subject or run.message)
